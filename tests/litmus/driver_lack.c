/* A task comes from outside while the one worker is in a call that lasts, there is no spare thread, and the monitor is
 * just about to sleep: it hears of it, and makes a thread, which is given the worker (core/driver.h, D2). */
#define SCHED global
#define LITMUS_MONITOR
#define LITMUS_HELPERS
#define DRIVER_LOOKS 1
#include "tests/litmus/scheduler.h"

#include "tests/litmus/monitor.h"

/* The thread is there, and waits for a worker. */
int helper_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    (void)thread;
    (void)fn;
    assert(arg == &litmus_drivers[1]);
    return 0;
}

static void *made(void *unused)
{
    (void)unused;
    litmus_enter(2);
    litmus_self->as = NULL;
    struct driver *self = &litmus_drivers[1];
    while (load_acquire(&self->wake) == 0) {
        futex_wait(&self->wake, 0, WEFT_FOREVER);
    }
    worker_set_self(&self->worker->base);
    struct task *task = sched_policy.pop(self->worker);
    assert(task == &litmus_tasks[1]);
    litmus_take(task);
    store_release(&done, true);
    kick();
    return NULL;
}

static void *outside(void *unused)
{
    (void)unused;
    litmus_enter(1);
    litmus_self->as = NULL;
    mn_inject(litmus_task(1));
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(3);
    litmus_self->as = NULL;
    litmus_look_until_done();
    return NULL;
}

int main(void)
{
    litmus_begin_workers(1);
    store_relaxed(&drivers.used, true);
    store_relaxed(&litmus_drivers[0].state, (uint32_t)DRIVER_LISTED);
    list(&mn.workers[0]);
    record_put(&litmus_drivers[1]);
    store_relaxed(&monitor_soon, litmus_choose(2) == 0);
    litmus_start(outside, NULL);
    litmus_start(made, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    assert(drivers.taken == 1 && drivers.threads == 1 && drivers.first_spare == NULL);
    litmus_end_workers();
    return 0;
}
