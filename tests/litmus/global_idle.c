/* The idle protocol of the scheduler `global`: a worker sleeps only if it saw the queue empty after it had entered the list of sleepers; a pusher
 * looks for sleepers after it has pushed. Two workers run what a third one pushes, and the run's end wakes them. */
#define SCHED global
#include "tests/litmus/scheduler.h"

static _Atomic(unsigned) runs;

static void *worker(void *arg)
{
    struct mn_worker *self = litmus_work((unsigned)(uintptr_t)arg);
    for (;;) {
        struct task *task = sched_policy.pop(self);
        task = task != NULL ? task : sched_policy.find(self);
        if (task == NULL) {
            return NULL;
        }
        litmus_take(task);
        if (add_acq_rel(&runs, 1u) == 1) {
            mn_stop(); /* both are run: as the main task does */
        }
    }
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
    assert(load_relaxed(&runs) == 2);
    litmus_end_workers();
    return 0;
}
