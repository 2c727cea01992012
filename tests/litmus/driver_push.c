/* The monitor lists a worker whose call lasts, while another worker pushes a task and then computes for ever: either
 * the monitor sees the task, or the other one sees the listed worker, and the spare thread is given it (core/driver.h,
 * D2). */
#define SCHED global
#define LITMUS_MONITOR
#include "tests/litmus/scheduler.h"

enum { NUMBER = STATE_STEP };

void monitor_look_soon(void)
{
}

static void last(void *unused)
{
    (void)unused;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(3);
    litmus_self->as = NULL;
    list_worker(&mn.workers[0], NUMBER | DRIVER_IN_CALL);
    return NULL;
}

static void *other(void *unused)
{
    (void)unused;
    sched_policy.push(litmus_work(1), litmus_task(0), PUSH_SPAWN);
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    spare_put(&litmus_drivers[2]);
    store_relaxed(&drivers.used, true);
    store_relaxed(&monitor_soon, true);
    litmus_drivers[0].fn = last;
    store_relaxed(&litmus_drivers[0].state, NUMBER | DRIVER_IN_CALL);
    litmus_start(monitor, NULL);
    litmus_start(other, NULL);
    litmus_join();
    struct driver *spare = &litmus_drivers[2];
    assert(load_acquire(&spare->wake) == 1 && spare->worker == &mn.workers[0]);
    litmus_take(sched_policy.pop(spare->worker));
    litmus_end_workers();
    return 0;
}
