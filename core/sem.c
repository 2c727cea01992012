/* weft_sem: a weighted semaphore, first come, first served.
 *
 * Idea: permits under a lock; who can't be served waits in a queue; with a context on a mailbox of its own that release
 * closes, so that waiting for both is a select. Nobody overtakes the head of the queue.
 * Source: golang.org/x/sync/semaphore, for the rules; E. W. Dijkstra, "Cooperating sequential processes" (1965).
 * State: all under `lock`. A waiter is on its task's stack. Lock order: the semaphore's, then a mailbox's.
 * Invariants
 *   S1  A waiter is in the queue, or has been granted its permits, under the lock; granted is final.
 *   S2  Its mailbox is closed under the lock too: a waiter that selects takes the lock once more before it leaves, so
 *       that whoever closed it is through with it.
 *   S3  When the head of the queue changes or permits come, all that can be served from the head on are. */
#include "mailbox.h"
#include "sync.h"

#include <stddef.h>

struct sem {
    uint64_t permits;         /* under the lock */
    struct sync_waiter *tail; /* under the lock */
    struct lock lock;
};
_Static_assert(sizeof(struct sem) <= sizeof(struct weft_sem), "fits");

struct sem_waiter {
    struct sync_waiter link;
    bool selects;           /* else it is parked, and its task to be readied */
    struct mailbox granted; /* closed: the permits are the waiter's */
};

static force_inline struct sem *sem_of(struct weft_sem *sem)
{
    return (struct sem *)(void *)sem;
}

/* Under the lock: S3. Returns those that are to be readied once the lock is released. */
static struct sync_waiter *serve(struct sem *self)
{
    struct sync_waiter *head, *parked = NULL;
    while ((head = sync_head(self->tail)) != NULL && head->count <= self->permits) {
        self->permits -= head->count;
        sync_pop(&self->tail);
        head->granted = true;
        struct sem_waiter *waiter = (struct sem_waiter *)(void *)head;
        if (waiter->selects) {
            mailbox_close(&waiter->granted);
        } else {
            sync_push(&parked, head);
        }
    }
    return parked;
}

/* Under the lock: takes a waiter that gives up out of the queue. Returns what serve does. */
static struct sync_waiter *leave(struct sem *self, struct sync_waiter *waiter)
{
    struct sync_waiter *rest = NULL, *other;
    while ((other = sync_pop(&self->tail)) != NULL) {
        if (other != waiter) {
            sync_push(&rest, other);
        }
    }
    self->tail = rest;
    return serve(self);
}

void weft_sem_init(struct weft_sem *sem, uint64_t permits)
{
    *sem_of(sem) = (struct sem){.permits = permits};
}

static bool take(struct sem *self, uint64_t count)
{
    if (self->tail != NULL || self->permits < count) {
        return false;
    }
    self->permits -= count;
    return true;
}

bool weft_sem_try_acquire(struct weft_sem *sem, uint64_t count)
{
    struct sem *self = sem_of(sem);
    task_enter();
    task_lock(&self->lock);
    bool taken = take(self, count);
    lock_release(&self->lock);
    return taken;
}

/* In the queue. A grant that comes together with the context's end is given back, as in Go. */
static enum weft_status wait_for_grant(struct sem *self, struct sem_waiter *waiter, struct weft_ctx *ctx)
{
    struct weft_case cases[] = {{.chan = &waiter->granted.chan, .op = WEFT_RECV},
                                {.chan = weft_ctx_done(ctx), .op = WEFT_RECV}};
    bool granted = weft_select(cases, 2) == 0;
    struct sync_waiter *parked = NULL;
    task_lock(&self->lock); /* S2 */
    if (!granted && waiter->link.granted) {
        self->permits += waiter->link.count;
        parked = serve(self);
    } else if (!granted) {
        parked = leave(self, &waiter->link);
    }
    lock_release(&self->lock);
    sync_ready_all(parked);
    return granted ? WEFT_OK : weft_ctx_err(ctx);
}

enum weft_status weft_sem_acquire(struct weft_sem *sem, uint64_t count, struct weft_ctx *ctx)
{
    struct sem *self = sem_of(sem);
    struct sem_waiter waiter = {.link = {.task = task_self(), .count = count}};
    task_enter();
    task_lock(&self->lock);
    if (take(self, count)) {
        lock_release(&self->lock);
        return WEFT_OK;
    }
    sync_push(&self->tail, &waiter.link);
    if (ctx == NULL) {
        task_park(WAIT_SEM, self, park_unlock, &self->lock, NULL);
        return WEFT_OK;
    }
    waiter.selects = true;
    mailbox_init(&waiter.granted, 0, 0, NULL);
    lock_release(&self->lock);
    return wait_for_grant(self, &waiter, ctx);
}

void weft_sem_release(struct weft_sem *sem, uint64_t count)
{
    struct sem *self = sem_of(sem);
    task_self(); /* panics outside of a task */
    task_lock(&self->lock);
    uint64_t permits = self->permits;
    bool too_many = permits > INT64_MAX || count > INT64_MAX - permits;
    struct sync_waiter *parked = NULL;
    if (!too_many) {
        self->permits += count;
        parked = serve(self);
    }
    lock_release(&self->lock); /* the last access */
    sync_ready_all(parked);
    if (too_many) {
        weft_panic("release of %llu permits to the semaphore %p, which has %llu already", (unsigned long long)count,
                   (void *)sem, (unsigned long long)permits);
    }
}
