/* The scheduler `thread`'s own park and ready: a task queues itself under a lock, parks with a commit that releases it,
 * and a deadline; another one takes it out and readies it. Twice, so that a token left over would show. Whoever claims
 * first ends the wait, and nobody else. */
#include "tests/litmus/thread.h"

static struct lock lock;
static struct wait *waiting; /* under the lock */
static unsigned round_under_way, readied, timed_out;

static void *sleeper(void *unused)
{
    (void)unused;
    litmus_be(0);
    for (unsigned i = 0; i < 2; i++) {
        struct wait wait = {.task = task_self(), .timer = {.when = 5, .expire = wait_expire}};
        lock_acquire(&lock);
        waiting = &wait;
        round_under_way = i + 1;
        lock_release(&lock);
        thread_park(wait_commit, &wait, &wait.timer);
        uint32_t won = load_acquire(&wait.claim);
        assert(won == CLAIM_WON || won == CLAIM_WON + WON_TIMEOUT);
        lock_acquire(&lock); /* W2: nobody touches the wait behind this */
        waiting = NULL;
        lock_release(&lock);
        timed_out += won == CLAIM_WON ? 0 : 1;
        assert(won != CLAIM_WON || readied != 0); /* what the waker wrote is seen */
    }
    return NULL;
}

static void *waker(void *unused)
{
    (void)unused;
    litmus_be(1);
    struct task *task = NULL;
    bool parked = false;
    lock_acquire(&lock);
    if (waiting != NULL) {
        struct task *claimed = waiting->task;
        readied++;
        if (!wait_claim(waiting, 0, &parked)) {
            readied--;
        } else if (parked) {
            task = claimed;
        }
    }
    lock_release(&lock);
    if (task != NULL) {
        thread_ready(task);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    for (unsigned i = 0; i < 2; i++) {
        store_relaxed(&workers[i].base.epoch, LIMBO_ASLEEP);
    }
    litmus_start(sleeper, NULL);
    litmus_start(waker, NULL);
    litmus_join();
    assert(readied + timed_out == 2 && readied <= 1);
    return 0;
}
