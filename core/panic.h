/* Frames, deferred calls, panics: Go's defer, panic, recover and Goexit.
 *
 * Idea: a frame is a record on the C stack of weft_call(), in a list that begins at the task. A panic does not unwind:
 * it runs the deferred calls of the frames, innermost first, on top of the stack, where everything they refer to still
 * exists. Only when one of them has recovered is the stack cut back, by a long jump to the frame that it was deferred
 * on. If none does, the stack is whole when it is printed.
 * Source: the rules are those of the Go specification ("Handling panics") and of runtime/panic.go; R. Griesemer et al.
 *
 * State: all the task's own. task.frames: the innermost frame. task.panics: those in progress, the latest first.
 * task.recovered: the message of the last that was recovered. A task's own function has a frame only once it defers
 * something: the root, on the heap.
 * Invariants
 *   P1  Each deferred call is taken off its frame's list before it runs, and runs as a frame of its own, which knows
 *       the panic that runs it. So "directly in a deferred call" is "the innermost frame has a panic".
 *       weft_panics_in_progress counts the panics of all tasks, so that a task which asks for one and finds none of
 *       anybody need not ask for its own.
 *   P2  A frame's depth is the number of frames from it to the last; a panic's is that of the frame in which it was
 *       raised. A panic lives on the stack above that frame: a long jump to frame f ends all panics whose depth is not
 *       below f's.
 *   P3  weft_exit is a panic that can't be recovered; if a long jump ends one, it begins anew from there.
 *   P4  Where a frame's function has returned, its deferred calls run in the same frame, with the number of calls left
 *       of it as the base: what they defer comes on top of that, and so runs before what is left. A panic that one at
 *       or above the base recovers ends that deferred call only: the frame was not left by a panic. */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include "task.h"

/* At the end of a task that has frames or has had a panic: runs what its own function deferred, frees its memory. */
void frames_finish(struct task *self);
/* For a task that will never run again: frees the memory only. */
void frames_forget(struct task *self);
/* weft_exit: runs the deferred calls; the caller then ends the task. Never returns where an older exit took over. */
void frames_exit(struct task *self);

/* An error of the runtime that nothing can recover: prints it with the task and its stack, ends the process with status
 * 2. May be called with locks held and between tasks. */
void fatal(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
