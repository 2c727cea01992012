/* weft_blocking on the scheduler `sim`, whose one worker decides everything: calls that may block their thread, on
 * threads of their own. The other M:N schedulers have driver.h.
 *
 * Idea: the task parks; a helper thread runs the function and readies the task. Threads are made when no idle one is
 * there, up to a limit, and end after ten idle seconds. A call that is out when its run ends is left behind: its stack
 * must then not be used again.
 * State: all under one lock, but for the futex word on which idle threads wait.
 * Ordering: the lock's release -> acquire; ready() for the way back. */
#ifndef CORE_BLOCKING_H
#define CORE_BLOCKING_H

#include "task.h"

/* A scheduler's blocking(). */
void blocking_run(task_fn fn, void *arg);
/* Calls that have begun, or wait for a thread, and will ready a task of this run. Once it says 0 all have been made
 * ready. */
unsigned blocking_out(void);
/* Waits until a call has come back, at most until `deadline`; true: none was out, or one has come back since `seen`, a
 * former value of blocking_returned(). For a scheduler that has nothing else to do. */
uint32_t blocking_returned(void);
bool blocking_wait(uint32_t seen, weft_ns deadline);
/* At the end of a run, when no worker exists: true if calls are still out, whose tasks' stacks must be left alone. */
bool blocking_end_run(void);
/* In the child of a fork: the threads are gone. */
void blocking_forked(void);

#endif
