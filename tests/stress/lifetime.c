/* Goal: the ends of a channel's life. What a program may do at once with a channel of which it has seen the end, while
 * the other side is still on its way out of its operation. Each of these was a hang or a use after free once. */
#include "stress.h"

/* Goal: who has received the last value, or has seen CLOSED, may free the channel.
 * Method: a fresh channel a round; one side sends a value and closes, the other frees right after its receive, in turns
 * after the value and after CLOSED. Memory is given back soon (many rounds), so that a late access is the sanitizer's,
 * or hits a lock or a queue of a younger channel. */
struct hand_over {
    struct weft_chan *chan;
    struct weft_chan *closed; /* the sender's turn is over */
    bool close;
};

static void send_and_go(void *arg)
{
    struct hand_over hand_over = *(struct hand_over *)arg;
    uint64_t value = 42;
    if (hand_over.close) {
        CHECK_STATUS(weft_close(hand_over.chan), WEFT_OK);
    } else {
        CHECK_STATUS(weft_send(hand_over.chan, &value), WEFT_OK);
    }
}

TASK_TEST(free_behind_the_last_operation)
{
    for (size_t c = 0; c < CAPACITIES; c++) {
        if (not_served(capacities[c])) {
            skip("capacity %zu", capacities[c]);
            continue;
        }
        for (size_t i = 0, count = rounds(20000); i < count; i++) {
            struct hand_over hand_over = {.chan = make_chan(sizeof(uint64_t), capacities[c]), .close = i % 2 != 0};
            CHECK_STATUS(weft_go(send_and_go, &hand_over), WEFT_OK);
            uint64_t value;
            CHECK_STATUS(weft_recv(hand_over.chan, &value), hand_over.close ? WEFT_CLOSED : WEFT_OK);
            CHECK_EQ(value, hand_over.close ? 0 : 42);
            weft_chan_free(hand_over.chan);
        }
    }
}

/* Goal: a select that was readied may find the channel of its case freed.
 * Method: as above, the sender being a select over two channels, one of which nobody uses. */
static void select_and_go(void *arg)
{
    struct hand_over hand_over = *(struct hand_over *)arg;
    uint64_t value = 42;
    struct weft_case cases[] = {{.chan = hand_over.closed, .op = WEFT_RECV},
                                {.chan = hand_over.chan, .op = WEFT_SEND, .value = &value}};
    CHECK_EQ(weft_select(cases, 2), 1);
}

TASK_TEST(free_behind_a_select)
{
    struct weft_chan *silent = make_chan(0, 1);
    for (size_t c = 0; c < CAPACITIES; c++) {
        if (not_served(capacities[c])) {
            skip("capacity %zu", capacities[c]);
            continue;
        }
        struct crew crew;
        crew_init(&crew);
        for (size_t i = 0, count = rounds(10000); i < count; i++) {
            struct hand_over hand_over = {.chan = make_chan(sizeof(uint64_t), capacities[c]), .closed = silent};
            crew_go(&crew, select_and_go, &hand_over);
            uint64_t value;
            CHECK_STATUS(weft_recv(hand_over.chan, &value), WEFT_OK);
            CHECK_EQ(value, 42);
            weft_chan_free(hand_over.chan);
            crew_wait(&crew);
        }
        crew_fini(&crew);
    }
    weft_chan_free(silent);
}

/* Goal: a receive from a closed and drained channel returns, whatever senders do to it.
 * Method: senders send on a closed channel in a loop, each send being refused; a receiver receives as often. */
static _Atomic(bool) stop_hammering;

static void hammer(void *arg)
{
    struct weft_chan *chan = arg;
    uint64_t value = 1;
    while (!load_relaxed(&stop_hammering)) {
        CHECK_STATUS(weft_send(chan, &value), WEFT_CLOSED);
        weft_yield();
    }
}

TASK_TEST(closed_is_closed_under_the_hammer)
{
    enum { HAMMERS = 2 };
    struct weft_chan *chan = make_chan(sizeof(uint64_t), 1);
    struct crew crew;
    crew_init(&crew);
    CHECK_STATUS(weft_close(chan), WEFT_OK);
    for (size_t i = 0; i < HAMMERS; i++) {
        crew_go(&crew, hammer, chan);
    }
    for (size_t i = 0, count = rounds(300000); i < count; i++) {
        uint64_t value;
        CHECK_STATUS(weft_recv(chan, &value), WEFT_CLOSED);
        CHECK_STATUS(weft_try_recv(chan, &value), WEFT_CLOSED);
    }
    store_relaxed(&stop_hammering, true);
    crew_wait(&crew);
    crew_fini(&crew);
    weft_chan_free(chan);
}

/* Goal: a task of a worker's ring, and one that a timer readies, run although other tasks keep the next-to-run slot and
 * the shared queue busy.
 * Method: a pair plays ping-pong, a task spawns without end; meanwhile a victim yields and sleeps so many times. */
static _Atomic(bool) stop_noise;
static struct weft_chan *ping, *pong;

static void play(void *arg)
{
    bool first = arg != NULL;
    uint64_t ball = 0;
    while (first ? weft_send(ping, &ball) == WEFT_OK && weft_recv(pong, &ball) == WEFT_OK
                 : weft_recv(ping, &ball) == WEFT_OK && weft_send(pong, &ball) == WEFT_OK) {
        if (load_relaxed(&stop_noise)) {
            weft_close(ping);
            weft_close(pong);
        }
    }
}

static void nothing(void *unused)
{
    (void)unused;
}

static void spawn_without_end(void *unused)
{
    (void)unused;
    while (!load_relaxed(&stop_noise)) {
        for (int i = 0; i < 600; i++) {
            CHECK_STATUS(weft_go(nothing, NULL), WEFT_OK);
        }
        weft_yield();
    }
}

TASK_TEST(nobody_starves)
{
    if (combination.sched_caps->os_threads) {
        skip("the kernel's scheduler is not under test");
        return;
    }
    ping = make_chan(sizeof(uint64_t), combination.caps->capacity_min);
    pong = make_chan(sizeof(uint64_t), combination.caps->capacity_min);
    struct crew crew;
    crew_init(&crew);
    crew_go(&crew, play, ping);
    crew_go(&crew, play, NULL);
    crew_go(&crew, spawn_without_end, NULL);
    for (size_t i = 0, count = rounds(200); i < count; i++) {
        weft_yield();
        weft_sleep(20000);
    }
    store_relaxed(&stop_noise, true);
    crew_wait(&crew);
    crew_fini(&crew);
    weft_chan_free(ping);
    weft_chan_free(pong);
}

TCase *lifetime_tests(void)
{
    TCase *cases = tcase_create("lifetime");
    tcase_set_timeout(cases, 120);
    add_test(cases, free_behind_the_last_operation);
    add_test(cases, free_behind_a_select);
    add_test(cases, closed_is_closed_under_the_hammer);
    add_test(cases, nobody_starves);
    return cases;
}
