/* The ring is full: the owner pushes one more, which sends half of it to the injector, while a thief takes half of it
 * and another one takes from the injector. No task is lost or doubled. */
#include "tests/litmus/scheduler.h"

static struct task filling[RING_SIZE];
static _Atomic(unsigned) filling_taken[RING_SIZE];
static _Atomic(unsigned) more_taken;

static void take(struct task *task)
{
    assert(task->context.registers == 1);
    bool more = task == &litmus_tasks[0];
    unsigned before = more ? add_relaxed(&more_taken, 1u) : add_relaxed(&filling_taken[task - filling], 1u);
    assert(before == 0);
    (void)before;
}

static void *owner(void *unused)
{
    (void)unused;
    steal_ring_push(steal_local(litmus_work(0)), litmus_task(0));
    return NULL;
}

static void *thief(void *unused)
{
    (void)unused;
    struct task *task = steal_half(steal_local(litmus_work(1)), &steal_shared->locals[0]);
    if (task != NULL) {
        take(task);
    }
    return NULL;
}

static void *taker(void *unused)
{
    (void)unused;
    litmus_work(2);
    struct task *task = steal_take_injected();
    if (task != NULL) {
        take(task);
    }
    return NULL;
}

int main(void)
{
    struct task *task;
    litmus_begin_workers(3);
    litmus_work(0);
    store_relaxed(&steal_shared->locals[0].head, UINT32_MAX - 100);
    store_relaxed(&steal_shared->locals[0].tail, UINT32_MAX - 100);
    for (unsigned i = 0; i < RING_SIZE; i++) {
        filling[i].context.registers = 1;
        steal_ring_push(&steal_shared->locals[0], &filling[i]);
    }
    litmus_start(owner, NULL);
    litmus_start(thief, NULL);
    litmus_start(taker, NULL);
    litmus_join();
    while ((task = steal_take_injected()) != NULL) {
        take(task);
    }
    for (unsigned i = 0; i < 2; i++) {
        while ((task = steal_ring_pop(&steal_shared->locals[i])) != NULL) {
            take(task);
        }
    }
    for (unsigned i = 0; i < RING_SIZE; i++) {
        assert(load_relaxed(&filling_taken[i]) == 1);
    }
    assert(load_relaxed(&more_taken) == 1);
    litmus_end_workers();
    return 0;
}
