/* No thread can be made, and there is no spare, while a task makes a call that ends only when a task has run with which
 * another thread comes back from its call. Either the call waits, and the worker goes on; or that thread has become a
 * spare, which the call sees by then, and which is given the worker (core/driver.h, D4). */
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

static void run(struct task *task)
{
    assert(task == &litmus_tasks[1]);
    litmus_take(task);
    store_release(&done, true);
    kick();
}

static void *caller(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    static struct call call; /* it may outlive this thread */
    call = (struct call){.fn = wait_for_task, .task = litmus_task(0)};
    struct task *task;
    litmus_drivers[0].call = &call;
    if (driver_call(&litmus_drivers[0], &task)) {
        assert(task == NULL); /* the call waits */
        while ((task = sched_policy.pop(worker)) == NULL) {
            cpu_relax();
        }
        run(task);
    }
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
        if (self->worker == NULL) {
            bool back = driver_call_waiting(self, &task);
            assert(!back);
            (void)back;
            return NULL;
        }
        worker_set_self(&self->worker->base);
        task = sched_policy.pop(self->worker);
    }
    run(task);
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
    store_relaxed(&litmus_drivers[1].state, (uint32_t)DRIVER_TAKEN);
    drivers.out = drivers.taken = 1;
    drivers.threads = CALLS_MAX + 2 * mn.count;
    litmus_start(caller, NULL);
    litmus_start(other, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    litmus_take(sched_policy.pop(&mn.workers[0])); /* the task whose call it was */
    litmus_end_workers();
    return 0;
}
