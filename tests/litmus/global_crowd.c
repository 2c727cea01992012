/* Two sleepers and two tasks: no task waits while a worker sleeps, also when a worker that was chosen has found another
 * task meanwhile; the run's end wakes whoever sleeps. Each of the two runs its first task until the other one has one
 * too: so both must get one. */
#define SCHED global
#include "tests/litmus/scheduler.h"

static _Atomic(unsigned) runs;

static void *worker(void *arg)
{
    struct mn_worker *self = litmus_work((unsigned)(uintptr_t)arg);
    struct task *task = sched_policy.pop(self);
    task = task != NULL ? task : sched_policy.find(self);
    assert(task != NULL);
    litmus_take(task);
    add_acq_rel(&runs, 1u);
    while (load_acquire(&runs) != 2) {
        cpu_relax();
    }
    return NULL;
}

static void *pusher(void *unused)
{
    (void)unused;
    struct mn_worker *self = litmus_work(2);
    for (unsigned i = 0; i < 2; i++) {
        sched_policy.push(self, litmus_task(i), PUSH_SPAWN);
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(3);
    litmus_start(worker, (void *)0);
    litmus_start(worker, (void *)1);
    litmus_start(pusher, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
