#include "lot.h"

#include "futex.h"
#include "lock.h"
#include "sched.h"

enum { BUCKET_BITS = 8, BUCKETS = 1 << BUCKET_BITS };

struct lot_waiter {
    struct lot_waiter *next;
    const void *word;
    struct task *task;
};

static struct bucket {
    _Alignas(CACHE_LINE) struct lock lock;
    struct lot_waiter *first; /* under the lock */
    struct lot_waiter **end;  /* under the lock; NULL: the queue is empty */
} buckets[BUCKETS];

static struct bucket *bucket_of(const void *word)
{
    return &buckets[((uintptr_t)word >> 2) * 0x9E3779B97F4A7C15u >> (64 - BUCKET_BITS)]; /* Fibonacci hashing */
}

void lot_wait(_Atomic(uint32_t) *word, uint32_t expected)
{
    if (runtime.sched->wait_word != NULL) {
        struct task *task = task_self();
        store_relaxed(&task->wait_object, word); /* for reports */
        store_relaxed(&task->wait_reason, (uint8_t)WAIT_WORD);
        runtime.sched->wait_word(word, expected);
        store_relaxed(&task->wait_reason, (uint8_t)WAIT_NONE);
        return;
    }
    struct bucket *bucket = bucket_of(word);
    struct lot_waiter self = {.word = word, .task = task_self()};
    task_lock(&bucket->lock);
    if (load_acquire(word) != expected) { /* acquire: what the changer wrote before */
        lock_release(&bucket->lock);
        return;
    }
    if (bucket->first == NULL) {
        bucket->end = &bucket->first;
    }
    *bucket->end = &self;
    bucket->end = &self.next;
    task_park(WAIT_WORD, word, park_unlock, &bucket->lock, NULL);
}

unsigned lot_wake(const _Atomic(uint32_t) *word, unsigned count)
{
    if (runtime.sched->wait_word != NULL) {
        return futex_wake((_Atomic(uint32_t) *)(uintptr_t)word, count);
    }
    struct bucket *bucket = bucket_of(word);
    struct lot_waiter *woken = NULL;
    struct lot_waiter **woken_end = &woken;
    unsigned found = 0;
    task_lock(&bucket->lock);
    struct lot_waiter **link = &bucket->first;
    while (*link != NULL && found < count) {
        struct lot_waiter *waiter = *link;
        if (waiter->word != word) {
            link = &waiter->next;
            continue;
        }
        *link = waiter->next;
        if (bucket->end == &waiter->next) {
            bucket->end = link;
        }
        waiter->next = NULL;
        *woken_end = waiter;
        woken_end = &waiter->next;
        found++;
    }
    lock_release(&bucket->lock);
    while (woken != NULL) {
        struct lot_waiter *next = woken->next; /* before ready: the waiter is on that task's stack */
        task_ready(woken->task);
        woken = next;
    }
    return found;
}

void lot_reset(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        buckets[i] = (struct bucket){0};
    }
}
