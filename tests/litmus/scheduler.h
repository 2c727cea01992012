/* A scheduler's own parts: -DSCHED=NAME, else steal. The engine core/mn.c is the real one; what it needs of stacks, panics, helper threads and the
 * monitor is not there, as no context is ever switched: a client calls push, pop, the idle list and the like by itself. */
#ifndef LITMUS_SCHEDULER_H
#define LITMUS_SCHEDULER_H

#include "tests/litmus/runtime.h"

#include "core/blocking.h"
#include "core/helper.h"
#include "core/limbo.h"
#include "core/panic.h"

#include <stdio.h>

/* --- what is not there -------------------------------------------------------------------------------- */

#define NOT_THERE(name, result, parameters)                                                                            \
    result name parameters                                                                                             \
    {                                                                                                                  \
        assert(!#name);                                                                                                \
        abort();                                                                                                       \
    }

static inline struct worker *context_switch(struct context *from, struct context *to, struct worker *worker, bool dying)
{
    (void)from;
    (void)to;
    (void)dying;
    assert(!"no context is switched here");
    return worker;
}

static inline void context_started(void)
{
}

static inline void context_init(struct context *context, void *low, size_t size, context_entry entry)
{
    (void)low;
    (void)size;
    (void)entry;
    context->registers = 0;
}

static inline void context_init_thread(struct context *context)
{
    context->registers = 0;
}

static inline void context_fini(struct context *context)
{
    context->registers = 0;
}

#pragma GCC diagnostic ignored "-Wunused-parameter"
struct pool task_pool, stack_pool;
_Atomic(uint64_t) limbo_epoch;
NOT_THERE(pool_get_slow, void *, (struct pool * pool, struct magazine *magazine))
NOT_THERE(pool_put_slow, void, (struct pool * pool, struct magazine *magazine))
NOT_THERE(task_pools_reset, void, (size_t stack_size))
NOT_THERE(task_pool_visit, void, (void (*visit)(struct task *, void *), void *arg))
NOT_THERE(stack_low, void *, (char *stack))
NOT_THERE(stack_usable, size_t, (void))
NOT_THERE(stack_get, char *, (struct magazine * magazine))
NOT_THERE(stacks_trim, void, (struct magazine * magazine))
NOT_THERE(stacks_abandon, void, (void))
NOT_THERE(task_describe_fn, void, (char *text, size_t size, task_fn fn))
NOT_THERE(task_lost, void, (void))
NOT_THERE(frame_call, bool, (struct task * self, task_fn fn, void *arg))
NOT_THERE(frames_finish, void, (struct task * self))
NOT_THERE(fatal, void, (const char *format, ...))
NOT_THERE(signal_stack_install, void, (struct signal_stack * stack))
NOT_THERE(signal_stack_remove, void, (struct signal_stack * stack))
NOT_THERE(blocking_run, void, (task_fn fn, void *arg))
NOT_THERE(blocking_out, unsigned, (void))
NOT_THERE(blocking_end_run, bool, (void))
NOT_THERE(threads_count, void, (int change))
NOT_THERE(run_observable, void, (bool yes))
NOT_THERE(options_hog_ns, weft_ns, (void))

uint64_t random_seed(uint64_t seed, unsigned index)
{
    return seed + index + 1;
}

/* --- what is ------------------------------------------------------------------------------------------ */

#include "core/mn.c"

#ifndef SCHED
#define SCHED steal
#endif
#define LITMUS_PASTE(a, b) LITMUS_PASTE_NOW(a, b)
#define LITMUS_PASTE_NOW(a, b) a##b
#define LITMUS_STRING(a) LITMUS_STRING_NOW(a)
#define LITMUS_STRING_NOW(a) #a
#include LITMUS_STRING(variants/sched/SCHED.c)
#define sched_policy LITMUS_PASTE(SCHED, _policy)

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

static inline void litmus_begin_workers(unsigned count)
{
    litmus_begin();
    mn.policy = &sched_policy;
    mn.count = count;
    mn.workers = aligned_alloc(CACHE_LINE, sizeof(struct mn_worker) * count);
    memset(mn.workers, 0, sizeof(struct mn_worker) * count);
    for (unsigned i = 0; i < count; i++) {
        worker_init(&mn.workers[i], i, 1);
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

#endif
