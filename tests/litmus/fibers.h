/* Contexts as threads: a switch hands the worker to the thread of the other context and waits until somebody hands one
 * back. So mn_park, mn_switch and the commit on the next context's side are the real ones. To be included before
 * scheduler.h. */
#ifndef LITMUS_FIBERS_H
#define LITMUS_FIBERS_H

#include "tests/litmus/runtime.h"

static void *litmus_context_main(void *arg);

static pthread_t litmus_context_ids[LITMUS_THREADS];
static _Atomic(unsigned) litmus_contexts; /* that have been started; their threads are numbered behind the workers' */

/* Behind the end of all workers. */
static inline void litmus_join_contexts(void)
{
    for (unsigned i = 0; i < load_relaxed(&litmus_contexts); i++) {
        pthread_join(litmus_context_ids[i], NULL);
    }
}

static inline void context_init(struct context *context, void *low, size_t size, context_entry entry)
{
    (void)low;
    (void)size;
    context->registers = 1;
    context->entry = entry;
    store_relaxed(&context->resumed, NULL);
}

static inline void context_init_thread(struct context *context)
{
    context_init(context, NULL, 0, NULL);
}

static inline void context_fini(struct context *context)
{
    context->registers = 0;
}

static inline void context_started(void)
{
}

/* The worker goes on in this context. */
static inline void litmus_resume(struct context *to, struct worker *worker)
{
    assert(to->registers == 1); /* they have been saved, and are seen */
    to->registers = 0;
    store_release(&to->resumed, worker);
    if (to->entry != NULL) {
        unsigned number = add_relaxed(&litmus_contexts, 1u);
        to->number = number;
        pthread_create(&litmus_context_ids[number], NULL, litmus_context_main, to);
    }
}

static inline struct worker *context_switch(struct context *from, struct context *to, struct worker *worker, bool dying)
{
    (void)dying;
    from->registers = 1;
    litmus_resume(to, worker);
    while ((worker = load_acquire(&from->resumed)) == NULL) {
        cpu_relax();
    }
    store_relaxed(&from->resumed, NULL);
    worker_set_self(worker);
    return worker;
}

static void *litmus_context_main(void *arg)
{
    struct context *self = arg;
    context_entry entry = self->entry;
    litmus_enter(3 + self->number);
    struct worker *worker = load_acquire(&self->resumed);
    self->entry = NULL;
    store_relaxed(&self->resumed, NULL);
    worker_set_self(worker);
    entry(NULL, self, worker);
    return NULL;
}

#endif
