/* The local ring: its owner pushes and pops while two thieves take halves, one of them from the other thief too. Each
 * task is run once, and whoever runs it sees what the pusher wrote. The counters start just below their wrap. */
#include "tests/litmus/scheduler.h"

static void *owner(void *unused)
{
    (void)unused;
    struct steal_local *local = steal_local(litmus_work(0));
    struct task *task;
    for (unsigned i = 0; i < 3; i++) {
        steal_ring_push(local, litmus_task(i));
    }
    while ((task = steal_ring_pop(local)) != NULL) {
        litmus_take(task);
    }
    return NULL;
}

static void *thief(void *arg)
{
    struct steal_local *local = steal_local(litmus_work((unsigned)(uintptr_t)arg));
    struct task *task = steal_half(local, &steal_shared->locals[0]);
    if (task == NULL && arg != (void *)1) {
        task = steal_half(local, &steal_shared->locals[1]);
    }
    while (task != NULL) {
        litmus_take(task);
        task = steal_ring_pop(local);
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(3);
    for (unsigned i = 0; i < 3; i++) {
        store_relaxed(&steal_shared->locals[i].head, UINT32_MAX - i);
        store_relaxed(&steal_shared->locals[i].tail, UINT32_MAX - i);
    }
    litmus_start(owner, NULL);
    litmus_start(thief, (void *)1);
    litmus_start(thief, (void *)2);
    litmus_join();
    for (unsigned i = 0; i < 3; i++) {
        assert(load_relaxed(&litmus_taken[i]) == 1);
    }
    litmus_end_workers();
    return 0;
}
