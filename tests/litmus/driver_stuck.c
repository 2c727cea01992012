/* The monitor's look for a deadlock, beside a call that lasts: its task goes on just then, arms a timer, and sleeps.
 * Nobody is stuck at any time (core/mn.c, mn_stuck). */
#define SCHED global
#define LITMUS_MONITOR
#define LITMUS_BLOCKING_OUT
#include "tests/litmus/scheduler.h"

static bool fired;

unsigned blocking_out(void)
{
    return 0;
}

void monitor_look_soon(void)
{
}

static void last(void *unused)
{
    (void)unused;
}

static struct task *fires(struct timer *timer, weft_ns now)
{
    (void)timer;
    (void)now;
    fired = true;
    return NULL;
}

static struct timer timer = {.when = 5, .expire = fires};

static void *caller(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    struct call call = {.fn = last, .task = litmus_task(0)};
    struct task *task;
    litmus_drivers[0].call = &call;
    bool back = driver_call(&litmus_drivers[0], &task);
    assert(back); /* nobody else wants the worker */
    (void)back;
    mn_arm(&timer);
    while (!fired) {
        mn_idle_enter(worker);
        mn_sleep(worker, WEFT_FOREVER);
        timers_expire_one(&worker->timers, 5, &task);
    }
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(2);
    litmus_self->as = NULL;
    assert(!mn_stuck());
    return NULL;
}

int main(void)
{
    litmus_begin_workers(1);
    store_relaxed(&drivers.used, true);
    store_relaxed(&drivers.spares, 1u); /* as it seems */
    store_relaxed(lasting_of(last), last);
    litmus_start(caller, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
