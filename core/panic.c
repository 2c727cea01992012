#include "frame.h"

#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_SIZE = 512,
    TRACE_DEPTH = 64,
    FLUSH_ATTEMPTS = 100, /* a millisecond each */
};

struct panic {
    struct panic *older;
    unsigned depth; /* P2 */
    bool recovered;
    struct leaving *exits; /* P3; NULL: a panic */
    const char *message;   /* of a panic */
};

uint32_t weft_panics_in_progress;
static _Atomic(uint32_t) *const in_progress = (_Atomic(uint32_t) *)&weft_panics_in_progress;

/* A weft_exit. */
struct leaving {
    struct panic panic;
    jmp_buf jump; /* to where it begins anew */
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

static void run_all(struct task *self, struct frame *frame);

static force_inline int32_t frame_count(const struct frame *frame)
{
    return frame->count & ~ON_HEAP;
}

static force_inline struct deferred *frame_calls(struct frame *frame)
{
    return likely((frame->count & ON_HEAP) == 0) ? frame->few : frame->heap;
}

/* P2. Frames do not carry it: only panics ask. */
static unsigned frame_depth(const struct frame *frame)
{
    unsigned depth = 0;
    for (; frame != NULL; frame = frame->parent) {
        depth++;
    }
    return depth;
}

/* The innermost frame goes. */
static force_inline void frame_leave(struct task *self, struct frame *frame)
{
    if (unlikely(frame->count != 0)) { /* all calls are done but for ON_HEAP, or it is left by a jump */
        frame->count &= ON_HEAP;
        if (frame->count != 0) {
            free(frame->heap);
        }
    }
    self->frames = frame->parent;
}

/* The same for one that may be the root. */
static cold_function void frame_drop(struct task *self)
{
    struct frame *frame = self->frames;
    bool root = frame->base == ROOT_RUNS;
    frame_leave(self, frame);
    if (root) {
        free(frame);
    }
}

bool frame_landed(void)
{
    struct task *self = task_current();
    struct frame *frame = self->frames;
    run_all(self, frame);
    bool inner = frame->inner;
    frame_leave(self, frame);
    return inner;
}

void frame_run(struct frame *frame)
{
    int32_t left;
    while ((left = frame_count(frame)) > 0) {
        struct deferred *call = &frame_calls(frame)[left - 1];
        frame->base = left; /* P4 */
        frame->count--;
        call->fn(call->arg);
    }
    if (frame->count != 0) {
        free(frame->heap);
    }
}

cold_function void frame_refuse(void)
{
    task_self(); /* panics outside of a task */
    weft_panic("weft_call of a null function");
}

/* The latest panic in progress, or exit, is no more. */
static cold_function void panic_over(struct task *self)
{
    struct panic *panic = self->panics;
    self->panics = panic->older;
    if (panic->exits == NULL) {
        add_relaxed(in_progress, -1u); /* a hint of others */
    }
}

/* A deferred call that is run by a panic, or behind one: a frame of its own. */
struct unwound {
    struct deferred call;
    struct panic *run_by;
};

static void run_unwound(void *arg)
{
    struct unwound *unwound = arg;
    struct frame *frame = task_self()->frames;
    frame->base = UNWOUND_RUNS; /* P1 */
    frame->run_by = unwound->run_by;
    unwound->call.fn(unwound->call.arg);
}

/* Takes the last call off the list and runs it. */
static cold_function void run_last(struct task *self, struct frame *frame, struct panic *panic)
{
    (void)self;
    frame->count--;
    struct unwound unwound = {.call = frame_calls(frame)[frame_count(frame)], .run_by = panic};
    weft_call(run_unwound, &unwound);
}

static cold_function void run_all(struct task *self, struct frame *frame)
{
    while (frame_count(frame) > 0) {
        run_last(self, frame, NULL);
    }
}

static cold_function struct frame *root_frame(struct task *self)
{
    struct frame *root = malloc(sizeof *root);
    if (root == NULL) {
        weft_panic("weft_defer: no memory");
    }
    root->parent = NULL;
    root->base = ROOT_RUNS;
    root->count = 0;
    self->frames = root;
    return root;
}

static cold_function void more_room(struct frame *frame)
{
    int32_t count = frame_count(frame);
    struct deferred *calls = malloc(2 * (size_t)count * sizeof *calls);
    if (calls == NULL) {
        weft_panic("weft_defer: no memory for %d calls", 2 * count);
    }
    memcpy(calls, frame_calls(frame), (size_t)count * sizeof *calls);
    if ((frame->count & ON_HEAP) != 0) {
        free(frame->heap);
    }
    frame->heap = calls;
    frame->room = 2 * count;
    frame->count |= ON_HEAP;
}

/* Whatever is not one of the first few calls of a frame that is there. */
static __attribute__((noinline)) void defer_slow(task_fn fn, void *arg)
{
    struct task *self = task_self();
    if (unlikely(fn == NULL)) {
        weft_panic("weft_defer of a null function");
    }
    struct frame *frame = self->frames;
    if (unlikely(frame == NULL)) {
        frame = root_frame(self);
    }
    if (unlikely(frame_count(frame) == ((frame->count & ON_HEAP) != 0 ? frame->room : FEW))) {
        more_room(frame);
    }
    frame_calls(frame)[frame_count(frame)] = (struct deferred){fn, arg};
    frame->count++;
}

__attribute__((aligned(CACHE_LINE))) void weft_defer(void (*fn)(void *), void *arg)
{
    struct worker *worker = worker_self();
    if (likely(worker != NULL && fn != NULL)) {
        struct frame *frame = load_relaxed(&worker->current)->frames; /* owner only */
        if (likely(frame != NULL && frame->count < FEW)) {
            frame->few[frame->count++] = (struct deferred){fn, arg};
            return;
        }
    }
    defer_slow(fn, arg);
}

/* --- the end of a task ------------------------------------------------------------------------------ */

static void frames_free(struct task *self)
{
    while (self->frames != NULL) {
        frame_drop(self);
    }
    free(self->recovered);
    self->recovered = NULL;
    while (self->panics != NULL) {
        panic_over(self);
    }
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

/* A deferred call of `frame` has recovered: cuts the stack back to it, or to the exit in the way. Not inlined: no
 * function may jump to itself. */
static __attribute__((noreturn, noinline)) void cut_back(struct task *self, struct frame *frame)
{
    unsigned depth = frame_depth(frame);
    while (self->panics != NULL && self->panics->exits == NULL && self->panics->depth >= depth) { /* P2 */
        panic_over(self);
    }
    while (self->frames != frame) {
        frame_drop(self);
    }
    if (self->panics != NULL && self->panics->depth >= depth) {
        longjmp(self->panics->exits->jump, 1); /* P3 */
    }
    if (frame->base == ROOT_RUNS) { /* as if the task's function had returned */
        frames_finish(self);
        runtime.sched->exit();
    }
    frame->inner =
        frame->base > 0 && frame_count(frame) >= frame->base - 1; /* P4: the call that recovered was number `count` */
    frame_jump(frame);
}

/* Runs the deferred calls of all frames. Returns if nothing was recovered. */
static void unwind(struct task *self, struct panic *panic)
{
    panic->depth = frame_depth(self->frames);
    for (struct frame *frame = self->frames; frame != NULL; frame = frame->parent) {
        while (frame_count(frame) > 0) {
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
    (void)_setjmp(leaving.jump);
    unwind(task, &leaving.panic);  /* those that are left */
    while (task->panics != NULL) { /* while their memory is there */
        panic_over(task);
    }
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
        add_relaxed(in_progress, 1u); /* this task's own calls will see it, on whatever thread */
        unwind(self, &panic);
    }
    die_alone();
    print_panics(&panic);
    die();
}

const char *weft_recover_slow(void)
{
    struct task *self = task_current();
    struct frame *frame = self == NULL ? NULL : self->frames;
    /* not in a call that the frame deferred itself: P4 */
    struct panic *panic = frame == NULL || frame->base != UNWOUND_RUNS ? NULL : frame->run_by;
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

/* For those who take its address, or are compiled without optimisation: the same as in weft.h. */
const char *weft_recover(void)
{
    return unlikely(load_relaxed(in_progress) != 0) ? weft_recover_slow()
                                                    : NULL; /* hint of others, exact of the task's own */
}
