/* Every atomic operation of the library may be followed by a delay: so an operation is interrupted between any two of its steps, now and then,
 * as by a preemption. Forced in before every file of a second copy of the library (CMakeLists.txt), the tests link one or the other.
 *
 * The operations keep their names, orders and results; a delay is behind the operation, as what it publishes is then seen by others before its
 * thread goes on. */
#ifndef LINEAR_NUDGE_H
#define LINEAR_NUDGE_H

#include "core/atomic.h"

/* Mostly nothing; one time in some dozens the thread spins, gives its processor away, or sleeps a little. */
void nudge(void);

/* The value of an atomic operation, delayed. */
#define nudged(operation)                                                                                              \
    __extension__({                                                                                                    \
        __auto_type nudged_value = (operation);                                                                        \
        nudge();                                                                                                       \
        nudged_value;                                                                                                  \
    })
#define nudged_store(operation) ((operation), nudge())

/* All that publish, or look at what others publish: those whose order counts. */
#undef load_acquire
#define load_acquire(p) nudged(atomic_load_explicit((p), memory_order_acquire))
#undef load_seq_cst
#define load_seq_cst(p) nudged(atomic_load_explicit((p), memory_order_seq_cst))
#undef store_release
#define store_release(p, v) nudged_store(atomic_store_explicit((p), (v), memory_order_release))
#undef store_seq_cst
#define store_seq_cst(p, v) nudged_store(atomic_store_explicit((p), (v), memory_order_seq_cst))
#undef exchange_acquire
#define exchange_acquire(p, v) nudged(atomic_exchange_explicit((p), (v), memory_order_acquire))
#undef exchange_acq_rel
#define exchange_acq_rel(p, v) nudged(atomic_exchange_explicit((p), (v), memory_order_acq_rel))
#undef exchange_seq_cst
#define exchange_seq_cst(p, v) nudged(atomic_exchange_explicit((p), (v), memory_order_seq_cst))
#undef add_acq_rel
#define add_acq_rel(p, v) nudged(atomic_fetch_add_explicit((p), (v), memory_order_acq_rel))
#undef add_seq_cst
#define add_seq_cst(p, v) nudged(atomic_fetch_add_explicit((p), (v), memory_order_seq_cst))
#undef sub_release
#define sub_release(p, v) nudged(atomic_fetch_sub_explicit((p), (v), memory_order_release))
#undef sub_acq_rel
#define sub_acq_rel(p, v) nudged(atomic_fetch_sub_explicit((p), (v), memory_order_acq_rel))
#undef sub_seq_cst
#define sub_seq_cst(p, v) nudged(atomic_fetch_sub_explicit((p), (v), memory_order_seq_cst))
#undef or_seq_cst
#define or_seq_cst(p, v) nudged(atomic_fetch_or_explicit((p), (v), memory_order_seq_cst))
#undef cas_weak_acquire
#define cas_weak_acquire(p, expected, v)                                                                               \
    nudged(atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed))
#undef cas_weak_acq_rel
#define cas_weak_acq_rel(p, expected, v)                                                                               \
    nudged(atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_relaxed))
#undef cas_weak_seq_cst
#define cas_weak_seq_cst(p, expected, v)                                                                               \
    nudged(atomic_compare_exchange_weak_explicit((p), (expected), (v), memory_order_seq_cst, memory_order_relaxed))
#undef cas_acq_rel
#define cas_acq_rel(p, expected, v)                                                                                    \
    nudged(atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acq_rel, memory_order_acquire))
#undef cas_acquire
#define cas_acquire(p, expected, v)                                                                                    \
    nudged(atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_acquire, memory_order_relaxed))
#undef cas_release
#define cas_release(p, expected, v)                                                                                    \
    nudged(atomic_compare_exchange_strong_explicit((p), (expected), (v), memory_order_release, memory_order_acquire))

#endif
