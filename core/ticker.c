/* weft_timer: timers, tickers, and functions that run later.
 *
 * Idea: a timer of core/timer.h in a mailbox. expire() puts the time into the box, under the heap's lock; stop and
 * reset disarm, which waits for an expire() under way, and then empty the box, so that nothing stale can be received
 * behind them.
 * Source: the rules are those of Go's time.Timer and time.Ticker since 1.23.
 * State: timer.when, period and which heap it is in: under `lock` (stop, reset and free by several tasks), then the
 * heap's. expire() takes the heap's and the mailbox's. run: the run whose heaps it is in; when that is over it is in
 * none. */
#include "mailbox.h"

#include <stdlib.h>

struct weft_timer {
    struct mailbox mailbox; /* first: its memory is the channel's */
    struct timer timer;
    struct lock lock;
    uint64_t run;
    bool ticker;
    task_fn fn; /* or NULL: it fills the mailbox */
    void *arg;
};

static struct weft_timer *timer_of(struct timer *timer)
{
    return (struct weft_timer *)(void *)((char *)timer - offsetof(struct weft_timer, timer));
}

weft_ns instant_after(weft_ns delay)
{
    weft_ns now = weft_now();
    return delay <= 0 ? now : delay > WEFT_FOREVER - 1 - now ? WEFT_FOREVER - 1 : now + delay;
}

static struct task *expire_channel(struct timer *timer, weft_ns now)
{
    return mailbox_put(&timer_of(timer)->mailbox, now);
}

static struct task *expire_function(struct timer *timer, weft_ns now)
{
    struct weft_timer *self = timer_of(timer);
    (void)now;
    return runtime.sched->spawn("timer", self->fn, self->arg) == WEFT_OK ? NULL : TIMER_AGAIN;
}

static struct weft_timer *timer_new(weft_ns delay, weft_ns period, task_fn fn, void *arg)
{
    task_self(); /* panics outside of a task */
    size_t size = sizeof(struct weft_timer);
    struct weft_timer *self = block_new(&size);
    if (self == NULL) {
        return NULL;
    }
    *self = (struct weft_timer){.timer = {.when = instant_after(delay), .period = period},
                                .run = runtime.number,
                                .ticker = period > 0,
                                .fn = fn,
                                .arg = arg};
    self->timer.expire = fn == NULL ? expire_channel : expire_function;
    mailbox_init(&self->mailbox, sizeof(weft_ns), size, NULL);
    runtime.sched->arm(&self->timer);
    return self;
}

struct weft_timer *weft_timer_new(weft_ns delay)
{
    return timer_new(delay, 0, NULL, NULL);
}

struct weft_timer *weft_ticker_new(weft_ns period)
{
    return period <= 0 ? NULL : timer_new(period, period, NULL, NULL);
}

struct weft_timer *weft_timer_func(weft_ns delay, void (*fn)(void *), void *arg)
{
    return fn == NULL ? NULL : timer_new(delay, 0, fn, arg);
}

struct weft_chan *weft_timer_chan(struct weft_timer *timer)
{
    return timer->fn != NULL ? NULL : &timer->mailbox.chan;
}

/* Under the lock. */
static bool stop(struct weft_timer *timer)
{
    if (runtime.sched == NULL || timer->run != runtime.number) {
        return false;
    }
    bool armed = timer_disarm(&timer->timer);
    return mailbox_drain(&timer->mailbox) || armed;
}

bool weft_timer_stop(struct weft_timer *timer)
{
    if (worker_self() == NULL) {
        task_outside(); /* panics during a run */
    }
    task_lock(&timer->lock);
    bool pending = stop(timer);
    lock_release(&timer->lock);
    return pending;
}

bool weft_timer_reset(struct weft_timer *timer, weft_ns delay)
{
    task_self(); /* panics outside of a task */
    if (timer->ticker && delay <= 0) {
        weft_panic("reset of the ticker %p to a period that is not positive", (void *)timer);
    }
    task_lock(&timer->lock);
    bool pending = stop(timer);
    timer->run = runtime.number;
    timer->timer.when = instant_after(delay);
    timer->timer.period = timer->ticker ? delay : 0;
    runtime.sched->arm(&timer->timer);
    lock_release(&timer->lock);
    return pending;
}

void weft_timer_free(struct weft_timer *timer)
{
    if (timer != NULL) {
        weft_timer_stop(timer);
        chan_check_unused(&timer->mailbox.chan);
        mailbox_free(&timer->mailbox);
    }
}

/* weft_chan_free() of weft_after()'s channel. */
static void release_after(struct mailbox *mailbox)
{
    weft_timer_stop((struct weft_timer *)(void *)mailbox);
}

struct weft_chan *weft_after(weft_ns delay)
{
    struct weft_timer *timer = timer_new(delay, 0, NULL, NULL);
    if (timer == NULL) {
        return NULL;
    }
    timer->mailbox.release = release_after;
    return &timer->mailbox.chan;
}
