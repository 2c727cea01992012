/* The only spare thread has been idle for long, and ends, unless the run's first calls are being made; no other can be
 * made.
 * Whoever enters a call has seen a spare, and it is still there: it had not ended before the first call (core/driver.h,
 * D4). */
#define SCHED global
#define LITMUS_MONITOR
#include "tests/litmus/scheduler.h"

void monitor_look_soon(void)
{
}

static void look_for_spare(void *arg)
{
    struct driver *self = arg;
    if (kind_of(load_relaxed(&self->state)) == DRIVER_IN_CALL) { /* else it blocks its worker */
        lock_acquire(&drivers.lock);
        assert(drivers.first_spare == &litmus_drivers[2]);
        lock_release(&drivers.lock);
    }
}

static void call(unsigned index)
{
    litmus_work(index);
    struct driver *self = &litmus_drivers[index];
    struct call call = {.fn = look_for_spare, .arg = self, .task = litmus_task(index)};
    struct task *task;
    self->call = &call;
    bool back = driver_call(self, &task);
    assert(back && task == call.task);
    (void)back;
}

static void *first(void *unused)
{
    call(0);
    return unused;
}

static void *second(void *unused)
{
    call(1);
    return unused;
}

static void *spare(void *unused)
{
    litmus_enter(3);
    litmus_self->as = NULL;
    bool ends = spare_ends(&litmus_drivers[2]);
    assert(ends == (drivers.first_spare == NULL)); /* which nobody else writes */
    (void)ends;
    return unused;
}

int main(void)
{
    litmus_begin_workers(2);
    spare_put(&litmus_drivers[2]);
    drivers.threads = CALLS_MAX + 2 * mn.count;
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_start(spare, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
