/* A function's frame: what weft_call (frame.c) has on its stack while it runs a function, and panic.c cuts the stack
 * back to.
 * State: the task's own. Invariants: see panic.h. */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include "panic.h"
#include "sched.h"

#include <setjmp.h>

#if defined(__x86_64__) && !defined(SANITIZE_ADDRESS) && !defined(SANITIZE_THREAD) && !defined(WEFT_UCONTEXT)
#define CALL_ASSEMBLY 1
#define from_assembly __attribute__((used, visibility("hidden")))
#else
#define from_assembly
#endif

enum { FEW = 8 };

struct deferred {
    task_fn fn;
    void *arg;
};

enum {
    FUNCTION_RUNS = 0, /* base: the frame's function has not returned */
    UNWOUND_RUNS = -1, /* base: the same, of a deferred call that runs by a panic or behind one */
    ROOT_RUNS = -2,    /* base: the same, of a task's own function */
    ON_HEAP = 1 << 30, /* in count: the calls have become more than a few */
};

/* The root, of a task's own function, is on the heap. */
struct frame {
    struct frame *parent;
    int32_t base;  /* P4: if above 0, the number of calls left is one less */
    int32_t count; /* of calls, and ON_HEAP */
#ifdef CALL_ASSEMBLY
    void *kept[6]; /* rbx, rbp, r12 to r15, as they were before the call; not the root's */
#endif
    struct panic *run_by;  /* P1: while base is UNWOUND_RUNS; NULL: not by a panic */
    bool inner;            /* P4: it was a call of its own that recovered, not its function. Set before a jump */
    int32_t room;          /* on the heap */
    struct deferred *heap; /* likewise */
    struct deferred few[FEW];
#ifndef CALL_ASSEMBLY
    jmp_buf jump; /* not the root's */
#endif
};

/* For weft_call. The stack has been cut back to the innermost frame: runs what is left of its calls, and leaves it;
 * returns what weft_call does. */
bool frame_landed(void) from_assembly;
/* Runs the calls of a frame whose function has returned, and frees what it has. */
void frame_run(struct frame *frame) from_assembly;
/* No task, or no function: panics. */
void frame_refuse(void) from_assembly __attribute__((noreturn));

#ifdef CALL_ASSEMBLY

_Static_assert(offsetof(struct worker, current) == 0 && offsetof(struct task, frames) == 88, "as weft_call has them");
_Static_assert(offsetof(struct frame, parent) == 0 && offsetof(struct frame, base) == 8 &&
                   offsetof(struct frame, count) == 12 && offsetof(struct frame, kept) == 16 &&
                   offsetof(struct frame, few) == 88 && sizeof(struct frame) == 216 && FUNCTION_RUNS == 0,
               "as weft_call has them");

/* Cuts the stack back to a frame further down. */
static force_inline __attribute__((noreturn)) void frame_jump(struct frame *frame)
{
    __asm__ volatile("movq %0, %%rsp\n\t"
                     "jmp frame_land"
                     :
                     : "r"(frame)
                     : "memory");
    __builtin_unreachable();
}

#else

static inline __attribute__((noreturn)) void frame_jump(struct frame *frame)
{
    longjmp(frame->jump, 1);
}

#endif

#endif
