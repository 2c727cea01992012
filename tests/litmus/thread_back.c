/* A run of the scheduler `thread` ends while a task is in a call, which comes back while the next run begins, or goes
 * on, or ends: its thread just leaves, and the lock that it takes to find out is the one that the next run goes by
 * (T3). */
#include "tests/litmus/thread_run.h"

static _Atomic(bool) in_call, run_is_over, left;

/* --- in core's stead --------------------------------------------------------------------------------- */

void frames_finish(struct task *self)
{
    (void)self;
}

void frames_forget(struct task *self)
{
    (void)self;
    store_release(&left, true);
}

/* --- the tasks --------------------------------------------------------------------------------------- */

static void last(void *unused)
{
    (void)unused;
    store_release(&in_call, true);
    while (!load_acquire(&run_is_over)) {
        cpu_relax();
    }
}

static void caller(void *unused)
{
    (void)unused;
    thread_blocking(last, NULL);
    assert(!"there is no run to return to");
}

static void leave_behind(void *unused)
{
    (void)unused;
    enum weft_status status = thread_spawn("caller", caller, NULL);
    assert(status == WEFT_OK);
    (void)status;
    while (!load_acquire(&in_call)) {
        cpu_relax();
    }
}

static void count(void *unused)
{
    struct sched_counters counters;
    (void)unused;
    thread_counters(&counters);
    assert(counters.exits == 0); /* what the last run has left is gone */
}

static void run(task_fn fn)
{
    struct weft_options options = {.workers = 1};
    enum weft_status status = thread_run(&options, fn, NULL);
    assert(status == WEFT_OK);
    (void)status;
}

int main(void)
{
    litmus_begin();
    litmus_enter(0);
    worker_set_self(NULL);
    runtime.sched = &thread_ops;
    run(leave_behind);
    store_release(&run_is_over, true);
    run(count);
    assert(thread_state.threads == NULL && thread_state.ended.exits == 1);
    while (!load_acquire(&left)) { /* for whoever is told of memory that is not freed */
        cpu_relax();
    }
    return 0;
}
