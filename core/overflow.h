/* Stack overflow, told from other faults and named.
 *
 * Below each task's stack lies a guard: touching it raises SIGSEGV, which is handled on a stack of the thread's own. A
 * fault in the guard of the running task ends the process with a message and status 2; any other goes to the handler
 * that was there before. */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

#include <stdbool.h>
#include <stddef.h>

/* Around a run. False: no memory. */
bool overflow_start(void);
void overflow_stop(void);

enum { SIGNAL_STACK_SIZE = 64 * 1024 };

/* A thread's alternate signal stack, unless it has one already: to be called first and last by each thread that runs
 * tasks. `memory`: the caller's, SIGNAL_STACK_SIZE of it, until signal_stack_remove(); or NULL: allocated here, and
 * where there is none an overflow is a plain SIGSEGV. */
struct signal_stack {
    bool installed;
    void *memory; /* to be freed */
};
void signal_stack_install(struct signal_stack *stack, void *memory);
void signal_stack_remove(struct signal_stack *stack);

/* The guard of the calling thread's own stack, for schedulers whose tasks are threads. */
struct guard {
    const char *low, *high;
};
void guard_of_thread(struct guard *guard);

#endif
