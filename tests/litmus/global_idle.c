/* The idle protocol of the scheduler `global`: a worker sleeps only if it saw the queue empty after it had entered the
 * list of sleepers; a pusher looks for sleepers after it has pushed. Two tasks are pushed one after the other to the
 * only worker that can run them. */
#define SCHED global
#include "tests/litmus/scheduler.h"

static void *worker(void *unused)
{
    (void)unused;
    struct mn_worker *self = litmus_work(0);
    for (unsigned i = 0; i < 2; i++) {
        struct task *task = sched_policy.pop(self);
        task = task != NULL ? task : sched_policy.find(self);
        assert(task != NULL);
        litmus_take(task);
    }
    return NULL;
}

static void *pusher(void *unused)
{
    (void)unused;
    struct mn_worker *self = litmus_work(1);
    for (unsigned i = 0; i < 2; i++) {
        sched_policy.push(self, litmus_task(i), PUSH_SPAWN);
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    litmus_start(worker, NULL);
    litmus_start(pusher, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
