/* Contexts and the switch between them: the only inline assembly of the tree.
 *
 * Idea: a switch is inlined into the scheduler's park function and saves three words: stack pointer, frame
 * pointer and the address to go on at. All other registers are declared clobbered, so that the compiler saves
 * just what is alive. It ends in an indirect jump, not in `ret`, because a return to another stack is always
 * mispredicted. One word travels through a register from the switching side to the resumed one: its worker,
 * which cannot be read from thread-local storage by code that does not know on which thread it woke up.
 *
 * Floating-point control (MXCSR and the x87 control word; FPCR on AArch64) belongs to the context, as the ABI
 * says; it is stored at each switch and loaded only when it differs, since loading it is dear.
 *
 * Source: H. Li et al., "Stackful Coroutine Made Fast" (PhotonLibOS), for saving only what is alive.
 *
 * Thread-local storage: worker_self() is read anew at each call (volatile assembly on x86-64 and AArch64, a
 * function that is not inlined elsewhere), as a task may wake up on another thread. */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include "atomic.h"

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZE_ADDRESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZE_ADDRESS 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SANITIZE_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZE_THREAD 1
#endif
#endif

#ifdef SANITIZE_ADDRESS
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef SANITIZE_THREAD
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
/* Fiber switches are made without the happens-before edge that they could imply: two tasks of one worker must
 * be ordered by the program's own synchronisation. These two state the edges that the runtime does provide. */
#define race_acquire(p) __tsan_acquire((void *)(p))
#define race_release(p) __tsan_release((void *)(p))
/* A worker's own plain fields are touched by all the tasks that it runs, in the order of its thread, which the
 * sanitizer does not see. So the functions that do it are not checked for plain accesses; their atomics are still
 * seen. */
#define no_race_check __attribute__((no_sanitize("thread")))
#else
#define race_acquire(p) ((void)(p))
#define race_release(p) ((void)(p))
#define no_race_check
#endif
/* The same for all functions from here to the end of a file, which are those of the scheduler. */
#if defined(SANITIZE_THREAD) && defined(__clang__)
#define no_race_check_below                                                                                            \
    _Pragma("clang attribute push(__attribute__((no_sanitize(\"thread\"))), apply_to = function)")
#define no_race_check_end _Pragma("clang attribute pop")
#else
#define no_race_check_below
#define no_race_check_end
#endif

#if !defined(WEFT_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define WEFT_UCONTEXT 1
#endif

#ifdef WEFT_UCONTEXT
#include <ucontext.h>
#endif

struct worker;
struct context;

/* The first function of a new context: never returns. */
typedef void (*context_entry)(struct context *from, struct context *self, struct worker *worker);

struct context {
#ifdef WEFT_UCONTEXT
    ucontext_t machine;
    context_entry entry;
    struct worker *passed;
#else
    void *stack_pointer;
    void *frame_pointer;
    void *program_counter;
    uint64_t float_control; /* x86-64: MXCSR below, x87 control word above; AArch64: FPCR */
#endif
#ifdef SANITIZE_ADDRESS
    const void *stack_low;
    size_t stack_size;
    void *fake_stack;
#endif
#ifdef SANITIZE_THREAD
    void *fiber;
#endif
};

/* Makes `context` start in entry() on the given stack, with the caller's floating-point control. */
void context_init(struct context *context, void *stack_low, size_t stack_size, context_entry entry);
/* Brings the innermost frames of a context that waits nearer to the processor: a hint. */
static force_inline void context_warm(const struct context *context)
{
#ifndef WEFT_UCONTEXT
    enum { FRAMES = 320 }; /* of a park, and of what called it */
    const char *frames = context->stack_pointer;
    for (size_t i = 0; i < FRAMES; i += CACHE_LINE) {
        __builtin_prefetch(frames + i, 1);
    }
#else
    (void)context;
#endif
}
/* Fills in what sanitizers want to know of the calling thread's own stack. */
void context_init_thread(struct context *context);
/* Tells the sanitizers that the stack is no more. */
void context_fini(struct context *context);
/* Does the processor keep a stack of return addresses of its own for the calling thread (CET's shadow stack, AArch64's
 * guarded control stack)? A return on another stack than the call's is a fault then, so that contexts can't be
 * switched. */
bool context_shadowed(void);

extern _Thread_local struct worker *weft_worker_tls __attribute__((tls_model("initial-exec")));

/* Makes the calling thread run tasks as this worker; NULL: no more. */
static inline void worker_set_self(struct worker *worker)
{
    weft_worker_tls = worker;
    __asm__ volatile("" ::: "memory"); /* the assembly of worker_self() reads it unseen */
}

/* The calling thread's worker; NULL on a thread that is none. */
#if defined(__x86_64__) && !defined(WEFT_UCONTEXT)
static force_inline struct worker *worker_self(void)
{
    struct worker *self;
    __asm__ volatile("movq weft_worker_tls@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(self));
    return self;
}
#elif defined(__aarch64__) && !defined(WEFT_UCONTEXT)
static force_inline struct worker *worker_self(void)
{
    struct worker *self;
    uintptr_t scratch;
    __asm__ volatile("mrs %1, tpidr_el0\n\t"
                     "adrp %0, :gottprel:weft_worker_tls\n\t"
                     "ldr %0, [%0, #:gottprel_lo12:weft_worker_tls]\n\t"
                     "ldr %0, [%1, %0]"
                     : "=&r"(self), "=&r"(scratch));
    return self;
}
#else
struct worker *worker_self(void);
#endif

/* --- floating-point control -------------------------------------------------------------------------- */

#if defined(__x86_64__)

static force_inline uint64_t float_control_read(void)
{
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    return mxcsr | (uint64_t)x87 << 32;
}

static force_inline void float_control_write(uint64_t control)
{
    uint32_t mxcsr = (uint32_t)control & ~0x3Fu; /* the low six bits are sticky flags, not control */
    uint16_t x87 = (uint16_t)(control >> 32);
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87));
}

#define FLOAT_CONTROL_MASK 0xFFFFFFFFFFC0u /* without the sticky exception flags of MXCSR */

#elif defined(__aarch64__)

static force_inline uint64_t float_control_read(void)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return fpcr;
}

static force_inline void float_control_write(uint64_t control)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
}

#define FLOAT_CONTROL_MASK UINT64_MAX

#else

static force_inline uint64_t float_control_read(void)
{
    return 0; /* swapcontext saves what there is */
}

static force_inline void float_control_write(uint64_t control)
{
    (void)control;
}

#define FLOAT_CONTROL_MASK 0u

#endif

/* --- the switch ------------------------------------------------------------------------------------- */

#if defined(__x86_64__) && !defined(WEFT_UCONTEXT)

#ifdef __AVX512F__
#define CLOBBER_AVX512                                                                                                 \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27",      \
        "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"
#else
#define CLOBBER_AVX512
#endif

#ifdef __CET__
#define LANDING_PAD "endbr64"
#else
#define LANDING_PAD ""
#endif

static force_inline struct worker *context_jump(struct context *from, struct context *to, struct worker *worker)
{
    /* The entry function of a new context finds from, to and worker in its first three argument registers. */
    __asm__ volatile(
        "leaq 1f(%%rip), %%rax\n\t"
        "movq %%rsp, %c[sp](%%rdi)\n\t"
        "movq %%rbp, %c[fp](%%rdi)\n\t"
        "movq %%rax, %c[pc](%%rdi)\n\t"
        "movq %c[sp](%%rsi), %%rsp\n\t"
        "movq %c[fp](%%rsi), %%rbp\n\t"
        "jmpq *%c[pc](%%rsi)\n"
        "1:" LANDING_PAD
        : "+D"(from), "+S"(to), "+d"(worker)
        : [sp] "i"(offsetof(struct context, stack_pointer)), [fp] "i"(offsetof(struct context, frame_pointer)),
          [pc] "i"(offsetof(struct context, program_counter))
        : "rax", "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3",
          "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "mm0",
          "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)",
          "st(7)" CLOBBER_AVX512, "cc", "memory");
    return worker;
}

#elif defined(__aarch64__) && !defined(WEFT_UCONTEXT)

#ifdef __ARM_FEATURE_SVE
#define CLOBBER_SVE                                                                                                    \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", "p15"
#else
#define CLOBBER_SVE
#endif

static force_inline struct worker *context_jump(struct context *from, struct context *to, struct worker *worker)
{
    register struct context *x0 __asm__("x0") = from;
    register struct context *x1 __asm__("x1") = to;
    register struct worker *x2 __asm__("x2") = worker;
    __asm__ volatile(
        "adr x3, 1f\n\t"
        "mov x4, sp\n\t"
        "str x4, [x0, %[sp]]\n\t"
        "str x29, [x0, %[fp]]\n\t"
        "str x3, [x0, %[pc]]\n\t"
        "ldr x4, [x1, %[sp]]\n\t"
        "ldr x29, [x1, %[fp]]\n\t"
        "ldr x16, [x1, %[pc]]\n\t"
        "mov sp, x4\n\t"
        "br x16\n"
        "1: hint #36" /* a landing pad (bti j) where branches are checked, else nothing */
        : "+r"(x0), "+r"(x1), "+r"(x2)
        : [sp] "i"(offsetof(struct context, stack_pointer)), [fp] "i"(offsetof(struct context, frame_pointer)),
          [pc] "i"(offsetof(struct context, program_counter))
        : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x18",
          "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4",
          "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20",
          "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31" CLOBBER_SVE, "cc", "memory");
    return x2;
}

#else

static inline struct worker *context_jump(struct context *from, struct context *to, struct worker *worker)
{
    to->passed = worker;
    swapcontext(&from->machine, &to->machine);
    return from->passed;
}

#endif

/* Leaves `from`, goes on in `to`, and returns, when somebody switches back to `from`, the worker that did.
 * `dying`: from will never be resumed. Call it from functions marked no_race_check only. */
no_race_check static force_inline struct worker *context_switch(struct context *from, struct context *to,
                                                                struct worker *worker, bool dying)
{
#ifdef SANITIZE_ADDRESS
    __sanitizer_start_switch_fiber(dying ? NULL : &from->fake_stack, to->stack_low, to->stack_size);
#else
    (void)dying;
#endif
#ifdef SANITIZE_THREAD
    __tsan_switch_to_fiber(to->fiber, 1); /* 1: no synchronisation implied */
#endif
#ifndef WEFT_UCONTEXT
    from->float_control = float_control_read();
    if (unlikely(((from->float_control ^ to->float_control) & FLOAT_CONTROL_MASK) != 0)) {
        float_control_write(to->float_control);
    }
#endif
    worker = context_jump(from, to, worker);
#ifdef SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
    return worker;
}

/* To be called first in a context_entry. */
no_race_check static force_inline void context_started(void)
{
#ifdef SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
}

#endif
