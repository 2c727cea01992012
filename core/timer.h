/* Timers: deadlines of parked tasks, timers and tickers, in one pairing heap a worker.
 *
 * Source: M. Fredman, R. Sedgewick, D. Sleator, R. Tarjan, "The pairing heap: a new form of self-adjusting
 * heap", Algorithmica 1 (1986). Intrusive: arming a timer allocates nothing and is O(1); disarming any timer is
 * O(log n) amortised.
 * A heap's lock guards its links and is held while expire() runs: once timer_disarm() has returned, expire()
 * is neither running nor will it run. What must be done without the lock is done by fire(), which expire() asks for; it
 * has then to keep the timer's memory from going. */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include "lock.h"
#include "weft.h"

#define WEFT_FOREVER INT64_MAX

struct task;
struct timers;

struct timer {
    weft_ns when;
    weft_ns period; /* > 0: after expire() it is armed again, a whole number of periods later */
    /* Returns a parked task that is to be readied, NULL, or one of the two below. May take the lock of one channel and
     * spawn, and nothing else. */
    struct task *(*expire)(struct timer *timer, weft_ns now);
    void (*fire)(
        struct timer *timer); /* after TIMER_FIRE, without the lock; the timer may be armed again, or freed, in it */
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

/* The instant `delay` from now on the clock of weft_now(), at most WEFT_FOREVER - 1. */
weft_ns instant_after(weft_ns delay);

void timers_init(struct timers *timers);
/* What expire() may return: call fire(); try again in a millisecond. */
#define TIMER_FIRE ((struct task *)1)
#define TIMER_AGAIN ((struct task *)2)

/* True if this is now the first timer of the heap. */
bool timer_arm(struct timers *timers, struct timer *timer);
/* For whoever armed it last, or orders himself behind that. True: it was in the heap. */
bool timer_disarm(struct timer *timer);
/* Takes out one timer that is due, and expires or fires it. True: *task is to be readied (NULL: nothing was won). */
bool timers_expire_one(struct timers *timers, weft_ns now, struct task **task);

#endif
