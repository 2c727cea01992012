/* A spin lock for short sections that never park: some dozen instructions, the copy of one element, or the switch to
 * another stack (a task that parks releases its lock from there, see sched.h).
 *
 * Idea: test and test-and-set; one read-modify-write to take, one plain store to release. A loser stays
 * away for some microseconds and then gives up its processor (sched_yield), and later sleeps 50 us a time, so that on
 * an oversubscribed machine it does not burn the slice of the very thread that it waits for.
 * The lock may be released by another task than the one that took it (park() commits on the next task's
 * stack), but always by the same thread. Not fair.
 * Ordering: release L1 -> acquire L2: all that was written in one section is seen in the next. */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "atomic.h"

struct lock {
    _Atomic(uint32_t) held; /* 0 or 1 */
};

void lock_acquire_contended(struct lock *lock);

static force_inline bool lock_try(struct lock *lock)
{
    /* L2, acquire: pairs with L1 */
    return exchange_acquire(&lock->held, 1u) == 0;
}

static force_inline void lock_acquire(struct lock *lock)
{
    if (unlikely(!lock_try(lock))) {
        lock_acquire_contended(lock);
    }
}

static force_inline void lock_release(struct lock *lock)
{
    store_release(&lock->held, 0u); /* L1 -> L2 */
}

/* --- what only tasks touch -------------------------------------------------------------------------- */

/* True while the run has one worker that is a thread: tasks then run one at a time and give way only where they park,
 * yield or end.
 * So nobody is ever in the middle of a section that another task wants to enter, and what only tasks touch (never a
 * thread outside, the monitor, a signal handler) needs no read-modify-write. Written by weft_run, before its worker
 * starts and after it has ended.
 * Never under the thread sanitizer, which would miss the order that one thread is. */
extern bool weft_alone;

/* A lock that only tasks take. */
static force_inline void task_lock(struct lock *lock)
{
    if (!weft_alone) {
        lock_acquire(lock);
    }
}

/* The compare-and-swaps of words that only tasks change: with the order that the name says, or plain. */
#define task_cas_plain(p, expected, v)                                                                                 \
    (load_relaxed(p) == *(expected) ? (store_relaxed((p), (v)), true) : (*(expected) = load_relaxed(p), false))
#define task_cas_weak_acquire(p, expected, v)                                                                          \
    (weft_alone ? task_cas_plain(p, expected, v) : cas_weak_acquire(p, expected, v))
#define task_cas_weak_acq_rel(p, expected, v)                                                                          \
    (weft_alone ? task_cas_plain(p, expected, v) : cas_weak_acq_rel(p, expected, v))
#define task_cas_weak_seq_cst(p, expected, v)                                                                          \
    (weft_alone ? task_cas_plain(p, expected, v) : cas_weak_seq_cst(p, expected, v))
#define task_cas_acq_rel(p, expected, v) (weft_alone ? task_cas_plain(p, expected, v) : cas_acq_rel(p, expected, v))
#define task_cas_acquire(p, expected, v) (weft_alone ? task_cas_plain(p, expected, v) : cas_acquire(p, expected, v))
#define task_cas_release(p, expected, v) (weft_alone ? task_cas_plain(p, expected, v) : cas_release(p, expected, v))

/* Adds or subtracts, and returns what was there before. */
#define task_add_acq_rel(p, v) (weft_alone ? (count_up((p), (v)), load_relaxed(p) - (v)) : add_acq_rel(p, v))
#define task_sub_release(p, v) (weft_alone ? (count_up((p), -(v)), load_relaxed(p) + (v)) : sub_release(p, v))

/* One step of waiting for another thread, which is in the middle of something: `round` counts from 0; see above for
 * what happens when. */
void backoff(unsigned round);

/* The same for who has lost a race for a cache line: he stays away from it for about a microsecond, longer each time.
 * His next look would take the line, and with it what it guards, from the winner, who meanwhile does dozens of sections
 * at the price of one. T. Anderson, "The performance of spin lock alternatives for shared-memory multiprocessors" (IEEE
 * TPDS 1, 1990). */
void stay_away(unsigned round);

#endif
