/* A scheduler's own parts: -DSCHED=NAME, else steal. The engine core/mn.c is the real one; what it needs of stacks,
 * panics, helper threads and the monitor is absent.h's, as no context is ever switched: a client calls push, pop, the
 * idle list and the like by itself. */
#ifndef LITMUS_SCHEDULER_H
#define LITMUS_SCHEDULER_H

#include "tests/litmus/runtime.h"

#include "tests/litmus/absent.h"

#include "core/driver.c"
#include "core/mn.c"

#ifndef SCHED
#define SCHED steal
#endif
#define LITMUS_PASTE(a, b) LITMUS_PASTE_NOW(a, b)
#define LITMUS_PASTE_NOW(a, b) a##b
#define LITMUS_STRING(a) LITMUS_STRING_NOW(a)
#define LITMUS_STRING_NOW(a) #a
/* a path has no spaces */
/* clang-format off */
#include LITMUS_STRING(variants/sched/SCHED.c)
/* clang-format on */
#define sched_policy LITMUS_PASTE(SCHED, _policy)
#define engine_ops LITMUS_PASTE(SCHED, _ops)

enum { LITMUS_TASKS = 8 };
static struct task litmus_tasks[LITMUS_TASKS];
static _Atomic(unsigned) litmus_taken[LITMUS_TASKS];

/* The task's owner has written it, saved registers included. */
static inline struct task *litmus_task(unsigned index)
{
    litmus_tasks[index].context.registers = 1;
    return &litmus_tasks[index];
}

/* To run it: once, and all that is in it must be seen. */
static inline void litmus_take(struct task *task)
{
    assert(task->context.registers == 1);
    task->context.registers = 0;
    unsigned before = add_relaxed(&litmus_taken[task - litmus_tasks], 1u);
    assert(before == 0);
    (void)before;
}

static struct driver litmus_drivers[LITMUS_THREADS];

static inline void litmus_begin_workers(unsigned count)
{
    litmus_begin();
    mn.policy = &sched_policy;
    mn.count = count;
    mn.workers = aligned_alloc(CACHE_LINE, sizeof(struct mn_worker) * count);
    memset(mn.workers, 0, sizeof(struct mn_worker) * count);
    for (unsigned i = 0; i < count; i++) {
        worker_init(&mn.workers[i], i, 1);
        driver_bind(&litmus_drivers[i], &mn.workers[i]);
    }
    bool ready = mn.policy->init();
    assert(ready);
    (void)ready;
}

static inline void litmus_end_workers(void)
{
    mn.policy->fini();
    free(mn.workers);
}

/* The calling thread is this worker; thread number index + 1. */
static inline struct mn_worker *litmus_work(unsigned index)
{
    litmus_enter(index + 1);
    worker_set_self(&mn.workers[index].base);
    return &mn.workers[index];
}

/* The same, in the loop that runs tasks, until the run ends or the worker is lost. */
static inline bool litmus_drive(unsigned index)
{
    context_init_thread(&litmus_drivers[index].loop);
    return mn_drive(&litmus_drivers[index]);
}

#endif
