/* The end of a run: a worker of `global` that goes to sleep while the run is stopped is woken, or sees it. */
#define SCHED global
#include "tests/litmus/scheduler.h"

static void *worker(void *unused)
{
    (void)unused;
    struct task *task = sched_policy.find(litmus_work(0));
    assert(task == NULL);
    (void)task;
    return NULL;
}

static void *stopper(void *unused)
{
    (void)unused;
    litmus_work(1);
    mn_stop();
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    litmus_start(worker, NULL);
    litmus_start(stopper, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
