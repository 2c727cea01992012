/* A worker goes to sleep while another one arms a timer and then computes for ever: either the sleeper sees the timer
 * and sleeps no longer than that, or the other one sees that nobody watches it, and wakes the sleeper. */
#define SCHED global
#include "tests/litmus/scheduler.h"

static bool fired;

static struct task *fires(struct timer *timer, weft_ns now)
{
    (void)timer;
    (void)now;
    fired = true;
    return NULL;
}

static struct timer timer = {.when = 5, .expire = fires};

static void *sleeper(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    struct task *task = NULL;
    mn_idle_enter(worker);
    mn_sleep(worker, 2); /* leaves an instant behind, which the armer must not take for that of the next sleep */
    while (!fired) {
        mn_idle_enter(worker);
        if (mn_sleep(worker, WEFT_FOREVER)) {
            continue; /* woken: looks, and finds nothing */
        }
        for (unsigned i = 0; i < mn.count; i++) {
            timers_expire_one(&mn.workers[i].timers, 5, &task);
        }
    }
    return NULL;
}

static void *armer(void *unused)
{
    (void)unused;
    litmus_work(1);
    mn_arm(&timer);
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    litmus_start(sleeper, NULL);
    litmus_start(armer, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
