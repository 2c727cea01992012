/* All workers' threads go into calls that end only when a task has run, which one of them has made ready, or which
 * sleeps on one of their timers; or one looks for work meanwhile. There is one spare, and no other thread is to be had.
 * Somebody runs the task (core/driver.h, D2 to D4). */
#define LITMUS_MONITOR
#define DRIVER_LOOKS 1
#include "tests/litmus/scheduler.h"

#include "tests/litmus/monitor.h"

/* Searches, and looks of the monitor: some executions are longer than the checker goes. */
extern const unsigned litmus_expects_cut;
const unsigned litmus_expects_cut = 1;

enum { SPARE = 2, TASK = 2 };

static uint64_t by_timer, looks_for_work; /* a word each */

static void wait_for_task(void *unused)
{
    (void)unused;
    while (!load_acquire(&done)) {
        cpu_relax();
    }
}

static struct task *expires(struct timer *timer, weft_ns now)
{
    (void)timer;
    (void)now;
    return litmus_task(TASK);
}

static struct timer timer = {.expire = expires}; /* due at once */

/* NULL: the run has ended. */
static void run(struct task *task)
{
    if (task == NULL) {
        return;
    }
    assert(task == &litmus_tasks[TASK]);
    litmus_take(task);
    mn_stop(); /* nobody goes on behind his call */
    store_release(&done, true);
    store_release(&litmus_drivers[SPARE].wake, 1u); /* if it has been given nothing, it ends */
    futex_wake(&litmus_drivers[SPARE].wake, 1);
    kick();
}

static void *caller(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    struct mn_worker *worker = litmus_work(index);
    static struct call calls[2]; /* they may outlive their threads */
    calls[index] = (struct call){.fn = wait_for_task, .task = litmus_task(index)};
    struct task *task = NULL;
    if (index == 1 && by_timer != 0) {
        mn_arm(&timer);
    } else if (index == 1) {
        sched_policy.push(worker, litmus_task(TASK), PUSH_SPAWN);
    }
    if (index == 1 || looks_for_work == 0) {
        litmus_drivers[index].call = &calls[index];
        if (!driver_call(&litmus_drivers[index], &task) || task != NULL) {
            return NULL; /* the run has ended meanwhile */
        }
    }
    run(sched_policy.find(worker)); /* the call waits */
    return NULL;
}

static void *spare(void *unused)
{
    (void)unused;
    litmus_enter(3);
    litmus_self->as = NULL;
    struct driver *self = &litmus_drivers[SPARE];
    while (load_acquire(&self->wake) == 0) {
        futex_wait(&self->wake, 0, WEFT_FOREVER);
    }
    lock_acquire(&drivers.lock);
    struct mn_worker *worker = self->worker;
    lock_release(&drivers.lock);
    if (worker != NULL) {
        worker_set_self(&worker->base);
        limbo_quiet(&worker->base.epoch);
        run(sched_policy.find(worker));
    }
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(4);
    litmus_self->as = NULL;
    litmus_look_until_done();
    return NULL;
}

int main(void)
{
    by_timer = litmus_choose(2);
    looks_for_work = litmus_choose(2);
    litmus_begin_workers(2);
    runtime.sched = &engine_ops;
    spare_put(&litmus_drivers[SPARE]);
    drivers.threads = CALLS_MAX + 2 * mn.count;
    store_relaxed(&drivers.used, true);
    store_relaxed(&monitor_soon, litmus_choose(2) == 0);
    litmus_start(caller, (void *)0);
    litmus_start(caller, (void *)1);
    litmus_start(spare, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    assert(load_relaxed(&done));
    litmus_end_workers();
    return 0;
}
