/* Limbo and the workers of the M:N engine: a worker uses a channel and then goes to sleep, which tells the others that it is at work on none; another one
 * takes the channel away and frees it, and others behind it, by mn_oldest_epoch(). */
#define LIMBO_BATCH 1
#define SCHED global
#include "tests/litmus/scheduler.h"

static _Atomic(struct weft_chan *) found;
static struct weft_chan *others[2];

static void *user(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    limbo_quiet(&worker->base.epoch);
    struct weft_chan *chan = exchange_seq_cst(&found, NULL); /* see limbo.c */
    if (chan != NULL) {
        store_seq_cst(&found, chan);  /* the effect: from now on it may be freed */
        assert(chan->capacity == 77); /* the rest of the operation */
    }
    mn_idle_enter(worker);
    mn_sleep(worker, 5);
    return NULL;
}

static void *freer(void *unused)
{
    (void)unused;
    struct weft_chan *chan;
    struct mn_worker *worker = litmus_work(1);
    limbo_quiet(&worker->base.epoch);
    while ((chan = exchange_seq_cst(&found, NULL)) == NULL) {
        cpu_relax();
    }
    limbo_free(chan);
    for (unsigned i = 0; i < 2; i++) {
        limbo_free(others[i]);
    }
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
    litmus_begin_workers(2);
    runtime.sched = &engine_ops;
    for (unsigned i = 0; i < 2; i++) {
        others[i] = channel();
    }
    store_relaxed(&found, channel());
    litmus_start(user, NULL);
    litmus_start(freer, NULL);
    litmus_join();
    limbo_retire(&mn.workers[1].base.limbo);
    limbo_drain();
    litmus_end_workers();
    return 0;
}
