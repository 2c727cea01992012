/* weft_mutex and weft_cond: a mutex that parks, and its condition variable.
 *
 * Idea: one word for the fast path; a queue of waiters under a spin lock for the slow one. A running task may overtake
 * the waiters, which saves a switch a section; one that was overtaken goes back to the front, and after a millisecond
 * of waiting it is handed the mutex, so that nobody starves.
 * Source: the two modes of Go's sync.Mutex (2016, issue 13086). Conditions: C. A. R. Hoare, "Monitors" (CACM 17, 1974),
 * B. Lampson, D. Redell, "Experience with processes and monitors in Mesa" (CACM 23, 1980), with the rules of Go's
 * sync.Cond.
 * State: word: LOCKED; HELD (the unlock has to look at the queue, and the mutex is not free before that); WAITERS (the
 * queue is not empty, or a task is about to enter it). tail: of a circular list, under `lock`.
 * Invariants
 *   M1  The mutex is free while neither LOCKED nor HELD is set. Its holder has set LOCKED, and HELD if it found
 *       WAITERS, and only he clears them, or leaves them set for a waiter that he hands the mutex to. Unlock takes
 *       LOCKED off by a subtraction, whatever else is set.
 *   M2  A task is in the queue only while WAITERS is set: it sets the bit, and HELD, under the lock and while the mutex
 *       is not free, before it enters; who takes the last one out clears it under the lock.
 *   M3  A holder that sees HELD at unlock takes one out and readies it: with the mutex, or with the duty to try again,
 *       and when that one has the mutex WAITERS is still set if others wait. So as long as somebody waits, a holder or
 *       a runnable waiter exists.
 *   M4  The last access of unlock to the mutex is the one that makes it free, so whoever gets it then may free its
 *       memory after its own unlock: the subtraction, or the clearing of HELD after the spin lock is released; those
 *       who come between find HELD and queue.
 *   C1  A waiter for a condition is in its queue from before the mutex is unlocked until a signal takes it out: a
 *       signal given under the mutex, or after it, finds it; none is lost and none is spurious. Lock order: the
 *       condition's lock, then the mutex's.
 * Ordering: made free, release -> taken, acquire; hand-off: through ready().
 * What most calls need of lock and unlock is inlined (weft.h): the same as here. */
#include "sync.h"

#include <stddef.h>

enum { LOCKED = 1, HELD = 2, WAITERS = 4 };

struct mutex {
    _Atomic(uint32_t) word;
    struct lock lock;
    struct sync_waiter *tail; /* under the lock */
};
_Static_assert(sizeof(struct mutex) <= sizeof(struct weft_mutex), "fits");
_Static_assert(offsetof(struct mutex, word) == offsetof(struct weft_mutex, state), "weft.h changes it");
_Static_assert((int)LOCKED == (int)WEFT_MUTEX_LOCKED, "the same");

static force_inline struct mutex *mutex_of(struct weft_mutex *mutex)
{
    return (struct mutex *)(void *)mutex;
}

static force_inline bool is_free(uint32_t word)
{
    return (word & (LOCKED | HELD)) == 0;
}

/* What a holder makes of the word. */
static force_inline uint32_t held(bool waiters)
{
    return waiters ? LOCKED | HELD | WAITERS : LOCKED;
}

/* Takes the mutex if it is free, whatever the waiters. `word`: what it is, or may be: the CAS validates. */
static force_inline bool barge_from(struct mutex *self, uint32_t word)
{
    while (is_free(word)) {
        if (task_cas_weak_acquire(&self->word, &word, held(word != 0))) {
            return true;
        }
    }
    return false;
}

static bool barge(struct mutex *self)
{
    return barge_from(self, load_relaxed(&self->word));
}

/* Under the lock: announces a waiter (M2). False: the mutex is taken instead. */
static bool announce(struct mutex *self)
{
    uint32_t word = load_relaxed(&self->word); /* the CAS validates */
    for (;;) {
        uint32_t wanted = is_free(word) ? held(word != 0) : word | HELD | WAITERS;
        if (task_cas_weak_acquire(&self->word, &word, wanted)) {
            return !is_free(word);
        }
    }
}

/* Who runs on another processor has most often left after a while, but may be in its next section: where sections are
 * short and frequent it holds the mutex half of the time. So the first look is followed by some more, each of a line
 * that the winner has had back in between; a loser that queued instead would make all of the winner's unlocks slow
 * ones, for tasks that it could have overtaken. A look is a CAS: the winner, who is quick, would have taken the mutex
 * again between a load and a CAS. */
static bool barge_later(struct mutex *self)
{
    stay_away(1);
    for (int look = 0; look < MUTEX_LOOKS; look++) {
        if (barge_from(self, 0)) {
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
    if (!weft_alone && barge_later(self)) {
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
            waiter.starving = clock_now() - began > MUTEX_STARVING_NS;
            sync_push_front(&self->tail, &waiter);
        }
        task_park(WAIT_LOCK, self, park_unlock, &self->lock, NULL);
        if (waiter.granted) {
            return;
        }
    }
}

void weft_lock_slow(struct weft_mutex *mutex)
{
    struct mutex *self = mutex_of(mutex);
    uint32_t word = 0;
    task_enter();
    if (unlikely(!task_cas_acquire(&self->word, &word, LOCKED))) {
        lock_slow(self);
    }
}

void weft_lock(struct weft_mutex *mutex)
{
    weft_lock_slow(mutex);
}

bool weft_try_lock(struct weft_mutex *mutex)
{
    task_enter();
    return barge(mutex_of(mutex));
}

/* By who has taken LOCKED off and found more, or less, than that. */
static cold_function void unlock_slow(struct mutex *self, uint32_t word)
{
    if ((word & LOCKED) == 0) {
        (void)task_sub_release(&self->word, -(uint32_t)LOCKED); /* orders nothing: panics can be recovered */
        weft_panic("unlock of an unlocked mutex %p", (void *)self);
    }
    task_lock(&self->lock);
    struct sync_waiter *waiter = sync_pop(&self->tail); /* there is one: M2 */
    struct task *task = waiter->task;
    bool hand_over = waiter->starving;
    uint32_t left = held(self->tail != NULL);
    waiter->granted = hand_over; /* ready() publishes it */
    /* relaxed: nobody else changes it now (M1, M2); the release is below, or ready()'s */
    store_relaxed(&self->word, hand_over ? left : (left & WAITERS) | HELD);
    lock_release(&self->lock);
    if (!hand_over) {
        and_release(&self->word, ~(uint32_t)HELD); /* M4: the last access */
    }
    task_ready(task);
}

void weft_unlock_slow(struct weft_mutex *mutex, uint32_t state)
{
    sync_by_task(); /* panics outside of a task */
    unlock_slow(mutex_of(mutex), state);
}

void weft_unlock(struct weft_mutex *mutex)
{
    struct mutex *self = mutex_of(mutex);
    sync_by_task(); /* panics outside of a task */
    uint32_t word = task_sub_release(&self->word, (uint32_t)LOCKED);
    if (unlikely(word != LOCKED)) {
        unlock_slow(self, word);
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
