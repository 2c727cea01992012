#include "panic.h"

#include "sched.h"

#include <execinfo.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The sanitizers know the C library's jumps; the compiler's own are five times faster. */
#if defined(__x86_64__) && !defined(SANITIZE_ADDRESS) && !defined(SANITIZE_THREAD)
typedef void *jump_buffer[5];
#define jump_set(buffer) __builtin_setjmp(buffer)
#define jump_to(buffer) __builtin_longjmp((buffer), 1)
#else
typedef jmp_buf jump_buffer;
#define jump_set(buffer) _setjmp(buffer)
#define jump_to(buffer) longjmp((buffer), 1)
#endif

enum {
    MESSAGE_SIZE = 512,
    FEW = 4,
    TRACE_DEPTH = 64,
    FLUSH_ATTEMPTS = 100, /* a millisecond each */
};

struct deferred {
    task_fn fn;
    void *arg;
};

struct panic {
    struct panic *older;
    unsigned depth; /* P2 */
    bool recovered;
    struct leaving *exits; /* P3; NULL: a panic */
    const char *message;   /* of a panic */
};

struct frame {
    struct frame *parent;
    struct panic *run_by; /* P1; NULL: not by a panic */
    unsigned depth;
    unsigned count, room;   /* of calls */
    struct deferred *calls; /* few, or on the heap */
    struct deferred few[FEW];
    bool root;
    jump_buffer jump;
};

/* A weft_exit. */
struct leaving {
    struct panic panic;
    jump_buffer jump; /* to where it begins anew */
};

/* --- printing --------------------------------------------------------------------------------------- */

/* What was printed before comes before; but whoever holds the stream for long must not keep the process from ending. */
static void flush_stdout(void)
{
    for (unsigned attempt = 0; ftrylockfile(stdout) != 0; attempt++) {
        if (attempt == FLUSH_ATTEMPTS) {
            return;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fflush_unlocked(stdout);
    funlockfile(stdout);
}

/* One process dies once: a second thread that comes here waits for the end. */
static void die_alone(void)
{
    static _Atomic(bool) dying;
    if (exchange_acquire(&dying, true)) {
        for (;;) {
            pause();
        }
    }
    flush_stdout();
}

/* The oldest first, the others indented; exits are not printed. Returns whether there was any. */
static bool print_panics(const struct panic *panic)
{
    if (panic == NULL) {
        return false;
    }
    bool any = print_panics(panic->older);
    if (panic->exits == NULL) {
        dprintf(STDERR_FILENO, "%spanic: %s%s\n", any ? "\t" : "", panic->message,
                panic->recovered ? " [recovered]" : "");
    }
    return any || panic->exits == NULL;
}

static __attribute__((noreturn)) void die(void)
{
    struct task *task = task_current();
    if (task == NULL) {
        dprintf(STDERR_FILENO, "\n(outside of any task)\n");
    } else {
        char fn[256];
        const char *name = load_relaxed(&task->name);
        task_describe_fn(fn, sizeof fn, load_relaxed(&task->fn));
        dprintf(STDERR_FILENO, "\ntask %llu \"%s\" fn %s\n", (unsigned long long)task->number, name == NULL ? "" : name,
                fn);
    }
    void *addresses[TRACE_DEPTH];
    int depth = backtrace(addresses, TRACE_DEPTH);
    backtrace_symbols_fd(addresses, depth, STDERR_FILENO);
    if (depth == TRACE_DEPTH) {
        dprintf(STDERR_FILENO, "...\n");
    }
    _exit(2);
}

void fatal(const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    die_alone();
    dprintf(STDERR_FILENO, "fatal error: %s\n", message);
    die();
}

/* --- frames ----------------------------------------------------------------------------------------- */

static force_inline void frame_enter(struct task *self, struct frame *frame, struct panic *run_by)
{
    frame->parent = self->frames;
    frame->run_by = run_by;
    frame->depth = frame->parent == NULL ? 1 : frame->parent->depth + 1;
    frame->count = 0;
    frame->room = FEW;
    frame->calls = frame->few;
    frame->root = false;
    self->frames = frame;
}

/* The innermost frame goes. */
static force_inline void frame_leave(struct task *self, struct frame *frame)
{
    if (unlikely(frame->calls != frame->few)) {
        free(frame->calls);
    }
    self->frames = frame->parent;
}

/* The same for one that may be the root. */
static cold_function void frame_drop(struct task *self)
{
    struct frame *frame = self->frames;
    bool root = frame->root;
    frame_leave(self, frame);
    if (root) {
        free(frame);
    }
}

static void run_last(struct task *self, struct frame *frame, struct panic *panic);

static force_inline void run_all(struct task *self, struct frame *frame)
{
    while (unlikely(frame->count > 0)) {
        run_last(self, frame, NULL);
    }
}

/* The stack has been cut back to `frame`. Apart from its caller, which sets the jump: nothing of that one's is alive in a register here. */
static __attribute__((noinline)) bool frame_recovered(struct task *self, struct frame *frame)
{
    run_all(self, frame);
    frame_leave(self, frame);
    return false;
}

/* Not inlined: whoever sets a jump must not share its stack frame with a caller that is alive behind it. */
static __attribute__((noinline)) bool frame_run(struct task *self, task_fn fn, void *arg, struct panic *run_by)
{
    struct frame frame;
    struct task *volatile task = self;
    frame_enter(self, &frame, run_by);
    if (jump_set(frame.jump) != 0) {
        return frame_recovered(task, task->frames);
    }
    fn(arg);
    run_all(task, &frame);
    frame_leave(task, &frame);
    return true;
}

/* P1 */
static cold_function void run_last(struct task *self, struct frame *frame, struct panic *panic)
{
    struct deferred call = frame->calls[--frame->count];
    frame_run(self, call.fn, call.arg, panic);
}

bool frame_call(struct task *self, task_fn fn, void *arg)
{
    return frame_run(self, fn, arg, NULL);
}

bool weft_call(void (*fn)(void *), void *arg)
{
    struct task *self = task_self();
    if (unlikely(fn == NULL)) {
        weft_panic("weft_call of a null function");
    }
    return frame_run(self, fn, arg, NULL);
}

static cold_function struct frame *root_frame(struct task *self)
{
    struct frame *root = malloc(sizeof *root);
    if (root == NULL) {
        weft_panic("weft_defer: no memory");
    }
    frame_enter(self, root, NULL);
    root->root = true;
    return root;
}

static cold_function void more_room(struct frame *frame)
{
    unsigned room = frame->room * 2;
    struct deferred *calls = malloc(room * sizeof *calls);
    if (calls == NULL) {
        weft_panic("weft_defer: no memory for %u calls", room);
    }
    memcpy(calls, frame->calls, frame->count * sizeof *calls);
    if (frame->calls != frame->few) {
        free(frame->calls);
    }
    frame->calls = calls;
    frame->room = room;
}

void weft_defer(void (*fn)(void *), void *arg)
{
    struct task *self = task_self();
    if (unlikely(fn == NULL)) {
        weft_panic("weft_defer of a null function");
    }
    struct frame *frame = self->frames;
    if (unlikely(frame == NULL)) {
        frame = root_frame(self);
    }
    if (unlikely(frame->count == frame->room)) {
        more_room(frame);
    }
    frame->calls[frame->count++] = (struct deferred){fn, arg};
}

/* --- the end of a task ------------------------------------------------------------------------------ */

static void frames_free(struct task *self)
{
    while (self->frames != NULL) {
        frame_drop(self);
    }
    free(self->recovered);
    self->recovered = NULL;
    self->panics = NULL;
}

cold_function void frames_finish(struct task *self)
{
    if (self->frames != NULL) { /* the root: all others have been left */
        run_all(self, self->frames);
    }
    frames_free(self);
}

cold_function void frames_forget(struct task *self)
{
    frames_free(self);
}

/* --- panics ----------------------------------------------------------------------------------------- */

/* A deferred call of `frame` has recovered: cuts the stack back to it, or to the exit in the way. Not inlined: no function may jump to
 * itself. */
static __attribute__((noreturn, noinline)) void cut_back(struct task *self, struct frame *frame)
{
    while (self->panics != NULL && self->panics->exits == NULL && self->panics->depth >= frame->depth) { /* P2 */
        self->panics = self->panics->older;
    }
    while (self->frames != frame) {
        frame_drop(self);
    }
    if (self->panics != NULL && self->panics->depth >= frame->depth) {
        jump_to(self->panics->exits->jump); /* P3 */
    }
    if (frame->root) { /* as if the task's function had returned */
        frames_finish(self);
        runtime.sched->exit();
    }
    jump_to(frame->jump);
}

/* Runs the deferred calls of all frames. Returns if nothing was recovered. */
static void unwind(struct task *self, struct panic *panic)
{
    panic->depth = self->frames == NULL ? 0 : self->frames->depth;
    for (struct frame *frame = self->frames; frame != NULL; frame = frame->parent) {
        while (frame->count > 0) {
            run_last(self, frame, panic);
            if (panic->recovered) {
                cut_back(self, frame);
            }
        }
    }
}

static __attribute__((noinline)) void leave(struct task *self)
{
    struct leaving leaving = {.panic = {.older = self->panics, .exits = &leaving}};
    struct task *volatile task = self;
    self->panics = &leaving.panic;
    (void)jump_set(leaving.jump);
    unwind(task, &leaving.panic); /* those that are left */
}

void frames_exit(struct task *self)
{
    if (self->frames != NULL) {
        leave(self);
    }
    frames_free(self);
}

void weft_panic(const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct panic panic = {.message = message};
    struct task *self = task_current();
    if (self != NULL) {
        panic.older = self->panics;
        self->panics = &panic;
        unwind(self, &panic);
    }
    die_alone();
    print_panics(&panic);
    die();
}

const char *weft_recover(void)
{
    struct task *self = task_self();
    struct frame *frame = self->frames;
    struct panic *panic = frame == NULL ? NULL : frame->run_by;
    if (panic == NULL || panic->exits != NULL || panic->recovered) {
        return NULL;
    }
    panic->recovered = true;
    if (self->recovered == NULL) {
        self->recovered = malloc(MESSAGE_SIZE);
    }
    if (self->recovered == NULL) {
        return "(no memory for the message)";
    }
    strcpy(self->recovered, panic->message);
    return self->recovered;
}
