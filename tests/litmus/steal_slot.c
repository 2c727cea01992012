/* The next-to-run slot: its owner fills it, displaces what is there, and takes from it, while a thief takes from it and
 * from the ring. */
#include "tests/litmus/scheduler.h"

static void *owner(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    struct task *task;
    for (unsigned i = 0; i < 3; i++) {
        steal_push(worker, litmus_task(i), i == 2 ? PUSH_READY : PUSH_SPAWN);
    }
    while ((task = steal_pop(worker)) != NULL) {
        litmus_take(task);
    }
    return NULL;
}

static void *thief(void *arg)
{
    struct mn_worker *worker = litmus_work((unsigned)(uintptr_t)arg);
    uint32_t seen[3];
    steal_note_decisions(seen);
    struct task *task = steal_from_slots(worker, seen, true);
    if (task != NULL) {
        litmus_take(task);
    }
    task = steal_from_rings(worker, seen, true);
    while (task != NULL) {
        litmus_take(task);
        task = steal_pop(worker);
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(3);
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
