/* Limbo and the scheduler `thread`: a task uses a channel and then parks, which tells the others that it is at work on
 * none; another one takes the channel away and frees it, and others behind it, by thread_oldest_epoch(). */
#define LIMBO_BATCH 1
#include "tests/litmus/thread.h"

#include "tests/litmus/limbo.h"

static void *user(void *unused)
{
    (void)unused;
    litmus_be(0);
    limbo_quiet(&workers[0].base.epoch);
    litmus_use();
    struct wait wait = {.task = task_self(), .timer = {.when = 5, .expire = wait_expire}};
    thread_park(wait_commit, &wait, &wait.timer);
    return NULL;
}

static void *freer(void *unused)
{
    (void)unused;
    litmus_be(1);
    limbo_quiet(&workers[1].base.epoch);
    struct weft_chan *chan = litmus_take_away();
    store_release(&workers[1].base.epoch, LIMBO_ASLEEP); /* nothing has to wait for itself */
    limbo_free(chan);
    for (unsigned i = 0; i < 2; i++) {
        limbo_free(litmus_others[i]);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    runtime.sched = &thread_ops;
    store_relaxed(&thread_state.service.base.epoch, LIMBO_ASLEEP);
    litmus_begin_limbo(2);
    for (unsigned i = 0; i < 2; i++) {
        thread_enlist(&workers[i]);
        limbo_quiet(&workers[i].base.epoch);
    }
    litmus_start(user, NULL);
    litmus_start(freer, NULL);
    litmus_join();
    limbo_drain();
    return 0;
}
