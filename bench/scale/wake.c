/* wake: how long until a task runs whose worker was asleep, against two threads that wake each other by a futex?
 *
 * outside (any number of workers), a round trip:
 *     outside thread --weft_go(nudge)--> [worker asleep] nudge --send--> waiter, --futex--> outside thread, which had
 *     gone to sleep
 *   against the same without a runtime:
 *     outside thread --futex--> [thread asleep] --futex--> outside thread
 *   All workers are asleep: nothing was to do for 300 us. Timed by the outside thread: from before it wakes until it is
 *   back.
 *
 * task (two workers or more), one way:
 *     main, which never stops running --send--> waiter, whom a worker must run that was asleep, as main's worker has no
 *     time
 *   against the same without a runtime:
 *     main --futex--> [thread asleep]
 *   Timed: from before main wakes until the first instruction of the woken one, by its clock (one clock,
 *   CLOCK_MONOTONIC). Main spins for 100 us before each shot, and for the answer after it.
 *
 * Both kinds of a pair take turns in one process, `size` shots each, in an order that the seed decides; the thread of
 * the bare kind is not woken by the other. `task` stops after 2 s, if it must. Values: for outside, outside_bare, task,
 * task_bare: NAME_p50_ns, _p90_, _p99_, _p999_, _max_, NAME_count, and all durations as a histogram. No number comes
 * from a bucket.
 * Checked: each shot is answered by its number. */
#include "bench/scale/tools.h"

#include "core/futex.h"
#include "core/timer.h"

#include <pthread.h>
#include <stdlib.h>

static const weft_ns wake_pause_ns = 300000;
static const weft_ns wake_spin_ns = 100000;
static const weft_ns wake_limit_ns = 2000000000;
enum { WAKE_LEAST = 20 }; /* shots, however long they take */

/* One direction of a bare pair, or the answers of a task. */
struct wake_line {
    _Alignas(CACHE_LINE) _Atomic(uint32_t) call;  /* number of the last shot; written by the waker */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) reply; /* the same, by the woken */
    weft_ns woken_at;                             /* published by reply */
};

static struct {
    struct scale_sample *sample;
    struct weft_chan *chan;
    struct wake_line bare, task; /* of `task` only the reply */
    bool replies_by_futex;       /* the caller sleeps; set while nobody is called */
    _Atomic(bool) stop;
    int64_t *durations[2]; /* by runtime, bare */
    size_t count;
    uint32_t shot;
    pthread_t outside;
} wake;

/* --- the woken -------------------------------------------------------------------------------------- */

static void wake_answer(struct wake_line *line, uint32_t shot, weft_ns woken_at)
{
    line->woken_at = woken_at;
    store_release(&line->reply, shot); /* -> the acquires of wake_await */
    if (wake.replies_by_futex) {
        futex_wake(&line->reply, 1);
    }
}

static void *wake_bare_thread(void *unused)
{
    uint32_t seen = 0;
    for (;;) {
        uint32_t call = load_acquire(&wake.bare.call); /* <- wake_bare_call */
        if (call == seen) {
            futex_wait(&wake.bare.call, seen, WEFT_FOREVER);
            continue;
        }
        weft_ns now = scale_now();
        if (load_relaxed(&wake.stop)) { /* the call orders it */
            return unused;
        }
        seen = call;
        wake_answer(&wake.bare, call, now);
    }
}

static void wake_waiter(void *unused)
{
    (void)unused;
    uint64_t shot;
    while (weft_recv(wake.chan, &shot) == WEFT_OK) {
        weft_ns now = scale_now();
        wake_answer(&wake.task, (uint32_t)shot, now);
    }
}

/* --- the wakers ------------------------------------------------------------------------------------- */

static void wake_bare_call(uint32_t shot)
{
    store_release(&wake.bare.call, shot); /* -> wake_bare_thread */
    futex_wake(&wake.bare.call, 1);
}

static void wake_nudge(void *arg)
{
    uint64_t shot = *(uint32_t *)arg;
    weft_send(wake.chan, &shot);
}

static void wake_await(struct wake_line *line, uint32_t shot)
{
    uint32_t seen;
    while ((seen = load_acquire(&line->reply)) != shot) { /* <- wake_answer */
        if (wake.replies_by_futex) {
            futex_wait(&line->reply, seen, WEFT_FOREVER);
        } else {
            cpu_relax();
        }
    }
}

static void wake_outside_shot(bool bare, uint32_t shot, size_t slot)
{
    scale_sleep_thread(wake_pause_ns);
    weft_ns begin = scale_now();
    if (bare) {
        wake_bare_call(shot);
        wake_await(&wake.bare, shot);
    } else {
        wake.shot = shot;
        scale_go(wake_nudge, &wake.shot);
        wake_await(&wake.task, shot);
    }
    wake.durations[bare][slot] = scale_now() - begin;
}

static void wake_task_shot(bool bare, uint32_t shot, size_t slot)
{
    weft_ns begin = scale_now();
    while (scale_now() - begin < wake_spin_ns) {
        cpu_relax();
    }
    struct wake_line *line = bare ? &wake.bare : &wake.task;
    begin = scale_now();
    if (bare) {
        wake_bare_call(shot);
    } else {
        weft_send(wake.chan, &(uint64_t){shot});
    }
    wake_await(line, shot);
    wake.durations[bare][slot] = line->woken_at - begin;
}

/* `size` shots of both kinds, in pairs whose order is a toss; false once they take too long. */
static void wake_shots(void (*shoot)(bool bare, uint32_t shot, size_t slot))
{
    struct scale_sample *sample = wake.sample;
    uint64_t random = sample->seed;
    uint32_t shot = 0;
    weft_ns begin = scale_now();
    wake.count = 0;
    for (uint64_t i = 0; i < sample->size; i++) {
        bool bare_first = (scale_random(&random) & 1) != 0;
        shoot(bare_first, ++shot, i);
        shoot(!bare_first, ++shot, i);
        wake.count++;
        if (i >= WAKE_LEAST && scale_now() - begin > wake_limit_ns) {
            break;
        }
    }
}

/* --- the runs --------------------------------------------------------------------------------------- */

static void wake_begin(void)
{
    wake.chan = scale_chan(0);
    for (int kind = 0; kind < 2; kind++) {
        wake.durations[kind] = scale_alloc(wake.sample->size, sizeof *wake.durations[kind]);
    }
    wake.bare = wake.task = (struct wake_line){0};
    store_relaxed(&wake.stop, false); /* no other thread yet */
}

static void wake_end(pthread_t bare, const char *name, const char *bare_name)
{
    store_relaxed(&wake.stop, true); /* the call orders it */
    wake_bare_call(UINT32_MAX);
    pthread_join(bare, NULL);
    weft_chan_free(wake.chan);
    scale_durations(wake.sample, name, wake.durations[0], wake.count);
    scale_durations(wake.sample, bare_name, wake.durations[1], wake.count);
}

static void wake_close(void *unused)
{
    (void)unused;
    weft_close(wake.chan);
}

static void *wake_outside_thread(void *unused)
{
    wake_shots(wake_outside_shot);
    scale_go(wake_close, NULL);
    return unused;
}

/* Main is the waiter itself: there is no other task. */
static void wake_outside_main(void *unused)
{
    scale_check(pthread_create(&wake.outside, NULL, wake_outside_thread, NULL) == 0, "wake: no thread");
    wake_waiter(unused);
}

static void wake_task_main(void *unused)
{
    (void)unused;
    struct weft_waitgroup ended = {0};
    enum weft_status status = weft_wg_go(&ended, wake_waiter, NULL);
    scale_check(status == WEFT_OK, "weft_wg_go: %s", weft_status_name(status));
    weft_sleep(wake_pause_ns);
    wake_shots(wake_task_shot);
    weft_close(wake.chan);
    weft_wg_wait(&ended);
}

static void wake_measure(struct scale_sample *sample)
{
    pthread_t bare;
    wake.sample = sample;
    wake_begin();
    wake.replies_by_futex = true;
    scale_check(pthread_create(&bare, NULL, wake_bare_thread, NULL) == 0, "wake: no thread");
    scale_run(sample->workers, wake_outside_main, NULL);
    pthread_join(wake.outside, NULL);
    wake_end(bare, "outside", "outside_bare");
    if (sample->workers < 2) {
        return;
    }
    wake_begin();
    wake.replies_by_futex = false;
    scale_check(pthread_create(&bare, NULL, wake_bare_thread, NULL) == 0, "wake: no thread");
    scale_run(sample->workers, wake_task_main, NULL);
    wake_end(bare, "task", "task_bare");
}

const struct scale_figure scale_wake = {
    .name = "wake",
    .question = "how long until a task runs whose worker was asleep?",
    .size_of = "shots",
    .size = 2000,
    .size_min = 1,
    .size_max = 1000000,
    .measure = wake_measure,
};
