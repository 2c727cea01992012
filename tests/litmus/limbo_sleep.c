/* Limbo and the workers of the M:N engine: a worker uses a channel and then goes to sleep, which tells the others that
 * it is at work on none; another one takes the channel away and frees it, and others behind it, by
 * mn_oldest_epoch(). */
#define LIMBO_BATCH 1
#define SCHED global
#include "tests/litmus/scheduler.h"

#include "tests/litmus/limbo.h"

static void *user(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    limbo_quiet(&worker->base.epoch);
    litmus_use();
    mn_idle_enter(worker);
    mn_sleep(worker, 5);
    return NULL;
}

static void *freer(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(1);
    limbo_quiet(&worker->base.epoch);
    limbo_free(litmus_take_away());
    for (unsigned i = 0; i < 2; i++) {
        limbo_free(litmus_others[i]);
    }
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    runtime.sched = &engine_ops;
    litmus_begin_limbo(2);
    litmus_start(user, NULL);
    litmus_start(freer, NULL);
    litmus_join();
    limbo_retire(&mn.workers[1].base.limbo);
    limbo_drain();
    litmus_end_workers();
    return 0;
}
