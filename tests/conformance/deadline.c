/* Goal: *_until: at once when it can be done, even if the deadline has passed; never a time-out too early; done when it
 * becomes possible before the deadline; nothing is left behind by one that gave up.
 * Method: deadlines in the past, the near and the far future, on channels of each capacity. */
#include "conformance.h"

static struct weft_chan *chan;

static void fill_up(void)
{
    for (int i = 0; i < (int)weft_chan_cap(chan); i++) {
        CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
    }
}

TASK_TEST(a_past_deadline_still_tries)
{
    for (size_t c = 1; c < CAPACITIES; c++) {
        chan = make_chan(sizeof(int), capacities[c]);
        const weft_ns past[] = {INT64_MIN, -1, 0, weft_now() - 1};
        for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
            int value = 5, got = 0;
            CHECK_STATUS(weft_recv_until(chan, &got, past[i]), WEFT_TIMEOUT);
            CHECK_STATUS(weft_send_until(chan, &value, past[i]), WEFT_OK);
            CHECK_STATUS(weft_recv_until(chan, &got, past[i]), WEFT_OK);
            CHECK_EQ(got, 5);
        }
        fill_up();
        int value = 5;
        CHECK_STATUS(weft_send_until(chan, &value, 0), WEFT_TIMEOUT);
        CHECK_EQ(weft_chan_len(chan), capacities[c]);
        weft_chan_free(chan);
    }
}

static void time_out(weft_ns duration, bool send)
{
    int value = 5;
    weft_ns deadline = weft_now() + duration;
    CHECK_STATUS(send ? weft_send_until(chan, &value, deadline) : weft_recv_until(chan, &value, deadline),
                 WEFT_TIMEOUT);
    CHECK_MSG(weft_now() >= deadline, "gave up too early");
    CHECK_EQ(value, 5);
    CHECK_EQ(chan->recvq.count, 0);
    CHECK_EQ(chan->sendq.count, 0);
}

TASK_TEST(time_out_is_never_early)
{
    for (size_t c = 0; c < 4; c++) {
        if (not_served(capacities[c])) {
            continue;
        }
        chan = make_chan(sizeof(int), capacities[c]);
        for (weft_ns duration = 1; duration < 10000000; duration *= 10) {
            time_out(duration, false);
        }
        fill_up();
        for (weft_ns duration = 1; duration < 10000000; duration *= 10) {
            time_out(duration, true);
        }
        weft_chan_free(chan);
    }
}

static void send_seven(void *unused)
{
    (void)unused;
    int seven = 7;
    CHECK_STATUS(weft_send(chan, &seven), WEFT_OK);
}

static void recv_any(void *arg)
{
    CHECK_STATUS(weft_recv(chan, arg), WEFT_OK);
}

TASK_TEST(done_before_the_deadline)
{
    for (size_t c = 0; c < 4; c++) {
        if (not_served(capacities[c])) {
            continue;
        }
        struct crew crew;
        crew_init(&crew);
        chan = make_chan(sizeof(int), capacities[c]);
        for (int i = 0; i < 20; i++) {
            int got = 0, value = 8;
            crew_go(&crew, send_seven, NULL);
            CHECK_STATUS(weft_recv_until(chan, &got, weft_now() + 3600000000000), WEFT_OK);
            CHECK_EQ(got, 7);
            crew_wait(&crew);
            fill_up();
            crew_go(&crew, recv_any, &got);
            CHECK_STATUS(weft_send_until(chan, &value, weft_now() + 3600000000000), WEFT_OK);
            crew_wait(&crew);
            CHECK_EQ(got, capacities[c] == 0 ? 8 : 0);
            for (size_t left = capacities[c]; left > 0; left--) {
                CHECK_STATUS(weft_recv(chan, NULL), WEFT_OK);
            }
        }
        crew_fini(&crew);
        weft_chan_free(chan);
    }
}

TASK_TEST(the_furthest_deadline)
{
    chan = make_chan(sizeof(int), 1);
    struct crew crew;
    crew_init(&crew);
    int got = 0;
    crew_go(&crew, send_seven, NULL);
    CHECK_STATUS(weft_recv_until(chan, &got, INT64_MAX), WEFT_OK);
    crew_wait(&crew);
    crew_go(&crew, send_seven, NULL);
    CHECK_STATUS(weft_recv_until(chan, &got, INT64_MAX - 1), WEFT_OK);
    crew_fini(&crew);
    weft_chan_free(chan);
}

/* --- many deadlines at once --- */

static void expire(void *arg)
{
    struct dice dice = dice_new(*(unsigned *)arg);
    for (int i = 0; i < 5; i++) {
        weft_ns deadline = weft_now() + dice_below(&dice, 3000000);
        int value = 5;
        CHECK_STATUS(weft_recv_until(chan, &value, deadline), WEFT_TIMEOUT);
        CHECK(weft_now() >= deadline);
    }
}

TASK_TEST(crossing_deadlines)
{
    enum { TASKS = 50 };
    unsigned streams[TASKS];
    chan = make_chan(sizeof(int), 1);
    struct crew crew;
    crew_init(&crew);
    for (unsigned i = 0; i < TASKS; i++) {
        streams[i] = i;
        crew_go(&crew, expire, &streams[i]);
    }
    crew_fini(&crew);
    CHECK_EQ(chan->recvq.count, 0);
    weft_chan_free(chan);
}

TCase *deadline_tests(void)
{
    TCase *cases = tcase_create("deadline");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, a_past_deadline_still_tries);
    tcase_add_test(cases, time_out_is_never_early);
    tcase_add_test(cases, done_before_the_deadline);
    tcase_add_test(cases, the_furthest_deadline);
    tcase_add_test(cases, crossing_deadlines);
    return cases;
}
