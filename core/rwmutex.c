/* weft_rwmutex: many readers or one writer, parking.
 *
 * Idea: one word for the fast paths; a queue under a spin lock for the slow ones. Once a writer waits for readers, all
 * who come queue up, and the last reader hands it the lock. A writer that unlocks lets all waiting readers try, or else
 * the next writer; who runs may overtake these, as with a mutex, until one has waited for a millisecond: it is handed
 * the lock. A hand-over after each writer would make of two tasks that share a worker a convoy, each waiting for a lock
 * that the other has been given and does not use, being out of the processor.
 * Source: the rules are those of Go's sync.RWMutex; B. Brandenburg, J. Anderson, "Spin-based reader-writer
 * synchronization for multiprocessor real-time systems" (2010), for phase-fairness.
 * State: word: WRITER; WAITERS (the queue is not empty, or a task is about to enter it); HANDED (whoever has the lock
 * was handed it, and may not run yet: a hint); the number of readers in the bits above. tail: under `lock`.
 * Invariants
 *   R1  A task is in the queue only while WAITERS is set: it sets the bit, under the lock and while WRITER or a reader
 *       holds, before it enters; who takes the last one out clears it under the lock.
 *   R2  While WAITERS is set no reader joins others, but for those that have waited. So the readers that a writer waits
 *       for are no more than were there or had been taken out, and come to an end.
 *   R3  The last reader that sees WAITERS becomes a writer by the same CAS. Who sees WAITERS as a writer takes some
 *       out, and readies them: with the lock, or with the duty to try again. So as long as somebody waits, a holder or
 *       a runnable waiter exists, as for a mutex (M3).
 *   R4  A holder's last access to the object makes it free, or is the release of the spin lock with the lock handed
 *       over: who was handed it has not been readied by then.
 * Ordering: the word made free, release -> taken, acquire; hand-over: through ready(). */
#include "sync.h"

enum { WRITER = 1, WAITERS = 2, HANDED = 4, READER = 8 };
enum { AWAY = 2 /* some 6 us; docs/performance.md */ };

struct rwmutex {
    _Atomic(uint64_t) word;
    struct sync_waiter *tail; /* under the lock */
    struct lock lock;
};
_Static_assert(sizeof(struct rwmutex) <= sizeof(struct weft_rwmutex), "fits");

static force_inline struct rwmutex *rwmutex_of(struct weft_rwmutex *mutex)
{
    return (struct rwmutex *)(void *)mutex;
}

/* Is it open to who finds this word (R2)? */
static force_inline bool is_open(uint64_t word, bool writer, bool has_waited)
{
    if (word < READER) {
        return (word & WRITER) == 0;
    }
    return !writer && (has_waited || (word & WAITERS) == 0);
}

static force_inline bool barge(struct rwmutex *self, bool writer, bool has_waited)
{
    uint64_t word = load_relaxed(&self->word); /* the CAS validates */
    while (is_open(word, writer, has_waited)) {
        if (task_cas_weak_acquire(&self->word, &word, word + (writer ? WRITER : READER))) {
            return true;
        }
    }
    return false;
}

/* Under the lock: announces a waiter (R1). False: the lock is taken instead. */
static bool announce(struct rwmutex *self, bool writer, bool has_waited)
{
    uint64_t word = load_relaxed(&self->word); /* the CAS validates */
    for (;;) {
        bool open = is_open(word, writer, has_waited);
        if (task_cas_weak_acquire(&self->word, &word, open ? word + (writer ? WRITER : READER) : word | WAITERS)) {
            return !open;
        }
    }
}

/* As for a mutex (barge_later), but not where those have the lock, or are next, that may have to be run here first. */
static bool barge_later(struct rwmutex *self, bool writer)
{
    for (int look = 0; look < MUTEX_LOOKS && (load_relaxed(&self->word) & (WAITERS | HANDED)) == 0; look++) {
        if (look == 0) {
            stay_away(AWAY);
        }
        if (barge(self, writer, false)) {
            return true;
        }
        for (unsigned pause = LOOK_PAUSES; pause > 0; pause--) {
            cpu_relax();
        }
    }
    return false;
}

static cold_function void wait_for(struct rwmutex *self, bool writer)
{
    struct sync_waiter waiter = {.task = task_self(), .count = writer};
    weft_ns began = 0;
    if (!weft_alone && barge_later(self, writer)) {
        return;
    }
    do {
        task_lock(&self->lock);
        if (!announce(self, writer, began != 0)) {
            lock_release(&self->lock);
            return;
        }
        weft_ns now = clock_now();
        if (began == 0) {
            began = now;
            sync_push(&self->tail, &waiter);
        } else { /* overtaken */
            sync_push_front(&self->tail, &waiter);
        }
        waiter.starving = now - began > MUTEX_STARVING_NS;
        task_park(writer ? WAIT_WLOCK : WAIT_RLOCK, self, park_unlock, &self->lock, NULL);
    } while (!waiter.granted && !barge(self, writer, true));
}

/* Takes out those whose turn it is, under the lock. After a writer: all readers of the queue, wherever they stand; else
 * the head, and with a reader all others. */
static struct sync_waiter *take_out(struct rwmutex *self, bool after_writer)
{
    struct sync_waiter *out = NULL, *rest = NULL, *waiter;
    if (after_writer || sync_head(self->tail)->count == 0) {
        while ((waiter = sync_pop(&self->tail)) != NULL) {
            sync_push(waiter->count == 0 ? &out : &rest, waiter);
        }
        self->tail = rest;
    }
    if (out == NULL) {
        sync_push(&out, sync_pop(&self->tail)); /* there is one: R1 */
    }
    return out;
}

/* Marks them as those who have the lock now. Returns how many they are. */
static uint64_t grant(struct sync_waiter *tail)
{
    uint64_t count = 0;
    struct sync_waiter *waiter = tail;
    do {
        waiter->granted = true; /* ready() publishes it */
        count++;
        waiter = waiter->next;
    } while (waiter != tail);
    return count;
}

/* By a writer that sees WAITERS, or the last reader, which is one now (R3). */
static cold_function void unlock_slow(struct rwmutex *self, bool after_writer)
{
    task_lock(&self->lock);
    struct sync_waiter *out = take_out(self, after_writer);
    struct sync_waiter *first = sync_head(out);
    uint64_t waiters = self->tail == NULL ? 0 : WAITERS;
    bool hand_over = !after_writer || first->starving;
    uint64_t taken = !hand_over ? WRITER : first->count != 0 ? WRITER | HANDED : 0;
    if (hand_over) {
        uint64_t count = grant(out);
        taken = taken != 0 ? taken : count * READER | HANDED;
    }
    store_release(&self->word, taken | waiters); /* nobody else changes it but under the lock (R1) */
    lock_release(&self->lock);
    if (!hand_over) {
        and_release(&self->word, ~(uint64_t)WRITER); /* R4: the last access */
    }
    sync_ready_all(out);
}

void weft_rlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    task_enter();
    uint64_t word = load_relaxed(&self->word); /* the CAS validates; who loses a race here stays away for a while */
    if (unlikely((word & (WRITER | WAITERS)) != 0 || !task_cas_acquire(&self->word, &word, word + READER))) {
        wait_for(self, false);
    }
}

bool weft_try_rlock(struct weft_rwmutex *mutex)
{
    task_enter();
    return barge(rwmutex_of(mutex), false, false);
}

/* What one reader less leaves. */
static force_inline uint64_t without_one(uint64_t word)
{
    word -= READER;
    if (likely(word == 0 || word >= READER)) {
        return word;
    }
    return (word & WAITERS) != 0 ? word | WRITER : 0; /* R3 */
}

void weft_runlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    sync_by_task();                            /* panics outside of a task */
    uint64_t word = load_relaxed(&self->word); /* the CAS validates */
    uint64_t left;
    do {
        if (unlikely(word < READER)) {
            weft_panic("runlock of the rwmutex %p, which no reader holds", (void *)self);
        }
        left = without_one(word);
    } while (!task_cas_weak_acq_rel(&self->word, &word, left)); /* acquire: of the other readers, for whom it lets in */
    if (unlikely((left & WRITER) != 0)) {
        unlock_slow(self, false);
    }
}

void weft_wlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    uint64_t word = 0;
    task_enter();
    if (unlikely(!task_cas_acquire(&self->word, &word, (uint64_t)WRITER))) {
        wait_for(self, true);
    }
}

bool weft_try_wlock(struct weft_rwmutex *mutex)
{
    task_enter();
    return barge(rwmutex_of(mutex), true, false);
}

void weft_wunlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    sync_by_task(); /* panics outside of a task */
    uint64_t word = WRITER;
    do {
        if (unlikely((word & WRITER) == 0)) {
            weft_panic("wunlock of the rwmutex %p, which no writer holds", (void *)self);
        }
        if (unlikely((word & WAITERS) != 0)) {
            unlock_slow(self, true);
            return;
        }
    } while (!task_cas_release(&self->word, &word, (uint64_t)0)); /* it fails for HANDED, once */
}
