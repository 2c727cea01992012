/* Timers: deadlines of parked tasks, in one pairing heap a worker.
 *
 * Source: M. Fredman, R. Sedgewick, D. Sleator, R. Tarjan, "The pairing heap: a new form of self-adjusting
 * heap", Algorithmica 1 (1986). Intrusive: arming a timer allocates nothing and is O(1); disarming any timer is
 * O(log n) amortised.
 * A heap's lock guards its links and is held while expire() runs: once timer_disarm() has returned, expire()
 * is neither running nor will it run. */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "lock.h"
#include "weft.h"

#define WEFT_FOREVER INT64_MAX

struct task;
struct timers;

struct timer {
    weft_ns when;
    /* Tries to end the wait that the timer guards; true: it won, and task, which is parked, must be readied. Runs
     * under the heap's lock and must not call out. */
    bool (*expire)(struct timer *timer);
    struct task *task;
    /* the heap's: under its lock */
    struct timers *heap;
    bool armed;
    struct timer *child, *next, *prev; /* prev: elder sibling, or the parent of a first child */
};

struct timers {
    struct lock lock;
    struct timer *root;
    _Atomic(weft_ns) first; /* root's instant, WEFT_FOREVER if empty; written under the lock, read as a hint */
};

void timers_init(struct timers *timers);
/* True if this is now the first timer of the heap. */
bool timer_arm(struct timers *timers, struct timer *timer);
void timer_disarm(struct timer *timer);
/* Takes out one timer that is due, and expires it. True: *task is to be readied (NULL: nothing was won). */
bool timers_expire_one(struct timers *timers, weft_ns now, struct task **task);

#endif
