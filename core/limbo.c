#include "limbo.h"

#include "chan.h"

#include <stdlib.h>

#ifndef LIMBO_BATCH /* a litmus client has smaller ones */
#define LIMBO_BATCH 32
#endif

_Atomic(uint64_t) limbo_epoch;

/* Under the lock. Batches: `filling` is marked with the epoch of now, `waiting` with an older one. */
static struct {
    struct lock lock;
    struct weft_chan *filling, *waiting;
    unsigned count;         /* of filling */
    uint64_t waiting_epoch; /* its channels go when every worker has seen a later one */
} limbo;

static void free_list(struct weft_chan *list)
{
    while (list != NULL) {
        struct weft_chan *next = list->limbo_next;
        race_acquire(list);
        free(list);
        list = next;
    }
}

/* Under the lock: the batch that may go now, or NULL. */
static struct weft_chan *take_over(void)
{
    struct weft_chan *done = NULL;
    if (limbo.waiting != NULL && runtime.sched->oldest_epoch() > limbo.waiting_epoch) {
        done = limbo.waiting;
        limbo.waiting = NULL;
    }
    if (limbo.waiting == NULL && limbo.count >= LIMBO_BATCH) {
        limbo.waiting = limbo.filling;
        limbo.filling = NULL;
        limbo.count = 0;
        limbo.waiting_epoch = add_seq_cst(&limbo_epoch, 1u); /* workers that decide from now on see a later one */
    }
    return done;
}

void limbo_free(struct weft_chan *chan)
{
    struct weft_chan *done = NULL;
    race_release(chan);
    lock_acquire(&limbo.lock);
    chan->limbo_next = limbo.filling;
    limbo.filling = chan;
    if (++limbo.count % LIMBO_BATCH == 0) { /* and again, while an older batch still waits */
        done = take_over();
    }
    lock_release(&limbo.lock);
    free_list(done);
}

void limbo_drain(void)
{
    free_list(limbo.waiting);
    free_list(limbo.filling);
    limbo.waiting = limbo.filling = NULL;
    limbo.count = 0;
}
