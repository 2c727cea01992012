#include "limbo.h"

#include "chan.h"

#ifndef LIMBO_BATCH /* a litmus client has smaller ones */
#define LIMBO_BATCH 32
#endif

_Atomic(uint64_t) limbo_epoch;

/* Of threads that have none of their own. */
static struct {
    struct lock lock;
    struct limbo limbo; /* under the lock */
} shared;

static void free_list(struct weft_chan *list)
{
    while (list != NULL) {
        struct weft_chan *next = list->limbo_next;
        race_acquire(list);
        block_free(list, list->bytes);
        list = next;
    }
}

/* The batch that may go now, or NULL. */
static struct weft_chan *take_over(struct limbo *limbo)
{
    struct weft_chan *done = NULL;
    if (limbo->waiting != NULL && runtime.sched->oldest_epoch() > limbo->waiting_epoch) {
        done = limbo->waiting;
        limbo->waiting = NULL;
    }
    if (limbo->waiting == NULL && limbo->count >= LIMBO_BATCH) {
        limbo->waiting = limbo->filling;
        limbo->filling = NULL;
        limbo->count = 0;
        limbo->waiting_epoch = add_seq_cst(&limbo_epoch, 1u); /* workers that decide from now on see a later one */
    }
    return done;
}

/* Returns a batch that may go, or NULL. */
static force_inline struct weft_chan *enter(struct limbo *limbo, struct weft_chan *chan)
{
    race_release(chan);
    chan->limbo_next = limbo->filling;
    limbo->filling = chan;
    /* and again, while an older batch still waits */
    return unlikely(++limbo->count % LIMBO_BATCH == 0) ? take_over(limbo) : NULL;
}

no_race_check void limbo_free(struct weft_chan *chan)
{
    struct worker *worker = worker_self();
    struct weft_chan *done;
    if (likely(worker != NULL && !runtime.sched->caps.os_threads)) {
        limbo_quiet(&worker->epoch); /* a task that frees is in no operation: nothing has to wait for its own worker */
        done = enter(&worker->limbo, chan);
    } else {
        lock_acquire(&shared.lock);
        done = enter(&shared.limbo, chan);
        lock_release(&shared.lock);
    }
    if (unlikely(done != NULL)) {
        free_list(done);
    }
}

static void append(struct weft_chan *list)
{
    while (list != NULL) {
        struct weft_chan *next = list->limbo_next;
        list->limbo_next = shared.limbo.filling;
        shared.limbo.filling = list;
        list = next;
    }
}

void limbo_retire(struct limbo *limbo)
{
    lock_acquire(&shared.lock);
    append(limbo->waiting);
    append(limbo->filling);
    lock_release(&shared.lock);
    *limbo = (struct limbo){0};
}

void limbo_drain(void)
{
    free_list(shared.limbo.waiting);
    free_list(shared.limbo.filling);
    shared.limbo = (struct limbo){0};
}
