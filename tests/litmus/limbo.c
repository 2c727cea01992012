/* Limbo: a channel that was freed stays until everybody who may be at work on it has made a scheduling decision. Two
 * workers find the channel, use it, and then decide; a third one takes it away, frees it, and others behind it, so that
 * batches come and go. */
#define LIMBO_BATCH 1
#include "tests/litmus/runtime.h"

#include "core/limbo.c"

#include "tests/litmus/limbo.h"

static uint64_t oldest_epoch(void)
{
    uint64_t oldest = LIMBO_ASLEEP;
    for (unsigned i = 1; i <= 3; i++) {
        uint64_t epoch = load_acquire(&litmus_threads[i].worker.epoch); /* E1 */
        oldest = epoch < oldest ? epoch : oldest;
    }
    return oldest;
}

static void *user(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    limbo_quiet(&litmus_self->worker.epoch);
    litmus_use();
    limbo_quiet(&litmus_self->worker.epoch);
    store_release(&litmus_self->worker.epoch, LIMBO_ASLEEP); /* E1 */
    return NULL;
}

static void *freer(void *unused)
{
    (void)unused;
    litmus_enter(3);
    limbo_quiet(&litmus_self->worker.epoch);
    limbo_free(litmus_take_away());
    for (unsigned i = 0; i < 3; i++) {
        limbo_quiet(&litmus_self->worker.epoch);
        limbo_free(litmus_others[i]);
    }
    store_release(&litmus_self->worker.epoch, LIMBO_ASLEEP); /* E1 */
    return NULL;
}

int main(void)
{
    struct sched_ops sched = litmus_sched;
    litmus_begin();
    sched.oldest_epoch = oldest_epoch;
    runtime.sched = &sched;
    litmus_begin_limbo(3);
    for (unsigned i = 1; i <= 3; i++) {
        store_relaxed(&litmus_threads[i].worker.epoch, LIMBO_ASLEEP);
    }
    litmus_start(user, (void *)1);
    litmus_start(user, (void *)2);
    litmus_start(freer, NULL);
    litmus_join();
    for (unsigned i = 1; i <= 3; i++) {
        limbo_retire(&litmus_threads[i].worker.limbo);
    }
    limbo_drain();
    return 0;
}
