/* The monitor's look for a deadlock, on the M:N engine: while a task waits in the queue, or is at a worker, mn_stuck()
 * says no; once all workers sleep it says yes, and what they did is seen. */
#define SCHED global
#define LITMUS_BLOCKING_OUT
#include "tests/litmus/scheduler.h"

static bool done; /* by the task */

unsigned blocking_out(void)
{
    return 0;
}

static void *worker(void *arg)
{
    struct mn_worker *self = litmus_work((unsigned)(uintptr_t)arg);
    struct task *task;
    if (arg == NULL) {
        sched_policy.push(self, litmus_task(0), PUSH_SPAWN);
    }
    while ((task = sched_policy.find(self)) != NULL) {
        litmus_take(task);
        done = true;
    }
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(3);
    litmus_self->as = NULL;
    while (!mn_stuck()) {
        cpu_relax();
    }
    assert(done);
    mn_stop();
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    /* a worker that has not begun is at work */
    litmus_start(worker, (void *)0);
    litmus_start(worker, (void *)1);
    litmus_start(monitor, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
