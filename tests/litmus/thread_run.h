/* The scheduler `thread`, for clients that run it to its end by its own thread_run(). They bring frames_finish and
 * frames_forget. */
#ifndef LITMUS_THREAD_RUN_H
#define LITMUS_THREAD_RUN_H

#define LITMUS_RUNS
#include "tests/litmus/absent.h"

/* Threads that the scheduler makes: number 0 is the client's main(), which is the main task's too. */
static int litmus_create(pthread_t *thread, void *(*fn)(void *), void *arg);
static int litmus_create_detached(pthread_t *thread, void *(*fn)(void *), void *arg);
#define pthread_create(thread, attributes, fn, arg) ((void)(attributes), litmus_create_detached(thread, fn, arg))
#define sched_getaffinity(pid, size, set) (-1) /* no processors are looked at */
/* A thread ends where it was launched: the checker's threads have no other end. */
#define pthread_exit(value) ((void)(value), litmus_leave())
static void litmus_leave(void) __attribute__((noreturn));
/* Called: where it is expanded in place, the checker does not see it. */
static void *(*const volatile litmus_memset)(void *to, int value, size_t size) = memset;
#define memset(to, value, size) litmus_memset(to, value, size)
#include "variants/sched/thread.c"
#undef memset
#undef pthread_create
#undef pthread_exit

static struct launch {
    void *(*fn)(void *);
    void *arg;
    jmp_buf frame;
} launches[LITMUS_THREADS];
static unsigned launched; /* by number 0 only */

static void *launch(void *arg)
{
    struct launch *self = arg;
    litmus_enter((unsigned)(self - launches));
    return setjmp(self->frame) == 0 ? self->fn(self->arg) : NULL;
}

static void litmus_leave(void)
{
    longjmp(launches[litmus_self - litmus_threads].frame, 1);
}

static int litmus_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    struct launch *self = &launches[++launched];
    self->fn = fn;
    self->arg = arg;
    return pthread_create(thread, NULL, launch, self);
}

/* As the attributes say. */
static int litmus_create_detached(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    int error = litmus_create(thread, fn, arg);
#ifndef WEFT_MODEL /* which has its threads to itself */
    if (error == 0) {
        pthread_detach(*thread);
    }
#endif
    return error;
}

int helper_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    return litmus_create(thread, fn, arg);
}

bool weft_call(task_fn fn, void *arg)
{
    fn(arg);
    return true;
}

void threads_count(int change)
{
    (void)change;
}

void guard_of_thread(struct guard *guard)
{
    (void)guard;
}

void run_observable(bool yes)
{
    (void)yes;
}

#endif
