/* For the preset `inject` only (WEFT_TEST_POINTS): each atomic operation that publishes, claims or orders something
 * first calls a hook, in which a test may hold the thread up for as long as it likes. Included at the end of atomic.h,
 * whose names it wraps; in any other build there is nothing of it.
 *
 * Why every such operation, and not a list of places: a park, a publication and a steal each take effect by one of
 * them, so no window can be forgotten, and what is added later has its points at once. A hook knows the place by its
 * return address: each inlined copy is one of its own. */
#ifndef CORE_TEST_POINT_H
#define CORE_TEST_POINT_H

#include <stdbool.h>

/* The test program's; weak, as other programs of that build have none. */
void test_point_reached(void) __attribute__((weak));
/* Before a weak compare-and-swap: is it to fail for no reason, as some processors do and x86-64 never does? */
bool test_point_fails(void) __attribute__((weak));

#define test_point() (test_point_reached ? test_point_reached() : (void)0)

#undef load_seq_cst
#define load_seq_cst(p) (test_point(), atomic_load_explicit((p), memory_order_seq_cst))

#undef store_release
#undef store_seq_cst
#define store_release(p, v) (test_point(), atomic_store_explicit((p), (v), memory_order_release))
#define store_seq_cst(p, v) (test_point(), atomic_store_explicit((p), (v), memory_order_seq_cst))

#undef exchange_acquire
#undef exchange_acq_rel
#undef exchange_seq_cst
#define exchange_acquire(p, v) (test_point(), atomic_exchange_explicit((p), (v), memory_order_acquire))
#define exchange_acq_rel(p, v) (test_point(), atomic_exchange_explicit((p), (v), memory_order_acq_rel))
#define exchange_seq_cst(p, v) (test_point(), atomic_exchange_explicit((p), (v), memory_order_seq_cst))

#undef add_release
#undef add_acq_rel
#undef add_seq_cst
#undef sub_release
#undef sub_acq_rel
#undef sub_seq_cst
#undef and_release
#undef or_seq_cst
#undef or_release
#define add_release(p, v) (test_point(), atomic_fetch_add_explicit((p), (v), memory_order_release))
#define add_acq_rel(p, v) (test_point(), atomic_fetch_add_explicit((p), (v), memory_order_acq_rel))
#define add_seq_cst(p, v) (test_point(), atomic_fetch_add_explicit((p), (v), memory_order_seq_cst))
#define sub_release(p, v) (test_point(), atomic_fetch_sub_explicit((p), (v), memory_order_release))
#define sub_acq_rel(p, v) (test_point(), atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel))
#define sub_seq_cst(p, v) (test_point(), atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst))
#define and_release(p, v) (test_point(), atomic_fetch_and_explicit((p), (v), memory_order_release))
#define or_seq_cst(p, v) (test_point(), atomic_fetch_or_explicit((p), (v), memory_order_seq_cst))
#define or_release(p, v) (test_point(), atomic_fetch_or_explicit((p), (v), memory_order_release))

#define test_point_cas_weak(p, expected, v, success)                                                                   \
    (test_point(), test_point_fails && test_point_fails()                                                              \
                       ? (*(expected) = atomic_load_explicit((p), memory_order_relaxed), false)                        \
                       : atomic_compare_exchange_weak_explicit((p), (expected), (v), success, memory_order_relaxed))
#define test_point_cas(p, expected, v, success, failure)                                                               \
    (test_point(), atomic_compare_exchange_strong_explicit((p), (expected), (v), success, failure))
#undef cas_weak_relaxed
#undef cas_weak_acquire
#undef cas_weak_acq_rel
#undef cas_weak_seq_cst
#undef cas_acq_rel
#undef cas_acquire
#undef cas_release
#define cas_weak_relaxed(p, expected, v) test_point_cas_weak(p, expected, v, memory_order_relaxed)
#define cas_weak_acquire(p, expected, v) test_point_cas_weak(p, expected, v, memory_order_acquire)
#define cas_weak_acq_rel(p, expected, v) test_point_cas_weak(p, expected, v, memory_order_acq_rel)
#define cas_weak_seq_cst(p, expected, v) test_point_cas_weak(p, expected, v, memory_order_seq_cst)
#define cas_acq_rel(p, expected, v) test_point_cas(p, expected, v, memory_order_acq_rel, memory_order_acquire)
#define cas_acquire(p, expected, v) test_point_cas(p, expected, v, memory_order_acquire, memory_order_relaxed)
#define cas_release(p, expected, v) test_point_cas(p, expected, v, memory_order_release, memory_order_acquire)

#endif
