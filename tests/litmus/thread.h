/* The scheduler `thread`, two of whose tasks are a client's threads. */
#ifndef LITMUS_THREAD_H
#define LITMUS_THREAD_H

#include "tests/litmus/absent.h"

#include "variants/sched/thread.c"

static struct thread_worker workers[2];

/* The calling thread is this one of them. */
static inline void litmus_be(unsigned index)
{
    struct thread_worker *self = &workers[index];
    litmus_enter(index);
    store_relaxed(&self->base.current, &self->task);
    worker_set_self(&self->base);
}

#endif
