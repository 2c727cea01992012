/* tick: what does one wake-up a millisecond burn?
 *
 *   sleep    a task: weft_sleep(1 ms), again and again
 *   outside  a thread outside of the runtime: clock_nanosleep for 1 ms, then weft_go() of a task that sends to a task
 *            that waits
 *   bare     no runtime: the same thread wakes another thread by a futex: what the kernel takes for it
 *
 * Each for `size` wake-ups. Values: NAME_cpu_percent, processor time of the whole process in percent of wall time (of
 * one processor); NAME_per_s, wake-ups a second, fewer than 1000 as a sleep of 1 ms takes a little longer;
 * outside_thread_percent and bare_thread_percent: the part of it that the thread takes that sleeps and wakes.
 * Checked: every wake-up arrives. */
#include "bench/scale/tools.h"

#include "core/futex.h"
#include "core/timer.h"

#include <pthread.h>
#include <time.h>

static const weft_ns tick_period_ns = 1000000;

struct tick_clock {
    int64_t cpu;
    weft_ns wall;
};

static struct {
    struct scale_sample *sample;
    struct weft_chan *chan;
    pthread_t thread;
    _Alignas(CACHE_LINE) _Atomic(uint32_t) word;
} tick;

static struct tick_clock tick_start(void)
{
    return (struct tick_clock){.cpu = scale_cpu_now(), .wall = scale_now()};
}

static void tick_stop(const char *name, struct tick_clock begin)
{
    double cpu = (double)(scale_cpu_now() - begin.cpu);
    double wall = (double)(scale_now() - begin.wall);
    scale_value(tick.sample, 100 * cpu / wall, "%s_cpu_percent", name);
    scale_value(tick.sample, (double)tick.sample->size / wall * 1e9, "%s_per_s", name);
}

static double tick_thread_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* By the thread that wakes: `size` times wake(), a period apart. */
static void tick_drive(const char *name, void (*wake)(void))
{
    struct tick_clock begin = tick_start();
    double own = tick_thread_cpu();
    for (uint64_t i = 0; i < tick.sample->size; i++) {
        scale_sleep_thread(tick_period_ns);
        wake();
    }
    own = tick_thread_cpu() - own;
    tick_stop(name, begin);
    scale_value(tick.sample, 100 * own / (double)(scale_now() - begin.wall), "%s_thread_percent", name);
}

/* --- sleep ------------------------------------------------------------------------------------------ */

static void tick_sleep_main(void *unused)
{
    (void)unused;
    struct tick_clock begin = tick_start();
    for (uint64_t i = 0; i < tick.sample->size; i++) {
        weft_ns before = scale_now();
        weft_sleep(tick_period_ns);
        scale_check(scale_now() - before >= tick_period_ns, "tick: a sleep was too short");
    }
    tick_stop("sleep", begin);
}

/* --- outside ---------------------------------------------------------------------------------------- */

static void tick_nudge(void *unused)
{
    (void)unused;
    uint64_t value = 1;
    weft_send(tick.chan, &value);
}

static void tick_wake_task(void)
{
    scale_go(tick_nudge, NULL);
}

static void *tick_outside_thread(void *unused)
{
    tick_drive("outside", tick_wake_task);
    return unused;
}

static void tick_outside_main(void *unused)
{
    (void)unused;
    scale_check(pthread_create(&tick.thread, NULL, tick_outside_thread, NULL) == 0, "tick: no thread");
    for (uint64_t got = 0; got < tick.sample->size;) {
        uint64_t value = 0;
        weft_recv(tick.chan, &value);
        got += value;
    }
}

/* --- bare ------------------------------------------------------------------------------------------- */

static void *tick_bare_thread(void *unused)
{
    uint32_t seen = 0;
    while (seen < tick.sample->size) {
        while (load_acquire(&tick.word) == seen) { /* acquire: as one would; there is nothing behind it */
            futex_wait(&tick.word, seen, WEFT_FOREVER);
        }
        seen++;
    }
    return unused;
}

static void tick_wake_thread(void)
{
    add_release(&tick.word, 1u); /* -> the acquire above */
    futex_wake(&tick.word, 1);
}

static void tick_measure(struct scale_sample *sample)
{
    tick.sample = sample;
    scale_run(sample->workers, tick_sleep_main, NULL);
    tick.chan = scale_chan(0);
    scale_run(sample->workers, tick_outside_main, NULL);
    pthread_join(tick.thread, NULL);
    weft_chan_free(tick.chan);
    scale_check(pthread_create(&tick.thread, NULL, tick_bare_thread, NULL) == 0, "tick: no thread");
    tick_drive("bare", tick_wake_thread);
    pthread_join(tick.thread, NULL);
}

const struct scale_figure scale_tick = {
    .name = "tick",
    .question = "what does one wake-up a millisecond burn?",
    .size_of = "wake-ups",
    .size = 1000,
    .size_min = 1,
    .size_max = 1000000,
    .measure = tick_measure,
};
