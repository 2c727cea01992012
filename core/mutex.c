/* weft_mutex and weft_cond: a mutex that parks, and its condition variable.
 *
 * Idea: one word for the fast path; a queue of waiters under a spin lock for the slow one. A running task may overtake the waiters,
 * which saves a switch a section; one that was overtaken goes back to the front, and after a millisecond of waiting it is handed the
 * mutex, so that nobody starves.
 * Source: the two modes of Go's sync.Mutex (2016, issue 13086). Conditions: C. A. R. Hoare, "Monitors" (CACM 17, 1974), B. Lampson, D. Redell,
 * "Experience with processes and monitors in Mesa" (CACM 23, 1980), with the rules of Go's sync.Cond.
 * State: word: LOCKED, WAITERS (the queue is not empty, or a task is about to enter it). tail: of a circular list, under `lock`.
 * Invariants
 *   M1  While LOCKED, nobody but the holder clears it, or leaves it set for a waiter that it hands the mutex to.
 *   M2  A task is in the queue only while WAITERS is set: it sets the bit, under the lock and while LOCKED is set, before it enters;
 *       who takes the last one out clears it under the lock.
 *   M3  A holder that sees WAITERS at unlock takes one out and readies it: with the mutex, or with the duty to try again, and when that
 *       one has the mutex WAITERS is still set if others wait. So as long as somebody waits, a holder or a runnable waiter exists.
 *   M4  The last access of unlock to the mutex is the one that makes it free, so whoever gets it then may free its memory after its own
 *       unlock. In the slow path LOCKED is cleared after the spin lock is released; those who come between find LOCKED and queue.
 *   C1  A waiter for a condition is in its queue from before the mutex is unlocked until a signal takes it out: a signal given under the
 *       mutex, or after it, finds it; none is lost and none is spurious. Lock order: the condition's lock, then the mutex's.
 * Ordering: LOCKED cleared, release -> taken, acquire; hand-off: through ready(). */
#include "sync.h"

static const weft_ns starving_ns = 1000000;

enum { LOCKED = 1, WAITERS = 2 };
enum { LOOK_PAUSES = 4 };
#ifndef MUTEX_LOOKS /* a client of the model checker has none: it would never queue */
#define MUTEX_LOOKS 8
#endif

struct mutex {
    _Atomic(uint32_t) word;
    struct lock lock;
    struct sync_waiter *tail; /* under the lock */
};
_Static_assert(sizeof(struct mutex) <= sizeof(struct weft_mutex), "fits");

static force_inline struct mutex *mutex_of(struct weft_mutex *mutex)
{
    return (struct mutex *)(void *)mutex;
}

/* Takes the mutex if it is free, whatever the waiters. */
static bool barge(struct mutex *self)
{
    uint32_t word = load_relaxed(&self->word); /* the CAS validates */
    while ((word & LOCKED) == 0) {
        if (task_cas_weak_acquire(&self->word, &word, word | LOCKED)) {
            return true;
        }
    }
    return false;
}

/* Under the lock: announces a waiter (M2). False: the mutex is taken instead. */
static bool announce(struct mutex *self)
{
    uint32_t word = load_relaxed(&self->word); /* the CAS validates */
    for (;;) {
        uint32_t wanted = (word & LOCKED) == 0 ? word | LOCKED : word | WAITERS;
        if (task_cas_weak_acquire(&self->word, &word, wanted)) {
            return (word & LOCKED) != 0;
        }
    }
}

/* Who runs on another processor has most often left after a while, but may be in its next section: where sections are short and frequent it
 * holds the mutex half of the time. So the first look is followed by some more, each of a line that the winner has had back in between; a loser
 * that queued instead would make all of the winner's unlocks slow ones, for tasks that it could have overtaken. */
static bool barge_later(struct mutex *self)
{
    stay_away(0);
    for (int look = 0; look < MUTEX_LOOKS; look++) {
        if (barge(self)) {
            return true;
        }
        for (unsigned pause = LOOK_PAUSES; pause > 0; pause--) {
            cpu_relax();
        }
    }
    return false;
}

static cold_function void lock_slow(struct mutex *self)
{
    struct sync_waiter waiter = {.task = task_self()};
    weft_ns began = 0;
    if (!tasks_alone && barge_later(self)) {
        return;
    }
    while (!barge(self)) {
        task_lock(&self->lock);
        if (!announce(self)) {
            lock_release(&self->lock);
            return;
        }
        if (began == 0) {
            began = clock_now();
            sync_push(&self->tail, &waiter);
        } else { /* overtaken */
            waiter.starving = clock_now() - began > starving_ns;
            sync_push_front(&self->tail, &waiter);
        }
        task_park(WAIT_LOCK, self, park_unlock, &self->lock, NULL);
        if (waiter.granted) {
            return;
        }
    }
}

void weft_lock(struct weft_mutex *mutex)
{
    struct mutex *self = mutex_of(mutex);
    uint32_t word = 0;
    task_enter();
    if (unlikely(!task_cas_acquire(&self->word, &word, LOCKED))) {
        lock_slow(self);
    }
}

bool weft_try_lock(struct weft_mutex *mutex)
{
    task_enter();
    return barge(mutex_of(mutex));
}

static cold_function void unlock_slow(struct mutex *self)
{
    uint32_t word = load_relaxed(&self->word);
    if ((word & LOCKED) == 0) {
        weft_panic("unlock of an unlocked mutex %p", (void *)self);
    }
    task_lock(&self->lock);
    struct sync_waiter *waiter = sync_pop(&self->tail);
    if (waiter == NULL) { /* against M2 */
        lock_release(&self->lock);
        weft_panic("unlock of the mutex %p by two tasks at once", (void *)self);
    }
    if (self->tail == NULL) {
        and_relaxed(&self->word, ~(uint32_t)WAITERS); /* under the lock: M2 */
    }
    bool hand_over = waiter->starving;
    waiter->granted = hand_over; /* ready() publishes it */
    struct task *task = waiter->task;
    lock_release(&self->lock);
    if (!hand_over) {
        and_release(&self->word, ~(uint32_t)LOCKED); /* M4: the last access */
    }
    task_ready(task);
}

void weft_unlock(struct weft_mutex *mutex)
{
    struct mutex *self = mutex_of(mutex);
    uint32_t word = LOCKED;
    task_self(); /* panics outside of a task */
    if (unlikely(!task_cas_release(&self->word, &word, 0u))) {
        unlock_slow(self);
    }
}

/* --- the condition ---------------------------------------------------------------------------------- */

struct cond {
    struct sync_waiter *tail; /* under the lock */
    struct lock lock;
};
_Static_assert(sizeof(struct cond) <= sizeof(struct weft_cond), "fits");

void weft_cond_wait(struct weft_cond *cond, struct weft_mutex *mutex)
{
    struct cond *self = (struct cond *)(void *)cond;
    struct sync_waiter waiter = {.task = task_self()};
    if ((load_relaxed(&mutex_of(mutex)->word) & LOCKED) == 0) { /* the caller's own doing, or misuse */
        weft_panic("wait for the condition %p without holding the mutex %p", (void *)cond, (void *)mutex);
    }
    task_lock(&self->lock);
    sync_push(&self->tail, &waiter);
    weft_unlock(mutex);
    task_park(WAIT_COND, self, park_unlock, &self->lock, NULL);
    weft_lock(mutex);
}

void weft_cond_signal(struct weft_cond *cond)
{
    struct cond *self = (struct cond *)(void *)cond;
    task_self(); /* panics outside of a task */
    task_lock(&self->lock);
    struct sync_waiter *waiter = sync_pop(&self->tail);
    struct task *task = waiter == NULL ? NULL : waiter->task;
    lock_release(&self->lock);
    if (task != NULL) {
        task_ready(task);
    }
}

void weft_cond_broadcast(struct weft_cond *cond)
{
    struct cond *self = (struct cond *)(void *)cond;
    task_self(); /* panics outside of a task */
    task_lock(&self->lock);
    struct sync_waiter *all = self->tail;
    self->tail = NULL;
    lock_release(&self->lock);
    sync_ready_all(all);
}
