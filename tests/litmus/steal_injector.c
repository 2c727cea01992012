/* The injector, from outside: what two threads that are no workers inject is run by a worker that goes to sleep when it
 * finds nothing: enter the list, look again, sleep; inject, then wake. */
#include "tests/litmus/scheduler.h"

static void *outside(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    litmus_self->as = NULL;
    mn_inject(litmus_task((unsigned)(uintptr_t)arg));
    return NULL;
}

static void *sleeper(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    for (unsigned run = 0; run < 2; run++) {
        struct task *task = steal_look(worker, NULL, false);
        while (task == NULL) {
            steal_sleep(worker, 1, &task);
            task = task != NULL ? task : steal_look(worker, NULL, false);
        }
        litmus_take(task);
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(1);
    litmus_start(sleeper, NULL);
    litmus_start(outside, (void *)2);
    litmus_start(outside, (void *)3);
    litmus_join();
    litmus_end_workers();
    return 0;
}
