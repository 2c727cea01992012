/* A run ends while a worker's thread enters a call, is in it, or comes back, and while the monitor lists it: the end
 * either takes the worker, whose memory the thread then leaves alone, or waits for the thread (core/driver.h, D1). */
#define SCHED global
#define LITMUS_MONITOR
#define DRIVER_MOMENTS 1
#include "tests/litmus/scheduler.h"

void monitor_look_soon(void)
{
}

static _Atomic(bool) over, returned;

static void quick(void *unused)
{
    (void)unused;
}

/* For longer than the run lasts. */
static void last(void *unused)
{
    (void)unused;
    while (!load_acquire(&over)) {
        cpu_relax();
    }
}

static void *caller(void *arg)
{
    bool lasts = arg != NULL;
    litmus_work(0);
    struct driver *self = &litmus_drivers[0];
    for (unsigned i = 0; i < 2 && !load_relaxed(&mn.stop); i++) {
        struct call call = {.fn = lasts ? last : quick, .task = litmus_task(0)};
        struct task *task;
        self->call = &call;
        if (!driver_call(self, &task)) {
            break;
        }
        self->worker->buried++;
    }
    store_release(&returned, true);
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(2);
    litmus_self->as = NULL;
    drivers_look();
    drivers_look();
    return NULL;
}

int main(void)
{
    litmus_begin_workers(1);
    store_relaxed(&drivers.used, true);
    store_relaxed(&drivers.spares, 1u); /* as it seems */
    store_relaxed(&monitor_soon, litmus_choose(2) == 0);
    pthread_create(&litmus_drivers[0].thread, NULL, caller, litmus_choose(2) == 0 ? NULL : &over);
    pthread_t caller_id = litmus_drivers[0].thread;
    litmus_start(monitor, NULL);
    mn_stop();
    drivers_join(1);
    bool joined = drivers.unused == &litmus_drivers[0];
    litmus_join(); /* the monitor sees no run that has ended */
    bool back = load_acquire(&returned);
    bool out = drivers_end();
    assert(!out || (!joined && !back)); /* a call that has come back leaves nothing in use */
    assert(out || joined || load_acquire(&returned) || drivers.first_spare == &litmus_drivers[0]);
    (void)out;
    (void)back;
    litmus_end_workers(); /* the memory is gone */
    store_release(&over, true);
    if (!joined) {
        pthread_join(caller_id, NULL);
    }
    return 0;
}
