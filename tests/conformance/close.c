/* Goal: close: senders fail, receivers drain and can tell a value from the end, everybody who waits is woken.
 * Method: close with elements in the channel, with waiters of each kind parked, twice, and of a null channel (in a
 * child process). */
#include "conformance.h"

#include <sys/wait.h>

static struct weft_chan *chan;
static _Atomic(unsigned) woken;
enum { WAITERS = 10 };

TASK_TEST(close_then_drain)
{
    for (size_t c = 0; c < CAPACITIES; c++) {
        if (not_served(capacities[c])) {
            continue;
        }
        chan = make_chan(sizeof(uint64_t), capacities[c]);
        uint64_t value;
        size_t count = capacities[c] - capacities[c] / 3;
        for (uint64_t i = 0; i < count; i++) {
            value = i + 1;
            CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        }
        CHECK_STATUS(weft_close(chan), WEFT_OK);
        CHECK_STATUS(weft_send(chan, &value), WEFT_CLOSED);
        CHECK_STATUS(weft_try_send(chan, &value), WEFT_CLOSED);
        CHECK_STATUS(weft_send_until(chan, &value, weft_now() + 1000000000), WEFT_CLOSED);
        CHECK_EQ(weft_chan_len(chan), count);
        for (uint64_t i = 0; i < count; i++) {
            value = 0;
            CHECK_STATUS(i % 3 == 0   ? weft_recv(chan, &value)
                         : i % 3 == 1 ? weft_try_recv(chan, &value)
                                      : weft_recv_until(chan, &value, 0),
                         WEFT_OK);
            CHECK_EQ(value, i + 1);
        }
        for (int i = 0; i < 3; i++) { /* and so for ever; the value is zeroed */
            value = 77;
            CHECK_STATUS(weft_recv(chan, &value), WEFT_CLOSED);
            CHECK_EQ(value, 0);
            value = 77;
            CHECK_STATUS(weft_try_recv(chan, &value), WEFT_CLOSED);
            CHECK_EQ(value, 0);
            value = 77;
            CHECK_STATUS(weft_recv_until(chan, &value, 0), WEFT_CLOSED);
            CHECK_EQ(value, 0);
            CHECK_STATUS(weft_recv(chan, NULL), WEFT_CLOSED);
        }
        weft_chan_free(chan);
    }
}

TASK_TEST(closed_zeroes_the_element_only)
{
    static const size_t elem_sizes[] = {0, 1, 4, 8, 12, 64, 1000};
    for (size_t s = 0; s < sizeof elem_sizes / sizeof elem_sizes[0]; s++) {
        for (size_t capacity = combination.caps->capacity_min; capacity < 2; capacity++) {
            unsigned char bytes[1016];
            memset(bytes, 0xAA, sizeof bytes);
            chan = make_chan(elem_sizes[s], capacity);
            weft_close(chan);
            CHECK_STATUS(weft_recv(chan, bytes), WEFT_CLOSED);
            for (size_t i = 0; i < elem_sizes[s] + 16; i++) {
                CHECK_EQ(bytes[i], i < elem_sizes[s] ? 0 : 0xAA);
            }
            weft_chan_free(chan);
        }
    }
}

TASK_TEST(close_twice_says_closed)
{
    for (size_t c = 0; c < 3; c++) {
        if (!not_served(capacities[c])) {
            chan = make_chan(8, capacities[c]);
            CHECK_STATUS(weft_close(chan), WEFT_OK);
            CHECK_STATUS(weft_close(chan), WEFT_CLOSED);
            CHECK_STATUS(weft_close(chan), WEFT_CLOSED);
            weft_chan_free(chan);
        }
    }
}

static void close_null(void *unused)
{
    (void)unused;
    weft_close(NULL);
}

static void close_null_child(void)
{
    struct weft_options options = {
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers, .seed = 1};
    weft_run(&options, close_null, NULL);
}

START_TEST(close_of_null_panics)
    {
        char text[1024];
        int status = in_child(close_null_child, text, sizeof text);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), 2);
        CHECK_MSG(strstr(text, "panic: close of a null channel") != NULL, "message: %s", text);
        CHECK_MSG(strstr(text, "\"main\"") != NULL, "names the task: %s", text);
    }
END_TEST

/* --- who waits is woken --- */

static void wait_to_recv(void *arg)
{
    uint64_t value = 77;
    unsigned kind = *(unsigned *)arg % 3;
    struct weft_case cases[] = {{.chan = NULL}, {.chan = chan, .op = WEFT_RECV, .value = &value}};
    if (kind == 0) {
        CHECK_STATUS(weft_recv(chan, &value), WEFT_CLOSED);
    } else if (kind == 1) {
        CHECK_STATUS(weft_recv_until(chan, &value, weft_now() + 3600000000000), WEFT_CLOSED);
    } else {
        CHECK_EQ(weft_select(cases, 2), 1);
        CHECK_STATUS(cases[1].status, WEFT_CLOSED);
    }
    CHECK_EQ(value, 0);
    add_release(&woken, 1u);
}

static void wait_to_send(void *arg)
{
    uint64_t value = 1000;
    unsigned kind = *(unsigned *)arg % 3;
    struct weft_case cases[] = {{.chan = chan, .op = WEFT_SEND, .value = &value}, {.chan = NULL}};
    if (kind == 0) {
        CHECK_STATUS(weft_send(chan, &value), WEFT_CLOSED);
    } else if (kind == 1) {
        CHECK_STATUS(weft_send_until(chan, &value, weft_now() + 3600000000000), WEFT_CLOSED);
    } else {
        CHECK_EQ(weft_select(cases, 2), 0);
        CHECK_STATUS(cases[0].status, WEFT_CLOSED);
    }
    add_release(&woken, 1u);
}

static void close_wakes(size_t capacity, void (*waiter)(void *), bool filled)
{
    unsigned kinds[WAITERS];
    struct crew crew;
    crew_init(&crew);
    chan = make_chan(sizeof(uint64_t), capacity);
    woken = 0;
    for (uint64_t i = 0; filled && i < capacity; i++) {
        CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        kinds[i] = i;
        crew_go(&crew, waiter, &kinds[i]);
    }
    settle(WAITERS);
    CHECK_EQ(woken, 0);
    CHECK_STATUS(weft_close(chan), WEFT_OK);
    crew_fini(&crew);
    CHECK_EQ(woken, WAITERS);
    CHECK_EQ(chan->recvq.count, 0);
    CHECK_EQ(chan->sendq.count, 0);
    for (uint64_t i = 0; filled && i < capacity; i++) { /* what was in it is still there, and nothing else */
        uint64_t value;
        CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
        CHECK_EQ(value, i);
    }
    CHECK_STATUS(weft_recv(chan, NULL), WEFT_CLOSED);
    weft_chan_free(chan);
}

TASK_TEST(close_wakes_all_receivers)
{
    for (size_t c = 0; c < 5; c++) {
        if (!not_served(capacities[c])) {
            close_wakes(capacities[c], wait_to_recv, false);
        }
    }
}

TASK_TEST(close_wakes_all_senders)
{
    for (size_t c = 0; c < 5; c++) {
        if (!not_served(capacities[c])) {
            close_wakes(capacities[c], wait_to_send, true);
        }
    }
}

/* --- one closer among several --- */

static _Atomic(unsigned) closers;

static void close_once(void *unused)
{
    (void)unused;
    enum weft_status status = weft_close(chan);
    CHECK(status == WEFT_OK || status == WEFT_CLOSED);
    add_release(&closers, status == WEFT_OK ? 1u : 0u);
}

TASK_TEST(one_close_wins)
{
    for (int round = 0; round < 50; round++) {
        struct crew crew;
        crew_init(&crew);
        chan = make_chan(8, round % 2 == 0 ? combination.caps->capacity_min : 3);
        closers = 0;
        for (int i = 0; i < 4; i++) {
            crew_go(&crew, close_once, NULL);
        }
        crew_fini(&crew);
        CHECK_EQ(closers, 1);
        weft_chan_free(chan);
    }
}

TCase *close_tests(void)
{
    TCase *cases = tcase_create("close");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, close_then_drain);
    tcase_add_test(cases, closed_zeroes_the_element_only);
    tcase_add_test(cases, close_twice_says_closed);
    tcase_add_test(cases, close_of_null_panics);
    tcase_add_test(cases, close_wakes_all_receivers);
    tcase_add_test(cases, close_wakes_all_senders);
    tcase_add_test(cases, one_close_wins);
    return cases;
}
