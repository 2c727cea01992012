/* Who watches the timers goes to work: one worker wakes up from a sleep with an end and never sleeps again, one arms a
 * timer behind that end and never sleeps either, the third one goes to sleep. Either the armer sees that nobody watches
 * any more, or the one that goes to work sees the timer and the sleeper, or the third one sees the timer when it goes
 * to sleep: it is fired. */
#define SCHED global
#include "tests/litmus/scheduler.h"

static bool fired; /* the sleeper's */

static struct task *fires(struct timer *timer, weft_ns now)
{
    (void)timer;
    (void)now;
    fired = true;
    return NULL;
}

static struct timer timer = {.when = 10, .expire = fires};

/* Before its end at 5 it counts as one who watches what is due at 10. */
static void *watcher(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(0);
    mn_idle_enter(worker);
    mn_sleep(worker, 5);
    mn_hand_over();
    return NULL;
}

static void *sleeper(void *unused)
{
    (void)unused;
    struct mn_worker *worker = litmus_work(1);
    struct task *task = NULL;
    while (!fired) {
        mn_idle_enter(worker);
        if (mn_sleep(worker, WEFT_FOREVER)) {
            continue; /* woken: looks, and finds nothing */
        }
        for (unsigned i = 0; i < mn.count; i++) {
            timers_expire_one(&mn.workers[i].timers, 10, &task);
        }
    }
    return NULL;
}

static void *armer(void *unused)
{
    (void)unused;
    litmus_work(2);
    mn_arm(&timer);
    return NULL;
}

/* The others begin when the watcher has just woken up, and may not have said so yet. */
int main(void)
{
    litmus_begin_workers(3);
    litmus_start(watcher, NULL);
    while (load_relaxed(&mn.workers[0].counters.futex_calls) == 0 || load_relaxed(&mn.asleep) != 0) {
        cpu_relax();
    }
    litmus_start(sleeper, NULL);
    litmus_start(armer, NULL);
    litmus_join();
    litmus_end_workers();
    return 0;
}
