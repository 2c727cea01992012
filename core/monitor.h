/* The monitor: a thread of each run that looks at it from outside.
 *
 * A hundred times a second while anybody is busy or (of several workers) goes to work now and then, ten times while
 * all sleep, it
 *   publishes the time (runtime.coarse_now),
 *   lets the scheduler find tasks that keep a worker for long (sched_ops.watch),
 *   trims stacks that have come back to the depot (task.h),
 *   looks for a deadlock: every task waits, and neither a timer, nor a blocking call, nor a thread outside can wake
 *   one.
 * Woken by SIGQUIT it writes the list of tasks to stderr; by a second one within a second it ends the process with
 * status 2, as SIGQUIT does in Go.
 *
 * Threads outside: any thread of the process that the runtime did not make (helper.h) might call weft_go(), so while
 * there is one a deadlock is not reported, unless $WEFT_DEADLOCK is "always"; "never" switches the report off. */
#ifndef CORE_MONITOR_H
#define CORE_MONITOR_H

#include "atomic.h"

#include <stdbool.h>

/* Around a run. False: no thread was to be had. */
bool monitor_start(void);
void monitor_stop(void);
/* A worker goes to work after all had slept: from now on the monitor looks at each tick again (if this comes just when
 * it decides on a longer pause, after that one, 100 ms at the most). Any worker. */
void monitor_hurry(void);
/* Besides that, it looks at the calls that may block their threads (sched_ops.look), more often while `monitor_soon` is
 * set: see core/driver.h, D3. monitor_look_soon() sets it, and wakes the monitor if it was not set; any thread.
 * sched_ops.look takes it back. */
extern _Atomic(bool) monitor_soon;
void monitor_look_soon(void);
/* Says that all tasks are asleep, lists them, and ends the process with status 2. The caller keeps the run from
 * ending. */
void report_deadlock(void) __attribute__((noreturn));
/* weft_dump_tasks for a caller that keeps the run from ending. */
void dump_tasks(int fd);

#endif
