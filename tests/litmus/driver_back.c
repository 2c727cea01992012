/* A thread comes back from a call without a worker, and with a task, while the one worker's thread has gone into a call
 * that ends only when that task has run, and the monitor is just about to sleep: it hears of the call (core/driver.h,
 * D3). */
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
    assert(!back); /* the other thread has the worker */
    (void)back;
    return NULL;
}

/* Its worker was taken, and given to the caller. */
static void *other(void *unused)
{
    (void)unused;
    litmus_enter(2);
    litmus_self->as = NULL;
    struct driver *self = &litmus_drivers[1];
    struct task *task = litmus_task(1);
    if (!return_slowly(self, task)) {
        while (load_acquire(&self->wake) == 0) {
            futex_wait(&self->wake, 0, WEFT_FOREVER);
        }
        worker_set_self(&self->worker->base);
        task = sched_policy.pop(self->worker);
    }
    assert(task == &litmus_tasks[1]);
    litmus_take(task);
    store_release(&done, true);
    kick();
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
    store_relaxed(&drivers.spares, 1u); /* the other one is as good */
    store_relaxed(&litmus_drivers[1].state, (uint32_t)DRIVER_TAKEN);
    drivers.out = drivers.taken = 1;
    store_relaxed(&monitor_soon, litmus_choose(2) == 0);
    litmus_start(caller, NULL);
    litmus_start(other, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    litmus_take(sched_policy.pop(&mn.workers[0])); /* the task whose call it was */
    litmus_end_workers();
    return 0;
}
