/* Goal: timers, tickers and functions that run later behave as Go's since 1.23: never early, nothing stale behind stop
 * and reset, nothing lost.
 * Method: instants are compared with weft_now(); timers are stopped and reset while they fire. No upper bound of any
 * time is asserted. After Go's time/{sleep,tick}_test.go. */
#include "conformance.h"

static const weft_ns ms = 1000000;

TASK_TEST(a_timer_fires_once)
{
    weft_ns begin = weft_now(), fired = 0;
    struct weft_timer *timer = weft_timer_new(2 * ms);
    CHECK(timer != NULL);
    CHECK_STATUS(weft_recv(weft_timer_chan(timer), &fired), WEFT_OK);
    CHECK(fired >= begin + 2 * ms && fired <= weft_now());
    CHECK_STATUS(weft_recv_until(weft_timer_chan(timer), &fired, weft_now() + 3 * ms), WEFT_TIMEOUT);
    CHECK(!weft_timer_stop(timer));
    CHECK_EQ(weft_chan_len(weft_timer_chan(timer)), 0);
    CHECK_EQ(weft_chan_cap(weft_timer_chan(timer)), 0);
    weft_timer_free(timer);
    weft_timer_free(NULL);
}

TASK_TEST(delays_that_are_past_or_endless)
{
    static const weft_ns past[] = {0, -1, INT64_MIN};
    for (int i = 0; i < 3; i++) {
        struct weft_timer *timer = weft_timer_new(past[i]);
        CHECK_STATUS(weft_recv(weft_timer_chan(timer), NULL), WEFT_OK);
        weft_timer_free(timer);
    }
    struct weft_timer *timer = weft_timer_new(INT64_MAX);
    CHECK_STATUS(weft_try_recv(weft_timer_chan(timer), NULL), WEFT_AGAIN);
    CHECK(weft_timer_stop(timer));
    CHECK(!weft_timer_stop(timer));
    weft_timer_free(timer);
    CHECK(weft_ticker_new(0) == NULL);
    CHECK(weft_timer_func(1, NULL, NULL) == NULL);
}

TASK_TEST(after_is_a_channel)
{
    weft_ns begin = weft_now(), fired = 0;
    struct weft_chan *soon = weft_after(ms);
    CHECK_STATUS(weft_recv(soon, &fired), WEFT_OK);
    CHECK(fired >= begin + ms);
    weft_chan_free(soon);
    weft_chan_free(weft_after(3600 * 1000 * ms)); /* not fired */
}

/* What has fired and was not received is gone behind stop, and behind reset. */
TASK_TEST(nothing_stale_behind_stop_and_reset)
{
    struct weft_timer *timer = weft_timer_new(ms);
    struct weft_chan *chan = weft_timer_chan(timer);
    weft_sleep(3 * ms);
    CHECK(weft_timer_stop(timer)); /* fired, but nobody had received it */
    CHECK_STATUS(weft_try_recv(chan, NULL), WEFT_AGAIN);
    CHECK(!weft_timer_reset(timer, ms));
    weft_sleep(3 * ms);
    weft_ns begin = weft_now(), fired = 0;
    CHECK(weft_timer_reset(timer, 5 * ms));
    CHECK_STATUS(weft_try_recv(chan, NULL), WEFT_AGAIN);
    CHECK_STATUS(weft_recv(chan, &fired), WEFT_OK);
    CHECK(fired >= begin + 5 * ms);
    weft_timer_free(timer);
}

static void stop_and_reset(void *arg)
{
    struct weft_timer *timer = arg;
    for (size_t i = 0; i < rounds(500); i++) {
        if (i % 2 == 0) {
            weft_timer_stop(timer);
        } else {
            weft_timer_reset(timer, (weft_ns)(i % 7) * 1000);
        }
        weft_yield();
    }
}

static void just_stop(void *timer)
{
    weft_yield();
    weft_timer_stop(timer);
}

/* Stop and reset while the timer fires, and several tasks at it: behind the last stop nothing comes. */
TASK_TEST(stop_while_firing)
{
    for (size_t i = 0; i < rounds(30); i++) {
        struct weft_timer *timer = i % 2 == 0 ? weft_timer_new(1000) : weft_ticker_new(1000);
        struct crew crew;
        crew_init(&crew);
        for (int t = 0; t < 3; t++) {
            crew_go(&crew, i % 2 == 0 ? stop_and_reset : just_stop, timer);
        }
        for (int n = 0; n < 20; n++) {
            weft_try_recv(weft_timer_chan(timer), NULL);
            weft_yield();
        }
        crew_fini(&crew);
        weft_timer_stop(timer);
        CHECK_STATUS(weft_try_recv(weft_timer_chan(timer), NULL), WEFT_AGAIN);
        weft_sleep(10000);
        CHECK_STATUS(weft_try_recv(weft_timer_chan(timer), NULL), WEFT_AGAIN);
        weft_timer_free(timer);
    }
}

TASK_TEST(a_ticker_ticks)
{
    weft_ns begin = weft_now(), tick = 0, last = 0;
    struct weft_timer *ticker = weft_ticker_new(ms);
    for (int i = 1; i <= 10; i++) {
        CHECK_STATUS(weft_recv(weft_timer_chan(ticker), &tick), WEFT_OK);
        CHECK(tick >= begin + i * ms);
        CHECK(tick > last);
        last = tick;
    }
    weft_sleep(10 * ms); /* ticks are dropped for a slow receiver: one is kept */
    CHECK_STATUS(weft_recv(weft_timer_chan(ticker), &tick), WEFT_OK);
    begin = weft_now();
    CHECK(weft_timer_reset(ticker, 3 * ms));
    CHECK_STATUS(weft_recv(weft_timer_chan(ticker), &tick), WEFT_OK);
    CHECK(tick >= begin + 3 * ms);
    CHECK(weft_timer_stop(ticker));
    CHECK_STATUS(weft_recv_until(weft_timer_chan(ticker), &tick, weft_now() + 10 * ms), WEFT_TIMEOUT);
    weft_timer_free(ticker);
}

/* --- functions --- */

static _Atomic(unsigned) calls;
static _Atomic(weft_ns) called_at;

static void note_call(void *arg)
{
    store_relaxed(&called_at, weft_now());
    weft_yield(); /* it is a task */
    add_release((_Atomic(unsigned) *)arg, 1u);
}

TASK_TEST(functions_run_later)
{
    weft_ns begin = weft_now();
    struct weft_timer *timer = weft_timer_func(ms, note_call, &calls);
    CHECK(weft_timer_chan(timer) == NULL);
    await_at_least(&calls, 1);
    CHECK(load_relaxed(&called_at) >= begin + ms);
    CHECK(!weft_timer_stop(timer));
    CHECK(!weft_timer_reset(timer, ms));
    await_at_least(&calls, 2);
    CHECK(!weft_timer_reset(timer, 3600 * 1000 * ms));
    CHECK(weft_timer_stop(timer));
    weft_timer_free(timer);
    struct weft_timer *never = weft_timer_func(20 * ms, note_call, &calls);
    weft_timer_free(never);
    weft_sleep(40 * ms);
    CHECK_EQ(calls, 2);
}

/* Stop says true exactly when the function does not run. */
TASK_TEST(stop_tells_whether_it_ran)
{
    unsigned expected = 0;
    for (size_t i = 0; i < rounds(500); i++) {
        struct weft_timer *timer = weft_timer_func((weft_ns)(i % 40) * 500, note_call, &calls);
        for (size_t n = 0; n < i % 13; n++) {
            weft_yield();
        }
        expected += weft_timer_stop(timer) ? 0 : 1;
        weft_timer_free(timer);
    }
    await_at_least(&calls, expected);
    CHECK_EQ(weft_check_leaks(-1, 10000 * ms), 0);
    CHECK_EQ(calls, expected);
}

/* --- in selects --- */

/* The other case is always ready, and the task never parks: the timer is chosen all the same. */
TASK_TEST(fires_beside_a_case_that_is_always_ready)
{
    struct weft_chan *busy = make_chan(sizeof(int), 1);
    struct weft_timer *timer = weft_timer_new(2 * ms);
    int value = 0;
    for (;;) {
        weft_try_send(busy, &value);
        struct weft_case cases[] = {{.chan = busy, .op = WEFT_RECV, .value = &value},
                                    {.chan = weft_timer_chan(timer), .op = WEFT_RECV}};
        if (weft_select(cases, 2) == 1) {
            break;
        }
    }
    weft_timer_free(timer);
    weft_chan_free(busy);
}

TASK_TEST(select_with_timers)
{
    struct weft_timer *soon = weft_timer_new(2 * ms), *late = weft_timer_new(3600 * 1000 * ms);
    struct weft_chan *never = make_chan(0, 1);
    struct weft_case cases[] = {{.chan = weft_timer_chan(late), .op = WEFT_RECV},
                                {.chan = never, .op = WEFT_RECV},
                                {.chan = weft_timer_chan(soon), .op = WEFT_RECV}};
    CHECK_EQ(weft_select(cases, 3), 2);
    CHECK_STATUS(cases[2].status, WEFT_OK);
    CHECK_EQ(weft_try_select(cases, 3), -1);
    weft_timer_free(soon);
    weft_timer_free(late);
    weft_chan_free(never);
}

/* --- many --- */

static int compare_instants(const void *a, const void *b)
{
    weft_ns left = *(const weft_ns *)a, right = *(const weft_ns *)b;
    return left < right ? -1 : left > right;
}

static weft_ns slept_until[50];

static void sleep_random(void *arg)
{
    weft_ns *until = arg;
    weft_ns now = weft_now();
    *until = now + *until;
    weft_sleep(*until - now);
    CHECK(weft_now() >= *until);
}

TASK_TEST(sleepers_wake_in_any_order)
{
    struct dice dice = dice_new(1);
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < 50; i++) {
        slept_until[i] = dice_below(&dice, 5000000);
        crew_go(&crew, sleep_random, &slept_until[i]);
    }
    crew_fini(&crew);
    qsort(slept_until, 50, sizeof slept_until[0], compare_instants);
    CHECK(weft_now() >= slept_until[49]);
}

/* A million live timers: armed, some fire, the others are stopped in random order. */
TASK_TEST(a_million_timers)
{
    size_t most = brief() || strcmp(combination.chan, registry_channels[0]->name) != 0
                      ? 50000
                      : 1000000; /* they know no channel */
    size_t count = combination.sched_caps->os_threads ? 20000 : most / (SLOWNESS * (SLOWNESS > 1 ? 10u : 1u));
    struct weft_timer **timers = calloc(count, sizeof(struct weft_timer *));
    struct dice dice = dice_new(2);
    CHECK(timers != NULL);
    for (size_t i = 0; i < count; i++) {
        bool soon = i % 1000 == 0;
        timers[i] = weft_timer_new(soon ? (weft_ns)dice_below(&dice, 1000000)
                                        : 3600 * 1000 * ms + (weft_ns)dice_below(&dice, 1000000));
        CHECK(timers[i] != NULL);
    }
    for (size_t i = 0; i < count; i += 1000) {
        CHECK_STATUS(weft_recv(weft_timer_chan(timers[i]), NULL), WEFT_OK);
    }
    for (size_t i = 0; i < count; i++) {
        size_t other = i + dice_below(&dice, (uint32_t)(count - i));
        struct weft_timer *timer = timers[other];
        timers[other] = timers[i];
        weft_timer_free(timer);
    }
    free(timers);
}

/* Timers that were freed leave nothing behind: no task, and nothing that could fire. */
TASK_TEST(freed_timers_cost_nothing)
{
    for (size_t i = 0; i < rounds(20000); i++) {
        weft_timer_free(weft_timer_new((weft_ns)(i % 3) * 1000));
        weft_chan_free(weft_after((weft_ns)(i % 3) * 1000));
    }
    weft_sleep(10000);
    CHECK_EQ(weft_task_count(), 1);
}

/* --- lifetime and misuse --- */

static struct weft_timer *kept[3];

static void keep_timers(void *unused)
{
    (void)unused;
    kept[0] = weft_timer_new(3600 * 1000 * ms);
    kept[1] = weft_ticker_new(1000);
    kept[2] = weft_timer_func(3600 * 1000 * ms, note_call, &calls);
}

static void reset_kept(void *unused)
{
    (void)unused;
    CHECK(!weft_timer_stop(kept[0])); /* it ended with its run */
    CHECK(!weft_timer_reset(kept[0], ms));
    CHECK_STATUS(weft_recv(weft_timer_chan(kept[0]), NULL), WEFT_OK);
}

/* A timer's run is over: it does nothing any more, may be armed in the next one, and freed outside. */
START_TEST(timers_outlive_runs)
    {
        run_body(keep_timers, NULL);
        CHECK(!weft_timer_stop(kept[1]));
        run_body(reset_kept, NULL);
        for (int i = 0; i < 3; i++) {
            weft_timer_free(kept[i]);
        }
    }
END_TEST

static void recover_quietly(void *unused)
{
    (void)unused;
    CHECK(weft_recover() != NULL);
}

static void (*misuse)(struct weft_timer *timer);

static void commit_misuse(void *timer)
{
    weft_defer(recover_quietly, NULL);
    misuse(timer);
}

static void send_to_it(struct weft_timer *timer)
{
    weft_ns value = 0;
    weft_send(weft_timer_chan(timer), &value);
}

static void close_it(struct weft_timer *timer)
{
    weft_close(weft_timer_chan(timer));
}

static void free_its_channel(struct weft_timer *timer)
{
    weft_chan_free(weft_timer_chan(timer));
}

static void reset_to_nothing(struct weft_timer *timer)
{
    weft_timer_reset(timer, 0);
}

TASK_TEST(timer_misuse_panics)
{
    void (*const cases[])(struct weft_timer *) = {send_to_it, close_it, free_its_channel, reset_to_nothing};
    struct weft_timer *ticker = weft_ticker_new(ms);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        misuse = cases[i];
        CHECK(!weft_call(commit_misuse, ticker));
    }
    CHECK_STATUS(weft_recv(weft_timer_chan(ticker), NULL), WEFT_OK); /* unharmed */
    weft_timer_free(ticker);
}

TCase *time_tests(void)
{
    TCase *cases = tcase_create("time");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_timer_fires_once);
    tcase_add_test(cases, delays_that_are_past_or_endless);
    tcase_add_test(cases, after_is_a_channel);
    tcase_add_test(cases, nothing_stale_behind_stop_and_reset);
    tcase_add_test(cases, stop_while_firing);
    tcase_add_test(cases, a_ticker_ticks);
    tcase_add_test(cases, functions_run_later);
    tcase_add_test(cases, stop_tells_whether_it_ran);
    tcase_add_test(cases, fires_beside_a_case_that_is_always_ready);
    tcase_add_test(cases, select_with_timers);
    tcase_add_test(cases, sleepers_wake_in_any_order);
    tcase_add_test(cases, a_million_timers);
    tcase_add_test(cases, freed_timers_cost_nothing);
    tcase_add_test(cases, timers_outlive_runs);
    tcase_add_test(cases, timer_misuse_panics);
    return cases;
}
