/* The monitor lists a worker whose call lasts, while the other one computes, with a task in its slot that no worker in
 * the list may take, and no thread sleeps: the spare thread is given the listed worker, to watch (S4 of
 * variants/sched/steal.c).
 * Once both are in such calls, nobody has to. */
#define SCHED steal
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
    steal_swap_next(steal_local(litmus_work(1)), litmus_task(0));
    return NULL;
}

int main(void)
{
    bool at_work = litmus_choose(2) == 0; /* else it is listed, too */
    litmus_begin_workers(2);
    spare_put(&litmus_drivers[2]);
    store_relaxed(&drivers.used, true);
    store_relaxed(&monitor_soon, true);
    litmus_drivers[0].fn = litmus_drivers[1].fn = last;
    store_relaxed(&litmus_drivers[0].state, NUMBER | DRIVER_IN_CALL);
    if (!at_work) {
        store_relaxed(&litmus_drivers[1].state, NUMBER | DRIVER_LISTED);
        lock_acquire(&drivers.lock);
        list(&mn.workers[1]);
        lock_release(&drivers.lock);
    }
    litmus_start(monitor, NULL);
    if (at_work) {
        litmus_start(other, NULL);
    }
    litmus_join();
    struct driver *spare = &litmus_drivers[2];
    assert((load_acquire(&spare->wake) == 1) == at_work);
    assert(!at_work || spare->worker == &mn.workers[0]);
    (void)spare;
    litmus_end_workers();
    return 0;
}
