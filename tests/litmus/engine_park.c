/* Park and ready of the M:N engine, on two workers: a task queues itself under a lock and parks with a commit that
 * releases it, which the next context runs; another task takes it out and readies it, so that either worker may resume
 * it. Its registers are saved before (sched.h, P1 to P4), it is resumed once, and sees what its waker wrote. */
#ifndef SCHED
#define SCHED global
#endif
#include "tests/litmus/fibers.h"

#include "tests/litmus/scheduler.h"

/* It searches a hundred times before it sleeps: some executions are longer than the checker goes. */
#define LITMUS_SEARCHES_steal 1
#if LITMUS_PASTE(LITMUS_SEARCHES_, SCHED)
extern const unsigned litmus_expects_cut;
const unsigned litmus_expects_cut = 1;
#endif

static struct lock lock;
static struct task *queued; /* under the lock */
static unsigned written;
static _Atomic(unsigned) ended;

/* The end of a task: its worker goes on in its loop. */
static void leave(void)
{
    if (add_acq_rel(&ended, 1u) == 1) {
        mn_stop();
    }
    struct mn_worker *worker = mn_self();
    worker->previous = NULL;
    litmus_resume(worker->loop, &worker->base);
}

static void sleeper(struct context *from, struct context *self, struct worker *worker)
{
    (void)from;
    (void)self;
    mn_arrived(&sched_policy, (struct mn_worker *)(void *)worker);
    lock_acquire(&lock);
    queued = task_self();
    engine_ops.park(park_unlock, &lock, NULL);
    assert(written == 1);
    leave();
}

static void waker(struct context *from, struct context *self, struct worker *worker)
{
    (void)from;
    (void)self;
    mn_arrived(&sched_policy, (struct mn_worker *)(void *)worker);
    struct task *task = NULL;
    while (task == NULL) {
        lock_acquire(&lock);
        task = queued;
        lock_release(&lock);
        if (task == NULL) {
            engine_ops.yield();
            cpu_relax();
        }
    }
    written = 1;
    engine_ops.ready(task);
    leave();
}

static void *work(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + index);
    litmus_drive(index);
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    runtime.sched = &engine_ops;
    context_entry entries[2] = {sleeper, waker};
    struct mn_worker *first = litmus_work(0);
    for (unsigned i = 0; i < 2; i++) {
        litmus_tasks[i].stack = (char *)&litmus_tasks[i]; /* it has one */
        context_init(&litmus_tasks[i].context, NULL, 0, entries[i]);
        sched_policy.push(first, &litmus_tasks[i], PUSH_SPAWN);
    }
    pthread_t workers[2];
    for (uintptr_t i = 0; i < 2; i++) {
        pthread_create(&workers[i], NULL, work, (void *)i);
    }
    pthread_join(workers[0], NULL);
    pthread_join(workers[1], NULL);
    litmus_join_contexts();
    assert(load_relaxed(&ended) == 2);
    litmus_end_workers();
    return 0;
}
