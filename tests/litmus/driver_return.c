/* A thread comes back from a call while the monitor lists its worker, and another thread takes that out of the list for
 * a spare: at any time the worker is one thread's, and what its tasks did is seen by the next (core/driver.h, D1). What
 * was waiting behind the call is run once. */
#define SCHED global
#define LITMUS_MONITOR
#include "tests/litmus/scheduler.h"

static unsigned touched; /* plain: by whoever has the worker */
static _Atomic(unsigned) finished;

void monitor_look_soon(void)
{
}

static void quick(void *unused)
{
    (void)unused;
}

static void own(struct driver *driver)
{
    touched++;
    assert(worker_self() == &driver->worker->base);
    driver->worker->buried++;
}

static void *caller(void *unused)
{
    (void)unused;
    litmus_work(0);
    struct driver *self = &litmus_drivers[0];
    own(self);
    for (unsigned i = 0; i < 2; i++) {
        struct call call = {.fn = quick, .task = litmus_task(0)};
        struct task *task;
        self->call = &call;
        if (!driver_call(self, &task)) {
            break;
        }
        assert(task == call.task);
        own(self);
        task->context.registers = 0; /* it goes on */
    }
    add_release(&finished, 1u);
    return NULL;
}

static void *spare(void *unused)
{
    (void)unused;
    litmus_enter(2);
    struct driver *self = &litmus_drivers[1];
    while (load_acquire(&self->wake) == 0) {
        if (load_acquire(&finished) == 3) {
            return NULL;
        }
        cpu_relax();
    }
    worker_set_self(&self->worker->base);
    own(self);
    return NULL;
}

static void *waker(void *unused)
{
    (void)unused;
    litmus_enter(3);
    litmus_self->as = NULL;
    mn_wake_one();
    add_release(&finished, 1u);
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(4);
    litmus_self->as = NULL;
    drivers_look();
    drivers_look();
    add_release(&finished, 1u);
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
    litmus_start(waker, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    assert(touched != 0 && touched == mn.workers[0].buried);
    assert(drivers.out == 0 && drivers.taken == 0);
    litmus_end_workers();
    return 0;
}
