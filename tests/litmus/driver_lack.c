/* A worker is in the list, and there is no thread for it, while a task comes from outside: the monitor, which is just about to
 * sleep, hears that a thread is lacking, makes one, and gives it the worker (core/driver.h, D2). */
#define SCHED global
#define LITMUS_MONITOR
#define LITMUS_RUNS
#define DRIVER_LOOKS 1
#include "tests/litmus/scheduler.h"

NOT_THERE(weft_call, bool, (task_fn fn, void *arg))
NOT_THERE(frames_finish, void, (struct task * self))
NOT_THERE(threads_count, void, (int change))
NOT_THERE(frames_forget, void, (struct task * self))
NOT_THERE(guard_of_thread, void, (struct guard * guard))
NOT_THERE(run_observable, void, (bool yes))

static _Atomic(uint32_t) kicks; /* futex word */
enum { MADE = 1 };

/* It waits to be given something, and no more. */
int helper_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    (void)thread;
    assert(fn == driver_main && arg == &litmus_drivers[MADE]);
    (void)fn;
    (void)arg;
    return 0;
}

void monitor_look_soon(void)
{
    if (!exchange_seq_cst(&monitor_soon, true)) {
        add_release(&kicks, 1u);
        futex_wake(&kicks, 1);
    }
}

static void *outside(void *unused)
{
    (void)unused;
    litmus_enter(1);
    litmus_self->as = NULL;
    mn_inject(litmus_task(0));
    return NULL;
}

static void *monitor(void *unused)
{
    (void)unused;
    litmus_enter(2);
    litmus_self->as = NULL;
    while (load_relaxed(&mn.idle_count) != 0) {
        uint32_t seen = load_acquire(&kicks);
        if (drivers_look() == WEFT_FOREVER && load_relaxed(&mn.idle_count) != 0) {
            futex_wait(&kicks, seen, WEFT_FOREVER);
        }
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(1);
    store_relaxed(&drivers.used, true);
    store_relaxed(&monitor_soon, litmus_choose(2) == 0);
    store_relaxed(&litmus_drivers[0].state, (uint32_t)DRIVER_LISTED);
    lock_acquire(&drivers.lock);
    list(&mn.workers[0]);
    lock_release(&drivers.lock);
    drivers.unused = &litmus_drivers[MADE];
    litmus_start(outside, NULL);
    litmus_start(monitor, NULL);
    litmus_join();
    assert(litmus_drivers[MADE].worker == &mn.workers[0] && load_relaxed(&litmus_drivers[MADE].wake) == 1);
    litmus_take(sched_policy.pop(&mn.workers[0]));
    litmus_end_workers();
    return 0;
}
