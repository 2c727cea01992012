/* weft_rwmutex: many readers or one writer, parking.
 *
 * Idea: one word for the fast paths; a first come, first served queue under a spin lock for the slow ones. Once somebody waits, all who
 * come queue up, so that a writer waits for the readers before it only; a writer that unlocks lets all waiting readers in, so that readers
 * wait for one writer only.
 * Source: the rules are those of Go's sync.RWMutex; B. Brandenburg, J. Anderson, "Spin-based reader-writer synchronization for multiprocessor
 * real-time systems" (2010), for phase-fairness.
 * State: word: WRITER, WAITERS, and the number of readers in the bits above. tail: under `lock`.
 * Invariants
 *   R1  Somebody is in the queue only while WAITERS is set; the bit is set and cleared under the lock. It is set only while WRITER or a reader
 *       holds, so that a holder will see it.
 *   R2  While WAITERS is set nobody takes the lock by himself: the last holder grants it (grant), and the word then says who has it.
 *   R3  The holder's last access to the object makes it free, or is the release of the spin lock with waiters that were granted taken out: who
 *       is granted has not been readied by then. A reader that is not the last touches nothing behind its decrement.
 * Ordering: runlock / wunlock release -> rlock / wlock acquire on the word; grants: the lock, and ready(). */
#include "sync.h"

enum { WRITER = 1, WAITERS = 2, READER = 4 };

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

static force_inline bool try_read(struct rwmutex *self)
{
    uint64_t word = load_relaxed(&self->word); /* the CAS validates */
    while ((word & (WRITER | WAITERS)) == 0) {
        if (task_cas_weak_acquire(&self->word, &word, word + READER)) {
            return true;
        }
    }
    return false;
}

static force_inline bool try_write(struct rwmutex *self)
{
    uint64_t word = 0;
    return task_cas_acquire(&self->word, &word, (uint64_t)WRITER);
}

/* Under the lock: sets WAITERS if the lock can't be had now (R1). `free_mask`: the bits that must be 0 to take it. */
static bool take_or_announce(struct rwmutex *self, uint64_t free_mask, uint64_t taken)
{
    uint64_t word = load_relaxed(&self->word); /* the CAS validates */
    for (;;) {
        bool can = (word & free_mask) == 0;
        if (task_cas_weak_acquire(&self->word, &word, can ? word + taken : word | WAITERS)) {
            return can;
        }
    }
}

static cold_function void wait_for(struct rwmutex *self, bool writer)
{
    struct sync_waiter waiter = {.task = task_self(), .count = writer};
    task_lock(&self->lock);
    if (take_or_announce(self, writer ? UINT64_MAX : WRITER | WAITERS, writer ? WRITER : READER)) {
        lock_release(&self->lock);
        return;
    }
    sync_push(&self->tail, &waiter);
    task_park(writer ? WAIT_WLOCK : WAIT_RLOCK, self, park_unlock, &self->lock, NULL);
}

/* Takes out those who are let in next, under the lock; the word is free but for WAITERS. After a writer: all readers of the queue, wherever they
 * stand; else the head. */
static struct sync_waiter *grant(struct rwmutex *self, bool after_writer)
{
    struct sync_waiter *granted = NULL, *rest = NULL, *waiter;
    uint64_t readers = 0;
    if (!after_writer && sync_head(self->tail)->count != 0) {
        sync_push(&granted, sync_pop(&self->tail));
        store_release(&self->word,
                      WRITER | (self->tail == NULL ? 0 : (uint64_t)WAITERS)); /* R2: nobody else writes it now */
        return granted;
    }
    while ((waiter = sync_pop(&self->tail)) != NULL) {
        bool reader = waiter->count == 0;
        readers += reader ? 1 : 0;
        sync_push(reader ? &granted : &rest, waiter);
    }
    self->tail = rest;
    if (granted == NULL) {
        return grant(self, false);
    }
    store_release(&self->word, readers * READER | (rest == NULL ? 0 : (uint64_t)WAITERS)); /* R2 */
    return granted;
}

/* By the last holder, which has left the word with nothing but WAITERS, or by a writer that still has it. */
static cold_function void let_in(struct rwmutex *self, bool after_writer)
{
    task_lock(&self->lock);
    struct sync_waiter *granted = grant(self, after_writer);
    lock_release(&self->lock); /* R3 */
    sync_ready_all(granted);
}

void weft_rlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    task_enter();
    if (unlikely(!try_read(self))) {
        wait_for(self, false);
    }
}

bool weft_try_rlock(struct weft_rwmutex *mutex)
{
    task_enter();
    return try_read(rwmutex_of(mutex));
}

void weft_runlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    task_self();                               /* panics outside of a task */
    uint64_t word = load_relaxed(&self->word); /* the CAS validates */
    do {
        if (unlikely(word < READER)) {
            weft_panic("runlock of the rwmutex %p, which no reader holds", (void *)self);
        }
    } while (!task_cas_weak_acq_rel(&self->word, &word, word - READER)); /* acquire: of the other readers, for let_in */
    if (unlikely(word - READER == WAITERS)) {
        let_in(self, false);
    }
}

void weft_wlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    task_enter();
    if (unlikely(!try_write(self))) {
        wait_for(self, true);
    }
}

bool weft_try_wlock(struct weft_rwmutex *mutex)
{
    task_enter();
    return try_write(rwmutex_of(mutex));
}

void weft_wunlock(struct weft_rwmutex *mutex)
{
    struct rwmutex *self = rwmutex_of(mutex);
    task_self(); /* panics outside of a task */
    uint64_t word = WRITER;
    if (likely(task_cas_release(&self->word, &word, (uint64_t)0))) {
        return;
    }
    if ((word & WRITER) == 0) {
        weft_panic("wunlock of the rwmutex %p, which no writer holds", (void *)self);
    }
    let_in(self, true);
}
