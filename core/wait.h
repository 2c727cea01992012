/* Waiting: the word that decides who ends a wait, and the queues that waiters stand in.
 *
 * A `wait` is one blocking operation of one task: a select, or a timed send or receive. A `waiter` is its entry
 * in the queue of one channel. A plain send or receive needs no `wait`: it stands in one queue, so whoever takes
 * it out under the queue's lock has claimed it.
 *
 * The word `claim`:
 *   OPEN      the task runs; it is still registering, or about to park
 *   PARKED    the task has parked: whoever claims it must ready it
 *   BUSY      the task tries to pair itself with another waiting select (rendezvous.c) and will be OPEN or WON in a
 *             moment: claimers wait
 *   WON + i   case i has won; final. i = WON_TIMEOUT: the deadline
 * Ordering: each change is a CAS with acq_rel, so that the claimer sees what the task wrote before (C1: PARKED by
 * commit) and the task sees what the claimer wrote (through ready, or through the queue's lock).
 *
 * Invariants
 *   W1  A waiter is touched only under the lock of its queue while it is `queued`, or by its claimer before
 *       ready().
 *   W2  The owner takes each of its waiters out of its queue, under the lock, before the waiter's memory goes. */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include "sched.h"

enum { CLAIM_OPEN, CLAIM_PARKED, CLAIM_BUSY, CLAIM_WON };
#define WON_TIMEOUT (UINT32_MAX - CLAIM_WON)

struct wait {
    _Atomic(uint32_t) claim;
    struct task *task;
    bool parked; /* the task has parked and was readied, or is about to be; written by the commit */
    struct timer timer;
};

struct waiter {
    struct waiter *prev, *next;
    struct task *task;
    struct wait *wait; /* NULL: plain */
    uint32_t index;    /* of the case */
    bool queued;
    enum weft_status status; /* out: OK, CLOSED: done on the waiter's behalf; AGAIN: try (again) */
    void *value;             /* where to copy from or to */
    struct waiter
        *ahead; /* a hint, never followed: one that stands behind this one in a long queue, or has stood there */
};

/* Each waiter is on a stack, a page of its own, so that walking a long queue waits for memory at each step. One that
 * joins a queue so long leaves its address with the one that is WAITQ_AHEAD places before it: whoever takes that one
 * out can call for it. */
enum { WAITQ_LONG = 64, WAITQ_AHEAD = 6 };

/* First come, first served. Guarded by a lock that its owner names; count may be read without. */
struct waitq {
    struct waiter *head, *tail;
    _Atomic(uint32_t) count;
    _Atomic(uint32_t) arrivals; /* waiters so far, counted behind `count`; wraps, compared for equality only */
};

static cold_function void waitq_leave_ahead(struct waiter *waiter)
{
    struct waiter *before = waiter;
    for (unsigned i = 0; i < WAITQ_AHEAD; i++) {
        before = before->prev;
    }
    before->ahead = waiter;
}

static force_inline void waitq_push(struct waitq *queue, struct waiter *waiter)
{
    waiter->next = NULL;
    waiter->prev = queue->tail;
    waiter->ahead = NULL;
    if (queue->tail == NULL) {
        queue->head = waiter;
    } else {
        queue->tail->next = waiter;
    }
    queue->tail = waiter;
    waiter->queued = true;
    if (unlikely(load_relaxed(&queue->count) >= WAITQ_LONG)) { /* under the lock */
        waitq_leave_ahead(waiter);
    }
    /* relaxed: under the lock there is one writer; for those who look at the queue under the lock, or for whom a waiter
     * that they have not heard of need not be there */
    store_relaxed(&queue->count, load_relaxed(&queue->count) + 1);
    /* release: who sees this arrival sees the count too. The other way round a select could read the new version, look
     * before the count has changed, and read the same version again long after the waiter has come
     * (chan_ops.version). */
    store_release(&queue->arrivals, load_relaxed(&queue->arrivals) + 1);
}

/* For channels that are changed without the lock. */
static force_inline void waitq_push_announced(struct waitq *queue, struct waiter *waiter)
{
    waitq_push(queue, waiter);
    /* seq_cst: first half of the handshake "count a waiter, then look at the channel" against "change the channel, then
     * look at the count" (chan_notify). An exchange, as the store that keeps later loads behind it. */
    if (!weft_alone) { /* program order is all that one thread needs */
        exchange_seq_cst(&queue->count, load_relaxed(&queue->count));
    }
}

static force_inline void waitq_remove(struct waitq *queue, struct waiter *waiter)
{
    if (waiter->prev == NULL) {
        queue->head = waiter->next;
    } else {
        waiter->prev->next = waiter->next;
    }
    if (waiter->next == NULL) {
        queue->tail = waiter->prev;
    } else {
        waiter->next->prev = waiter->prev;
    }
    waiter->queued = false;
    /* under the lock there is one writer; a reader that sees the old count takes the lock and looks. release: one that
     * sees the new one, and fails for it, sees what the remover did before (chan_ops.version) */
    store_release(&queue->count, load_relaxed(&queue->count) - 1);
}

/* Ends the wait in favour of `index`. True: won; *parked then says whether the caller must ready the task. */
static inline bool wait_claim(struct wait *wait, uint32_t index, bool *parked)
{
    for (unsigned round = 0;; round++) {
        uint32_t seen = load_relaxed(&wait->claim); /* the CAS validates */
        if (seen >= CLAIM_WON) {
            return false;
        }
        if (seen == CLAIM_BUSY) {
            backoff(round);
            continue;
        }
        /* C1 (from PARKED): the task's registers are saved; release: what the claimer wrote before */
        if (task_cas_weak_acq_rel(&wait->claim, &seen, CLAIM_WON + index)) {
            *parked = seen == CLAIM_PARKED;
            return true;
        }
    }
}

/* A timer's expire(). */
static inline struct task *wait_expire(struct timer *timer, weft_ns now)
{
    (void)now;
    struct wait *wait = (struct wait *)(void *)((char *)timer - offsetof(struct wait, timer));
    struct task *task = wait->task; /* before the claim: the wait may be gone behind it */
    bool parked = false;
    return wait_claim(wait, WON_TIMEOUT, &parked) && parked ? task : NULL;
}

/* The calling task's. */
static force_inline void wait_init(struct wait *wait, weft_ns deadline)
{
    store_relaxed(&wait->claim, (uint32_t)CLAIM_OPEN); /* nobody knows it yet */
    wait->task = task_self();
    wait->parked = false;
    if (unlikely(deadline != WEFT_FOREVER)) {
        wait->timer = (struct timer){.when = deadline, .expire = wait_expire};
    }
}

/* In no queue yet: what is left out here is written when it enters one. */
static force_inline void waiter_init(struct waiter *waiter, struct wait *wait, uint32_t index, void *value)
{
    waiter->task = wait->task;
    waiter->wait = wait;
    waiter->index = index;
    waiter->queued = false;
    waiter->status = WEFT_AGAIN;
    waiter->value = value;
}

/* Claims a waiter that is in a queue whose lock the caller holds, and takes it out in any case. */
static inline bool waiter_claim(struct waitq *queue, struct waiter *waiter, bool *parked)
{
    if (unlikely(waiter->ahead != NULL)) {
        prefetch_two(waiter->ahead);
    }
    waitq_remove(queue, waiter);
    if (waiter->wait == NULL) {
        *parked = true; /* under the lock: it has committed */
        return true;
    }
    return wait_claim(waiter->wait, waiter->index, parked);
}

/* A park_commit for a `wait`. */
static inline bool wait_commit(void *arg)
{
    struct wait *wait = arg;
    uint32_t expected = CLAIM_OPEN;
    wait->parked = true;                                           /* C1 publishes it */
    if (task_cas_acq_rel(&wait->claim, &expected, CLAIM_PARKED)) { /* C1 */
        return true;                                               /* from here on `wait` may be gone */
    }
    wait->parked = false;
    return false;
}
#endif
