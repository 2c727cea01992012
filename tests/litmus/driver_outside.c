/* A worker is in a call that ends only when a task has run which comes from outside: whoever comes first, the monitor
 * hears of the call, and gives the worker to the spare thread (core/driver.h, D2 and D3). The monitor was awake, and is
 * just about to sleep. */
#define SCHED global
#define LITMUS_MONITOR
#define DRIVER_LOOKS 1
#include "tests/litmus/scheduler.h"

#include "tests/litmus/monitor.h"

static void wait_for_task(void *unused)
{
    (void)unused;
    while (!load_acquire(&done)) {
        cpu_relax();
    }
}

static void *caller(void *unused)
{
    (void)unused;
    litmus_work(0);
    struct call call = {.fn = wait_for_task, .task = litmus_task(0)};
    struct task *task;
    litmus_drivers[0].call = &call;
    bool back = driver_call(&litmus_drivers[0], &task);
    assert(!back); /* the spare has the worker, and makes nothing of it any more */
    (void)back;
    return NULL;
}

static void *spare(void *unused)
{
    (void)unused;
    litmus_enter(2);
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
    litmus_enter(3);
    litmus_self->as = NULL;
    mn_inject(litmus_task(1));
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(4);
    litmus_self->as = NULL;
    litmus_look_until_done();
    return NULL;
}

int main(void)
{
    litmus_begin_workers(1);
    spare_put(&litmus_drivers[1]);
    store_relaxed(&drivers.used, true);
    store_relaxed(&monitor_soon, true);
    litmus_start(caller, NULL);
    litmus_start(spare, NULL);
    litmus_start(outside, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    litmus_take(sched_policy.pop(&mn.workers[0])); /* the task whose call it was */
    litmus_end_workers();
    return 0;
}
