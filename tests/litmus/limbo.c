/* Limbo: a channel that was freed stays until everybody who may be at work on it has made a scheduling decision. Two workers find the
 * channel, use it, and then decide; a third one takes it away, frees it, and others behind it, so that batches come and go. */
#define LIMBO_BATCH 1
#include "tests/litmus/runtime.h"

#include "core/chan.h"

#include "core/limbo.c"

static _Atomic(struct weft_chan *) found;
static struct weft_chan *others[3];

static uint64_t oldest_epoch(void)
{
    uint64_t oldest = LIMBO_ASLEEP;
    for (unsigned i = 1; i <= 3; i++) {
        uint64_t epoch = load_acquire(&litmus_threads[i].worker.epoch); /* E1 */
        oldest = epoch < oldest ? epoch : oldest;
    }
    return oldest;
}

static void *user(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    limbo_quiet(&litmus_self->worker.epoch);
    /* seq_cst: whoever finds the channel still there has done so before it was taken away. A channel's user knows from elsewhere that it is not
     * freed before his operation's effect; this stands for that effect */
    struct weft_chan *chan = exchange_seq_cst(&found, NULL);
    if (chan != NULL) {
        store_seq_cst(&found, chan);  /* the effect: from now on it may be freed */
        assert(chan->capacity == 77); /* the rest of the operation */
    }
    limbo_quiet(&litmus_self->worker.epoch);
    store_release(&litmus_self->worker.epoch, LIMBO_ASLEEP); /* E1 */
    return NULL;
}

static void *freer(void *unused)
{
    (void)unused;
    struct weft_chan *chan;
    litmus_enter(3);
    limbo_quiet(&litmus_self->worker.epoch);
    while ((chan = exchange_seq_cst(&found, NULL)) == NULL) {
        cpu_relax();
    }
    limbo_free(chan);
    for (unsigned i = 0; i < 3; i++) {
        limbo_quiet(&litmus_self->worker.epoch);
        limbo_free(others[i]);
    }
    store_release(&litmus_self->worker.epoch, LIMBO_ASLEEP); /* E1 */
    return NULL;
}

static struct weft_chan *channel(void)
{
    struct weft_chan *chan = aligned_alloc(CACHE_LINE, sizeof *chan);
    memset(chan, 0, sizeof *chan);
    chan->capacity = 77;
    return chan;
}

int main(void)
{
    struct sched_ops sched = litmus_sched;
    litmus_begin();
    sched.oldest_epoch = oldest_epoch;
    runtime.sched = &sched;
    for (unsigned i = 0; i < 3; i++) {
        others[i] = channel();
        store_relaxed(&litmus_threads[1 + i].worker.epoch, LIMBO_ASLEEP);
    }
    store_relaxed(&found, channel());
    litmus_start(user, (void *)1);
    litmus_start(user, (void *)2);
    litmus_start(freer, NULL);
    litmus_join();
    for (unsigned i = 1; i <= 3; i++) {
        limbo_retire(&litmus_threads[i].worker.limbo);
    }
    limbo_drain();
    return 0;
}
