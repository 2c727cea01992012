/* Limbo and the scheduler `thread`: a task uses a channel and then parks, which tells the others that it is at work on none; another one takes
 * the channel away and frees it, and others behind it, by thread_oldest_epoch(). */
#define LIMBO_BATCH 1
#include "tests/litmus/absent.h"

#include "core/chan.h"

#include "variants/sched/thread.c"

static struct thread_worker workers[2];
static _Atomic(struct weft_chan *) found;
static struct weft_chan *others[2];

struct task *wait_expire(struct timer *timer, weft_ns now)
{
    (void)now;
    struct wait *wait = (struct wait *)(void *)((char *)timer - offsetof(struct wait, timer));
    struct task *task = wait->task;
    bool parked = false;
    return wait_claim(wait, WON_TIMEOUT, &parked) && parked ? task : NULL;
}

static void be(unsigned index)
{
    struct thread_worker *self = &workers[index];
    litmus_enter(index);
    store_relaxed(&self->base.current, &self->task);
    worker_set_self(&self->base);
    limbo_quiet(&self->base.epoch);
}

static void *user(void *unused)
{
    (void)unused;
    be(0);
    struct weft_chan *chan = exchange_seq_cst(&found, NULL); /* see limbo.c */
    if (chan != NULL) {
        store_seq_cst(&found, chan);  /* the effect: from now on it may be freed */
        assert(chan->capacity == 77); /* the rest of the operation */
    }
    struct wait wait = {.task = task_self(), .timer = {.when = 5, .expire = wait_expire}};
    thread_park(wait_commit, &wait, &wait.timer);
    return NULL;
}

static void *freer(void *unused)
{
    (void)unused;
    struct weft_chan *chan;
    be(1);
    while ((chan = exchange_seq_cst(&found, NULL)) == NULL) {
        cpu_relax();
    }
    store_release(&workers[1].base.epoch, LIMBO_ASLEEP); /* nothing has to wait for itself */
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
    litmus_begin();
    runtime.sched = &thread_ops;
    store_relaxed(&thread_state.service.base.epoch, LIMBO_ASLEEP);
    for (unsigned i = 0; i < 2; i++) {
        others[i] = channel();
        thread_enlist(&workers[i]);
        limbo_quiet(&workers[i].base.epoch);
    }
    store_relaxed(&found, channel());
    litmus_start(user, NULL);
    litmus_start(freer, NULL);
    litmus_join();
    limbo_drain();
    return 0;
}
