/* weft_waitgroup and weft_once: waiting for others to be done.
 *
 * waitgroup. Idea: the counter and a bit for "somebody waits" in one word, so that one addition changes the one and
 * reads the other: whoever makes the step to 0 and sees the bit wakes those who wait.
 * once. Idea: a flag for the fast path, which is in weft.h; the first runs, the others wait in a queue.
 * Source: Go's sync.WaitGroup and sync.Once, for the rules and for the counter.
 * State: word: the counter in the upper half, changed by additions; WAITERS. tail: under `lock`. once.state likewise.
 * Invariants
 *   G2  WAITERS is set, under the lock and while the counter is not 0, before somebody enters the queue, and cleared
 *       with the queue.
 *   G3  A step to 0 that does not see WAITERS is the last access to the group. One that does comes before any waiter is
 *       readied, and its last access before the first is: so a waiter that has returned may free the group. (Who comes
 *       while the counter is 0 returns at once, and may not free it as long as others are in wait. As in Go, the
 *       counter leaves 0 only behind the return of all waits.)
 * Ordering: G1 word release (done) -> acquire (wait, or the step to 0, which readies): all that was done before each
 * done() is seen behind
 *           wait(), as additions continue a release sequence.
 *           O1 state release (finish) -> acquire (once_do). */
#include "sync.h"

#include <stddef.h>
#include <stdlib.h>

#define WAITERS ((uint64_t)1)

struct waitgroup {
    _Atomic(uint64_t) word;
    struct sync_waiter *tail; /* under the lock */
    struct lock lock;
};
_Static_assert(sizeof(struct waitgroup) <= sizeof(struct weft_waitgroup), "fits");

static force_inline struct waitgroup *waitgroup_of(struct weft_waitgroup *group)
{
    return (struct waitgroup *)(void *)group;
}

static force_inline int32_t counter_of(uint64_t word)
{
    return (int32_t)(word >> 32);
}

/* By the step to 0, which has seen WAITERS. */
static cold_function void let_go(struct waitgroup *self)
{
    task_lock(&self->lock);
    struct sync_waiter *waiters = self->tail;
    self->tail = NULL;
    and_relaxed(&self->word, ~WAITERS); /* under the lock: G2 */
    lock_release(&self->lock);          /* the last access: G3 */
    sync_ready_all(waiters);
}

/* Takes back what was added, as panics can be recovered. */
static cold_function void misused(struct waitgroup *self, int64_t delta)
{
    (void)task_add_acq_rel(&self->word, -((uint64_t)delta << 32)); /* orders nothing */
    weft_panic(delta < 0 ? "negative counter of the waitgroup %p" : "counter of the waitgroup %p is too large",
               (void *)self);
}

static force_inline void add(struct waitgroup *self, int64_t delta)
{
    sync_by_task();
    uint64_t before = task_add_acq_rel(&self->word, (uint64_t)delta << 32); /* G1 */
    /* of two halves: it can't overflow, unless delta alone is out of range */
    int64_t sum = (int64_t)((uint64_t)counter_of(before) + (uint64_t)delta);
    if (likely(sum > 0 && sum <= INT32_MAX)) {
        return;
    }
    if (unlikely(sum != 0)) {
        misused(self, delta);
    } else if (unlikely((before & WAITERS) != 0)) {
        let_go(self);
    }
}

void weft_wg_add(struct weft_waitgroup *group, int64_t delta)
{
    add(waitgroup_of(group), delta);
}

void weft_wg_done(struct weft_waitgroup *group)
{
    add(waitgroup_of(group), -1);
}

static __attribute__((noinline)) void wait_slow(struct waitgroup *self)
{
    struct sync_waiter waiter = {.task = task_self()};
    task_lock(&self->lock);
    uint64_t word = load_acquire(&self->word); /* G1 */
    do {
        if (counter_of(word) == 0) {
            lock_release(&self->lock);
            return;
        }
        /* G2; acquire, if it fails: G1. survives: a success orders nothing, the lock does */
    } while (!task_cas_acq_rel(&self->word, &word, word | WAITERS));
    sync_push(&self->tail, &waiter);
    task_park(WAIT_GROUP, self, park_unlock, &self->lock, NULL);
}

void weft_wg_wait(struct weft_waitgroup *group)
{
    struct waitgroup *self = waitgroup_of(group);
    task_enter();
    if (counter_of(load_acquire(&self->word)) != 0) { /* G1 */
        wait_slow(self);
    }
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

enum { ONCE_NEW, ONCE_RUNS, ONCE_DONE = WEFT_ONCE_DONE };

struct once {
    _Atomic(uint32_t) state; /* written under the lock */
    struct lock lock;
    struct sync_waiter *tail; /* under the lock */
};
_Static_assert(sizeof(struct once) <= sizeof(struct weft_once), "fits");
_Static_assert(offsetof(struct once, state) == offsetof(struct weft_once, state), "weft.h reads it");

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

void weft_once_do_slow(struct weft_once *once, void (*fn)(void *), void *arg)
{
    task_enter();
    once_slow((struct once *)(void *)once, fn, arg);
}

/* For those who take its address, or are compiled without optimisation: the same as in weft.h. */
void weft_once_do(struct weft_once *once, void (*fn)(void *), void *arg)
{
    struct once *self = (struct once *)(void *)once;
    if (unlikely(load_acquire(&self->state) != ONCE_DONE)) { /* O1 */
        weft_once_do_slow(once, fn, arg);
    }
}
