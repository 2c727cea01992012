/* A task makes a call on the worker of weft_run's caller, which enters none, while there is one spare thread and no
 * other can be made: the spare makes the call, with all that it needs, and the caller goes on driving (core/driver.h,
 * D4 and D5). */
#define SCHED global
#define LITMUS_MONITOR
#include "tests/litmus/scheduler.h"

void monitor_look_soon(void)
{
}

static unsigned made; /* by the caller, the call, the caller */

static void make(void *arg)
{
    assert(arg == &made && made == 1);
    made = 2;
}

static void *caller(void *unused)
{
    struct mn_worker *worker = litmus_work(0);
    static struct call call; /* on its task's stack */
    made = 1;
    call = (struct call){.fn = make, .arg = &made, .task = litmus_task(0)};
    struct task *task;
    litmus_drivers[0].call = &call;
    bool back = driver_call(&litmus_drivers[0], &task);
    assert(back && task == NULL);
    (void)back;
    while ((task = sched_policy.pop(worker)) == NULL) {
        cpu_relax();
    }
    litmus_take(task);
    assert(made == 2);
    return unused;
}

static void *spare(void *unused)
{
    litmus_enter(2);
    litmus_self->as = NULL;
    struct driver *self = &litmus_drivers[1];
    while (load_acquire(&self->wake) == 0) {
        futex_wait(&self->wake, 0, WEFT_FOREVER);
    }
    struct task *task;
    bool back = driver_call_waiting(self, &task);
    assert(!back && self->worker == NULL);
    (void)back;
    return unused;
}

int main(void)
{
    litmus_begin_workers(1);
    drivers.caller = &litmus_drivers[0];
    spare_put(&litmus_drivers[1]);
    drivers.threads = CALLS_MAX + 2 * mn.count;
    litmus_start(caller, NULL);
    litmus_start(spare, NULL);
    litmus_join();
    assert(drivers.first_spare == &litmus_drivers[1] && drivers.out == 0 && drivers.taken == 0);
    litmus_end_workers();
    return 0;
}
