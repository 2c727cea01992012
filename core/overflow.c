#include "overflow.h"

#include "sched.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { GUARD_SLACK = 64 * 1024 };

static struct sigaction before;

no_race_check static bool in_guard(const struct worker *worker, const struct task *task, const char *address)
{
    struct guard guard = worker->guard;
    if (task->stack != NULL) {
        guard = (struct guard){task->stack, stack_low(task->stack)};
    }
    return guard.low <= address && address < guard.high;
}

no_race_check static void say_overflow(const struct task *task)
{
    char fn[256], text[768];
    const char *name = load_relaxed(&task->name);
    task_describe_fn(fn, sizeof fn, load_relaxed(&task->fn));
    int length = snprintf(text, sizeof text,
                          "fatal error: stack overflow\n\ntask %llu \"%s\" fn %s: its stack may grow to %zu bytes "
                          "(weft_options.stack_size)\n",
                          (unsigned long long)task->number, name == NULL ? "" : name, fn, runtime.options.stack_size);
    ssize_t written = write(STDERR_FILENO, text, (size_t)length);
    (void)written;
}

/* Not checked for races, as the two above: it runs on a thread, in the middle of a task that is another thread to the
 * sanitizer. */
no_race_check static void on_fault(int number, siginfo_t *info, void *context)
{
    struct worker *worker = worker_self();
    struct task *task = worker == NULL ? NULL : load_relaxed(&worker->current); /* owner only */
    if (task != NULL && info->si_code > 0 && in_guard(worker, task, info->si_addr)) {
        say_overflow(task);
        _exit(2);
    }
    if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(number, info, context);
    } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
    } else {
        sigaction(SIGSEGV, &before, NULL); /* the access is tried again, and ends the process as it would have */
        if (info->si_code <= 0) {          /* sent by somebody: it will not come again by itself */
            raise(number);
        }
    }
}

bool overflow_start(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGSEGV, &action, &before) == 0;
}

void overflow_stop(void)
{
    sigaction(SIGSEGV, &before, NULL);
}

void signal_stack_install(struct signal_stack *stack, void *given)
{
    stack_t old;
    *stack = (struct signal_stack){0};
    if (sigaltstack(NULL, &old) != 0 || (old.ss_flags & SS_DISABLE) == 0) {
        return; /* the thread has one */
    }
    void *memory = given != NULL ? given : malloc(SIGNAL_STACK_SIZE);
    stack_t mine = {.ss_sp = memory, .ss_size = SIGNAL_STACK_SIZE};
    stack->installed = memory != NULL && sigaltstack(&mine, NULL) == 0;
    if (given != NULL) {
        return;
    }
    if (stack->installed) {
        stack->memory = memory;
    } else {
        free(memory);
    }
}

void signal_stack_remove(struct signal_stack *stack)
{
    if (stack->installed) {
        stack_t none = {.ss_flags = SS_DISABLE};
        sigaltstack(&none, NULL);
        free(stack->memory);
    }
}

void guard_of_thread(struct guard *guard)
{
    pthread_attr_t attributes;
    void *low;
    size_t size, guard_size = 0;
    *guard = (struct guard){0};
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return;
    }
    if (pthread_attr_getstack(&attributes, &low, &size) == 0) {
        pthread_attr_getguardsize(&attributes, &guard_size);
        /* whether `low` lies above or below the guard depends on the C library and on the thread; elsewhere there is no
         * fault */
        guard->low = (char *)low - GUARD_SLACK;
        guard->high = (char *)low + guard_size + GUARD_SLACK / 16;
    }
    pthread_attr_destroy(&attributes);
}
