/* weft_waitgroup and weft_once: waiting for others to be done.
 *
 * waitgroup. Idea: an atomic counter; the step to 0 is made under a lock, and a waiter goes on only when the lock is free behind it, so that a waiter that
 * has returned may free the group: whoever made the step holds the lock until it has no more to do with the group.
 * once. Idea: a flag for the fast path; the first runs, the others wait in a queue.
 * Source: Go's sync.WaitGroup and sync.Once, for the rules.
 * State: count: changed by CAS; the change to 0 under `lock`. tail: under `lock`. once.state likewise.
 * Ordering: G1 count release (done) -> acquire (the step to 0), then the lock: all that was done before each done() is seen behind wait().
 *           O1 state release (finish) -> acquire (once_do). */
#include "sync.h"

#include <stdlib.h>

struct waitgroup {
    _Atomic(int32_t) count;
    struct lock lock;
    struct sync_waiter *tail; /* under the lock */
};
_Static_assert(sizeof(struct waitgroup) <= sizeof(struct weft_waitgroup), "fits");

static force_inline struct waitgroup *waitgroup_of(struct weft_waitgroup *group)
{
    return (struct waitgroup *)(void *)group;
}

/* True: done without the lock, as the counter is not 0 behind it. */
static force_inline bool add_fast(struct waitgroup *self, int64_t delta)
{
    int32_t count = load_relaxed(&self->count); /* the CAS validates */
    while (count + delta > 0 && count + delta <= INT32_MAX) {
        if (task_cas_weak_acq_rel(&self->count, &count, (int32_t)(count + delta))) { /* G1 */
            return true;
        }
    }
    return false;
}

static cold_function void add_slow(struct waitgroup *self, int64_t delta)
{
    task_lock(&self->lock);
    int32_t count = load_relaxed(&self->count); /* the CAS validates: fast adds go on beside the lock */
    int64_t sum;
    do {
        sum = count + delta;
        if (sum < 0 || sum > INT32_MAX) {
            lock_release(&self->lock);
            weft_panic(sum < 0 ? "negative counter of the waitgroup %p" : "counter of the waitgroup %p is too large",
                       (void *)self);
        }
    } while (!task_cas_weak_acq_rel(&self->count, &count, (int32_t)sum)); /* G1 */
    struct sync_waiter *waiters = sum == 0 ? self->tail : NULL;
    if (sum == 0) {
        self->tail = NULL;
    }
    lock_release(&self->lock); /* the last access */
    sync_ready_all(waiters);
}

void weft_wg_add(struct weft_waitgroup *group, int64_t delta)
{
    task_self(); /* panics outside of a task */
    if (!add_fast(waitgroup_of(group), delta)) {
        add_slow(waitgroup_of(group), delta);
    }
}

void weft_wg_done(struct weft_waitgroup *group)
{
    weft_wg_add(group, -1);
}

void weft_wg_wait(struct weft_waitgroup *group)
{
    struct waitgroup *self = waitgroup_of(group);
    struct sync_waiter waiter;
    task_enter();
    /* G1. The lock in this order: if it is free now, whoever made the step to 0 has left, and the group may be freed. */
    if (load_acquire(&self->count) == 0 && load_acquire(&self->lock.held) == 0) {
        return;
    }
    waiter = (struct sync_waiter){.task = task_self()};
    task_lock(&self->lock);
    if (load_acquire(&self->count) == 0) { /* G1; under the lock, for those who free the group next */
        lock_release(&self->lock);
        return;
    }
    sync_push(&self->tail, &waiter);
    task_park(WAIT_GROUP, self, park_unlock, &self->lock, NULL);
}

struct member {
    struct weft_waitgroup *group;
    task_fn fn;
    void *arg;
};

static void member_done(void *group)
{
    weft_wg_done(group);
}

/* A frame of its own: what is deferred there takes no memory. */
static void member_run(void *arg)
{
    struct member *member = arg;
    weft_defer(member_done, member->group);
    member->fn(member->arg);
}

static void member_main(void *arg)
{
    struct member member = *(struct member *)arg;
    free(arg);
    weft_call(member_run, &member);
}

enum weft_status weft_wg_go(struct weft_waitgroup *group, void (*fn)(void *), void *arg)
{
    if (fn == NULL) {
        return WEFT_INVALID;
    }
    struct member *member = malloc(sizeof *member);
    if (member == NULL) {
        return WEFT_NOMEM;
    }
    *member = (struct member){group, fn, arg};
    weft_wg_add(group, 1);
    enum weft_status status = weft_go(member_main, member);
    if (status != WEFT_OK) {
        free(member);
        weft_wg_done(group);
    }
    return status;
}

/* --- once ------------------------------------------------------------------------------------------- */

enum { ONCE_NEW, ONCE_RUNS, ONCE_DONE };

struct once {
    _Atomic(uint32_t) state; /* written under the lock */
    struct lock lock;
    struct sync_waiter *tail; /* under the lock */
};
_Static_assert(sizeof(struct once) <= sizeof(struct weft_once), "fits");

static void once_finish(void *arg)
{
    struct once *self = arg;
    task_lock(&self->lock);
    store_release(&self->state, (uint32_t)ONCE_DONE); /* O1 */
    struct sync_waiter *waiters = self->tail;
    self->tail = NULL;
    lock_release(&self->lock);
    sync_ready_all(waiters);
}

struct once_call {
    struct once *once;
    task_fn fn;
    void *arg;
};

/* A frame: what is deferred here runs also if fn panics or exits. */
static void once_run(void *arg)
{
    struct once_call *call = arg;
    weft_defer(once_finish, call->once);
    call->fn(call->arg);
}

static cold_function void once_slow(struct once *self, task_fn fn, void *arg)
{
    struct sync_waiter waiter = {.task = task_self()};
    task_lock(&self->lock);
    uint32_t state = load_relaxed(&self->state); /* under the lock */
    if (state == ONCE_RUNS) {
        sync_push(&self->tail, &waiter);
        task_park(WAIT_ONCE, self, park_unlock, &self->lock, NULL);
        return;
    }
    if (state == ONCE_NEW) {
        /* under the lock; DONE is left alone, as O1 must read that very store */
        store_relaxed(&self->state, (uint32_t)ONCE_RUNS);
    }
    lock_release(&self->lock);
    if (state == ONCE_NEW) {
        weft_call(once_run, &(struct once_call){self, fn, arg});
    }
}

void weft_once_do(struct weft_once *once, void (*fn)(void *), void *arg)
{
    struct once *self = (struct once *)(void *)once;
    task_enter();
    if (unlikely(load_acquire(&self->state) != ONCE_DONE)) { /* O1 */
        once_slow(self, fn, arg);
    }
}
