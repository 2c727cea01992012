/* An idle worker watches a busy one (S4, S5): what that has pushed and does not come to itself, in its slot and in its
 * ring, is taken by the one that sleeps, woken by a push or not. */
#include "tests/litmus/scheduler.h"

/* The watcher's looks are relaxed: C11 lets it miss the same store again and again, so some executions are longer than
 * the checker goes. */
extern const unsigned litmus_expects_cut;
const unsigned litmus_expects_cut = 1;

static void *busy(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    steal_push(worker, litmus_task(0), PUSH_READY);
    steal_push(worker, litmus_task(1), PUSH_READY);
    return NULL; /* computes for ever */
}

static void *watcher(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(1);
    for (unsigned taken = 0; taken < 2;) {
        struct task *task = NULL;
        if (steal_sleep(worker, 1, &task)) { /* woken, as in steal_find */
            task = task != NULL ? task : steal_from_caller(worker);
            store_release(&steal_shared->searching, 0u);
        }
        if (task != NULL) {
            litmus_take(task);
            taken++;
        }
    }
    assert(load_relaxed(&steal_shared->watching) == 0);
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    litmus_start(busy, NULL);
    litmus_start(watcher, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
