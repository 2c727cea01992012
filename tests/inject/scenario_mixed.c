/* Goal: nothing is lost, doubled, reordered or left waiting, whichever thread is late, stopped, or woken for no reason.
 * Method: everything at once, for some milliseconds: numbered messages over a channel by sends, selects and deadlines;
 * a mutex around a counter; calls that block; spawns from outside; a context that is cancelled under waiting tasks.
 * Then the sums must be right.
 * And storms of timers: each fires once, not too early, or was stopped. */
#include "scenario.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);

enum { SIDE = 3, EACH = 150, LOCKERS = 3, CALLERS = 2, OUTSIDE = 40 };

static struct weft_chan *chan, *silent;
static _Atomic(unsigned) taken[SIDE][EACH], senders_left, outside_ran;
static struct weft_mutex mutex;
static unsigned guarded_count; /* under the mutex */
static struct weft_ctx *ctx;

/* --- messages --------------------------------------------------------------------------------------- */

static void send_one(uint64_t message, unsigned way)
{
    struct weft_case cases[] = {{.chan = silent, .op = WEFT_RECV}, {.chan = chan, .op = WEFT_SEND, .value = &message}};
    switch (way % 4) {
    case 0:
        MUST_BE(weft_select(cases, 2), 1);
        MUST_BE(cases[1].status, WEFT_OK);
        return;
    case 1:
        for (int attempt = 0; attempt < 3; attempt++) {
            enum weft_status status = weft_send_until(chan, &message, weft_now() + 20000);
            if (status == WEFT_OK) {
                return;
            }
            MUST_BE(status, WEFT_TIMEOUT);
        }
        break;
    case 2:
        if (weft_try_send(chan, &message) == WEFT_OK) {
            return;
        }
        break;
    default: break;
    }
    MUST_BE(weft_send(chan, &message), WEFT_OK);
}

static void sender(void *number)
{
    for (uint64_t i = 0; i < EACH; i++) {
        send_one((uint64_t)(uintptr_t)number << 32 | i, (unsigned)(i + (uintptr_t)number));
    }
    if (sub_acq_rel(&senders_left, 1u) == 1) {
        MUST_BE(weft_close(chan), WEFT_OK);
    }
}

static enum weft_status receive_one(uint64_t *message, unsigned way)
{
    struct weft_case cases[] = {{.chan = chan, .op = WEFT_RECV, .value = message}, {.chan = silent, .op = WEFT_RECV}};
    if (way % 3 == 0) {
        MUST_BE(weft_select(cases, 2), 0);
        return cases[0].status;
    }
    if (way % 3 == 1) {
        enum weft_status status = weft_recv_until(chan, message, weft_now() + 20000);
        if (status != WEFT_TIMEOUT) {
            return status;
        }
    }
    return weft_recv(chan, message);
}

static void receiver(void *unused)
{
    uint64_t message, next[SIDE] = {0};
    (void)unused;
    for (unsigned way = 0; receive_one(&message, way) == WEFT_OK; way++) {
        uint64_t number = message & UINT32_MAX, from = message >> 32;
        MUST(from < SIDE && number < EACH);
        MUST(number >= next[from]); /* in order, as far as one receiver sees */
        next[from] = number + 1;
        MUST_BE(add_relaxed(&taken[from][number], 1u), 0);
    }
}

/* --- the rest --------------------------------------------------------------------------------------- */

static void locker(void *unused)
{
    (void)unused;
    for (int i = 0; i < EACH; i++) {
        weft_lock(&mutex);
        unsigned seen = guarded_count;
        if (i % 16 == 0) {
            weft_yield();
        }
        guarded_count = seen + 1;
        weft_unlock(&mutex);
    }
}

static void call_out(void *unused)
{
    (void)unused;
    usleep(50);
}

static void caller(void *calls)
{
    for (int i = 0; i < 10; i++) {
        weft_blocking(call_out, NULL);
        add_relaxed((_Atomic(unsigned) *)calls, 1u); /* read behind the waitgroup */
    }
}

static void from_outside(void *unused)
{
    (void)unused;
    weft_yield();
    add_release(&outside_ran, 1u);
}

static void *spawn_from_outside(void *unused)
{
    for (int i = 0; i < OUTSIDE; i++) {
        MUST_BE(weft_go(from_outside, NULL), WEFT_OK);
    }
    return unused;
}

static void wait_for_cancel(void *unused)
{
    (void)unused;
    MUST_BE(weft_recv_ctx(ctx, silent, NULL), WEFT_CANCELED);
}

static void start_all(struct weft_waitgroup *group, _Atomic(unsigned) *calls)
{
    for (uintptr_t i = 0; i < SIDE; i++) {
        MUST_BE(weft_wg_go(group, sender, (void *)i), WEFT_OK);
        MUST_BE(weft_wg_go(group, receiver, NULL), WEFT_OK);
        MUST_BE(weft_wg_go(group, wait_for_cancel, NULL), WEFT_OK);
    }
    for (int i = 0; i < LOCKERS; i++) {
        MUST_BE(weft_wg_go(group, locker, NULL), WEFT_OK);
    }
    for (int i = 0; i < CALLERS; i++) {
        MUST_BE(weft_wg_go(group, caller, calls), WEFT_OK);
    }
}

static void mixed(size_t capacity)
{
    static _Atomic(unsigned) calls;
    struct weft_waitgroup group = {0};
    pthread_t thread;
    memset((void *)taken, 0, sizeof taken); /* no other task yet */
    store_relaxed(&senders_left, (unsigned)SIDE);
    store_relaxed(&outside_ran, 0u);
    store_relaxed(&calls, 0u);
    guarded_count = 0;
    chan = weft_chan_new(sizeof(uint64_t), capacity);
    silent = weft_chan_new(0, capacity_least);
    ctx = weft_ctx_with_cancel(weft_ctx_background());
    MUST(chan != NULL && silent != NULL && ctx != NULL);
    start_all(&group, &calls);
    MUST_BE(__real_pthread_create(&thread, NULL, spawn_from_outside, NULL), 0);
    weft_sleep(500000);
    weft_ctx_cancel(ctx, NULL);
    weft_wg_wait(&group);
    while (load_acquire(&outside_ran) < OUTSIDE) {
        weft_yield();
    }
    pthread_join(thread, NULL);
    for (size_t i = 0; i < SIDE * EACH; i++) {
        MUST_BE(load_relaxed(&taken[i / EACH][i % EACH]), 1); /* behind the waitgroup */
    }
    MUST_BE(guarded_count, LOCKERS * EACH);
    MUST_BE(load_relaxed(&calls), CALLERS * 10);
    MUST_BE(weft_check_leaks(STDERR_FILENO, 10000000000), 0);
    weft_ctx_free(ctx);
    weft_chan_free(silent);
    weft_chan_free(chan);
}

static void mixed_main(void *unused)
{
    (void)unused;
    mixed(capacity_least);
    mixed(2);
}

const struct scenario scenario_mixed = {.name = "mixed", .about = "all kinds of traffic at once", .main = mixed_main};

/* --- timers ----------------------------------------------------------------------------------------- */

enum { STORMERS = 40, TURNS = 12 };

static _Atomic(unsigned) fired;

static void fire(void *unused)
{
    (void)unused;
    add_release(&fired, 1u);
}

static weft_ns pseudo_delay(uintptr_t number, unsigned turn)
{
    return (weft_ns)((number * 2654435761u + turn * 40503u) % 300000u);
}

/* Functions that are stopped at about the moment when they are due: each ran, or was stopped. */
static void stop_at_the_last_moment(uintptr_t number, unsigned turn)
{
    struct weft_timer *timer = weft_timer_func(pseudo_delay(number, turn) / 4, fire, NULL);
    MUST(timer != NULL);
    weft_sleep(pseudo_delay(number, turn + 1) / 4);
    if (weft_timer_stop(timer)) {
        fire(NULL); /* in its stead: the sum is that of all */
    }
    weft_timer_free(timer);
}

static void not_too_early(uintptr_t number, unsigned turn)
{
    weft_ns delay = pseudo_delay(number, turn), before = weft_now(), when = 0;
    struct weft_timer *timer = weft_timer_new(3600000000000);
    MUST(timer != NULL);
    MUST(weft_timer_reset(timer, delay));
    MUST_BE(weft_recv(weft_timer_chan(timer), &when), WEFT_OK);
    MUST(when - before >= delay && weft_now() - before >= delay);
    MUST(!weft_timer_reset(timer, delay) && weft_timer_stop(timer));
    MUST_BE(weft_try_recv(weft_timer_chan(timer), &when), WEFT_AGAIN); /* nothing stale */
    weft_timer_free(timer);
}

static void stormer(void *arg)
{
    uintptr_t number = (uintptr_t)arg;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        weft_ns delay = pseudo_delay(number, turn), before = weft_now();
        switch ((number + turn) % 4) {
        case 0:
            weft_sleep(delay);
            MUST(weft_now() - before >= delay);
            fire(NULL);
            break;
        case 1:
            MUST_BE(weft_recv_until(silent, NULL, before + delay), WEFT_TIMEOUT);
            MUST(weft_now() - before >= delay);
            fire(NULL);
            break;
        case 2:
            not_too_early(number, turn);
            fire(NULL);
            break;
        default: stop_at_the_last_moment(number, turn); break;
        }
    }
}

static void timers_main(void *unused)
{
    struct weft_waitgroup group = {0};
    unsigned most = tasks_are_threads ? STORMERS / 4 : STORMERS;
    (void)unused;
    store_relaxed(&fired, 0u); /* no other task yet */
    silent = weft_chan_new(0, capacity_least);
    MUST(silent != NULL);
    for (uintptr_t i = 0; i < most; i++) {
        MUST_BE(weft_wg_go(&group, stormer, (void *)i), WEFT_OK);
    }
    weft_wg_wait(&group);
    MUST_BE(weft_check_leaks(STDERR_FILENO, 10000000000), 0); /* tasks of functions that were due */
    MUST_BE(load_acquire(&fired), most * TURNS);
    weft_chan_free(silent);
}

const struct scenario scenario_timers = {.name = "timers", .about = "a storm of timers", .main = timers_main};
