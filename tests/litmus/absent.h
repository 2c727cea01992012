/* What of core a scheduler refers to and no litmus client may come to: stacks, panics, helper threads, the monitor, the
 * switch. */
#ifndef LITMUS_ABSENT_H
#define LITMUS_ABSENT_H

#include "tests/litmus/runtime.h"

#include "core/blocking.h"
#include "core/driver.h"
#include "core/helper.h"
#include "core/limbo.h"
#include "core/monitor.h"
#include "core/panic.h"

#include "core/chan.h"

#include "core/limbo.c"

#include <stdio.h>

#define NOT_THERE(name, result, parameters)                                                                            \
    result name parameters                                                                                             \
    {                                                                                                                  \
        assert(!#name);                                                                                                \
        abort();                                                                                                       \
    }

#ifndef LITMUS_FIBERS_H
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
#endif

#pragma GCC diagnostic ignored "-Wunused-parameter"
struct pool task_pool, stack_pool;
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
NOT_THERE(fatal, void, (const char *format, ...))
NOT_THERE(blocking_run, void, (task_fn fn, void *arg))
#ifndef LITMUS_BLOCKING_OUT /* a client has its own */
NOT_THERE(blocking_out, unsigned, (void))
#endif
NOT_THERE(blocking_end_run, bool, (void))
/* A hint to a thread that is not there. */
void monitor_hurry(void)
{
}
_Atomic(bool) monitor_soon;
#ifndef LITMUS_MONITOR /* a client has its own */
NOT_THERE(monitor_look_soon, void, (void))
#endif
#ifndef LITMUS_RUNS /* a client has its own, as it runs a scheduler to its end */
NOT_THERE(weft_call, bool, (task_fn fn, void *arg))
NOT_THERE(frames_finish, void, (struct task * self))
NOT_THERE(threads_count, void, (int change))
NOT_THERE(frames_forget, void, (struct task * self))
NOT_THERE(guard_of_thread, void, (struct guard * guard))
NOT_THERE(run_observable, void, (bool yes))
#endif
#if !defined LITMUS_RUNS && !defined LITMUS_HELPERS /* likewise, as it makes threads */
NOT_THERE(helper_create, int, (pthread_t * thread, void *(*fn)(void *), void *arg))
#endif
NOT_THERE(options_hog_ns, weft_ns, (void))

uint64_t random_seed(uint64_t seed, unsigned index)
{
    return seed + index + 1;
}

void signal_stack_install(struct signal_stack *stack, void *memory)
{
    (void)stack;
    (void)memory;
}

void signal_stack_remove(struct signal_stack *stack)
{
    (void)stack;
}

#endif
