#include "context.h"

#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>

no_race_check_below;

/* used: the assembly of worker_self() names it, which link-time optimisation does not see */
__attribute__((used, tls_model("initial-exec"))) _Thread_local struct worker *weft_worker_tls;

#ifdef WEFT_UCONTEXT

__attribute__((noinline)) struct worker *worker_self(void)
{
    __asm__ volatile("" ::: "memory"); /* keeps calls from being merged: each reads the thread's own */
    return weft_worker_tls;
}

/* makecontext passes ints only: a pointer travels as two halves. */
static void context_enter(unsigned high, unsigned low)
{
    struct context *self = (struct context *)((uintptr_t)high << 32 | low);
    self->entry(NULL, self, self->passed);
}

void context_init(struct context *context, void *stack_low, size_t stack_size, context_entry entry)
{
    memset(context, 0, sizeof *context);
    getcontext(&context->machine);
    context->machine.uc_stack.ss_sp = stack_low;
    context->machine.uc_stack.ss_size = stack_size;
    context->machine.uc_link = NULL;
    context->entry = entry;
    uintptr_t address = (uintptr_t)context;
    makecontext(&context->machine, (void (*)(void))context_enter, 2, (unsigned)((uint64_t)address >> 32),
                (unsigned)address);
#else

void context_init(struct context *context, void *stack_low, size_t stack_size, context_entry entry)
{
    memset(context, 0, sizeof *context);
    uintptr_t top = ((uintptr_t)stack_low + stack_size) & ~(uintptr_t)15;
#ifdef __x86_64__
    top -= 8; /* a zero return address, and the alignment that a function finds after a call */
    *(uintptr_t *)top = 0;
#endif
    context->stack_pointer = (void *)top;
    context->program_counter = (void *)entry;
    context->float_control = float_control_read();
#endif
#ifdef SANITIZE_ADDRESS
    context->stack_low = stack_low;
    context->stack_size = stack_size;
#endif
#ifdef SANITIZE_THREAD
    context->fiber = __tsan_create_fiber(0);
#endif
}

void context_init_thread(struct context *context)
{
    memset(context, 0, sizeof *context);
#ifdef SANITIZE_ADDRESS
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        void *low;
        pthread_attr_getstack(&attributes, &low, &context->stack_size);
        context->stack_low = low;
        pthread_attr_destroy(&attributes);
    }
#endif
#ifdef SANITIZE_THREAD
    context->fiber = __tsan_get_current_fiber();
#endif
}

/* ucontext's functions know shadow stacks, where there are any. */
bool context_shadowed(void)
{
#if defined(__x86_64__) && !defined(WEFT_UCONTEXT)
    uint64_t pointer = 0;
    /* rdsspq %rax, which does nothing where there is none; in bytes, as not every assembler knows it */
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8" : "+a"(pointer));
    return pointer != 0;
#elif defined(__aarch64__) && !defined(WEFT_UCONTEXT)
    enum { GET_SHADOW_STACK_STATUS = 74 }; /* PR_GET_SHADOW_STACK_STATUS, Linux 6.13; bit 0: on */
    unsigned long status = 0;
    return prctl(GET_SHADOW_STACK_STATUS, &status, 0, 0, 0) == 0 && (status & 1) != 0;
#else
    return false;
#endif
}

void context_fini(struct context *context)
{
#ifdef SANITIZE_THREAD
    if (context->fiber != NULL) {
        __tsan_destroy_fiber(context->fiber);
        context->fiber = NULL;
    }
#else
    (void)context;
#endif
}

no_race_check_end;
