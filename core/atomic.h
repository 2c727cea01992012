/* Atomic operations named by their memory order: the one place that says atomic_*_explicit. A backend replaces these
 * and cpu_relax(), and nothing else: WEFT_ATOMIC_BACKEND names its header (the model checker's is
 * tests/model/model_atomic.h).
 * Under a sanitizer the operations are C11's own, which it knows; there is no fence in the tree, which it would not.
 *
 * Pointers are to _Atomic objects. A compare-and-swap names both orders: success in its name, failure is
 * relaxed unless it says otherwise, and on failure *expected holds what was seen. */
#ifndef CORE_ATOMIC_H
#define CORE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef WEFT_ATOMIC_BACKEND
#include WEFT_ATOMIC_BACKEND
#endif

#define load_relaxed(p) atomic_load_explicit((p), memory_order_relaxed)
#define load_acquire(p) atomic_load_explicit((p), memory_order_acquire)
#define load_seq_cst(p) atomic_load_explicit((p), memory_order_seq_cst)

#define store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define store_seq_cst(p, v) atomic_store_explicit((p), (v), memory_order_seq_cst)

#define exchange_acquire(p, v) atomic_exchange_explicit((p), (v), memory_order_acquire)
#define exchange_acq_rel(p, v) atomic_exchange_explicit((p), (v), memory_order_acq_rel)
#define exchange_seq_cst(p, v) atomic_exchange_explicit((p), (v), memory_order_seq_cst)

#define add_relaxed(p, v) atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define add_release(p, v) atomic_fetch_add_explicit((p), (v), memory_order_release)
#define add_acq_rel(p, v) atomic_fetch_add_explicit((p), (v), memory_order_acq_rel)
#define add_seq_cst(p, v) atomic_fetch_add_explicit((p), (v), memory_order_seq_cst)
#define sub_release(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_release)
#define sub_acq_rel(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel)
#define sub_seq_cst(p, v) atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst)
#define and_relaxed(p, v) atomic_fetch_and_explicit((p), (v), memory_order_relaxed)
#define and_release(p, v) atomic_fetch_and_explicit((p), (v), memory_order_release)
#define or_seq_cst(p, v) atomic_fetch_or_explicit((p), (v), memory_order_seq_cst)
#define or_release(p, v) atomic_fetch_or_explicit((p), (v), memory_order_release)

/* Weak: may fail for no reason; for loops. */
#define cas_weak_relaxed(p, expected, v)                                                                               \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_relaxed, memory_order_relaxed)
#define cas_weak_acquire(p, expected, v)                                                                               \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed)
#define cas_weak_acq_rel(p, expected, v)                                                                               \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_relaxed)
#define cas_weak_seq_cst(p, expected, v)                                                                               \
    atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_seq_cst, memory_order_relaxed)
#define cas_relaxed(p, expected, v)                                                                                    \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_relaxed, memory_order_relaxed)
#define cas_acq_rel(p, expected, v)                                                                                    \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_acquire)
#define cas_acquire(p, expected, v)                                                                                    \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed)
#define cas_release(p, expected, v)                                                                                    \
    atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_release, memory_order_acquire)

/* A counter with one writer (its owner) and any number of readers: no read-modify-write is needed. */
#define count_up(p, n) store_relaxed((p), load_relaxed(p) + (n))

/* Tells the processor that this is a spin loop. */
#ifndef cpu_relax /* a backend's */
static inline void cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}
#endif

#define CACHE_LINE 64
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define force_inline inline __attribute__((always_inline))
#define cold_function __attribute__((cold, noinline))

#ifdef WEFT_TEST_POINTS
#include "test_point.h"
#endif

/* Calls for two cache lines that will be written soon. A hint: any address will do, NULL too. */
static force_inline void prefetch_two(const void *address)
{
    __builtin_prefetch(address, 1);
    __builtin_prefetch((const void *)((uintptr_t)address + CACHE_LINE), 1);
}

#endif
