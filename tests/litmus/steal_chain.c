/* A task that is stolen twice: from the owner by one thief, and from that thief's ring by another one, who must see
 * what the first pusher wrote. */
#include "tests/litmus/scheduler.h"

static void *owner(void *unused)
{
    (void)unused;
    struct steal_local *local = steal_local(litmus_work(0));
    for (unsigned i = 0; i < 3; i++) {
        steal_ring_push(local, litmus_task(i));
    }
    return NULL;
}

static void *thief(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    struct task *task = steal_half(steal_local(litmus_work(me)), &steal_shared->locals[me - 1]);
    if (task != NULL) {
        litmus_take(task);
    }
    return NULL;
}

int main(void)
{
    struct task *task;
    litmus_begin_workers(3);
    litmus_start(owner, NULL);
    litmus_start(thief, (void *)1);
    litmus_start(thief, (void *)2);
    litmus_join();
    for (unsigned i = 0; i < 3; i++) {
        while ((task = steal_ring_pop(&steal_shared->locals[i])) != NULL) {
            litmus_take(task);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        assert(load_relaxed(&litmus_taken[i]) == 1);
    }
    litmus_end_workers();
    return 0;
}
