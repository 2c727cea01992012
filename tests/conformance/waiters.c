/* Goal: freeing a channel on which somebody waits is a panic that names it, for each kind of waiter; and who waited, or
 * stood in a select that lost, leaves nothing behind that would make a later free one.
 * Method: one waiter of each kind in a process of its own; then all kinds at once, served, closed, timed out, in many
 * rounds, and the channel freed each time. */
#include "conformance.h"

#include <sys/wait.h>

static struct weft_chan *chan, *other;
static const weft_ns hour = 3600000000000;

/* --- kinds of waiters ------------------------------------------------------------------------------- */

static void by_send(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    weft_send(chan, &value);
}

static void by_recv(void *unused)
{
    (void)unused;
    weft_recv(chan, NULL);
}

static void by_send_until(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    weft_send_until(chan, &value, weft_now() + hour);
}

static void by_recv_until(void *unused)
{
    (void)unused;
    weft_recv_until(chan, NULL, weft_now() + hour);
}

static void by_select_send(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    struct weft_case cases[] = {{.chan = other, .op = WEFT_RECV}, {.chan = chan, .op = WEFT_SEND, .value = &value}};
    weft_select(cases, 2);
}

static void by_select_recv(void *unused)
{
    (void)unused;
    struct weft_case cases[] = {{.chan = chan, .op = WEFT_RECV}, {.chan = other, .op = WEFT_RECV}};
    weft_select(cases, 2);
}

static const struct kind {
    void (*wait)(void *);
    bool sends;
} kinds[] = {{by_send, true},        {by_recv, false},       {by_send_until, true},
             {by_recv_until, false}, {by_select_send, true}, {by_select_recv, false}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void fill(void)
{
    for (uint64_t i = 0; i < weft_chan_cap(chan); i++) {
        CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
    }
}

static size_t counted(void)
{
    size_t elsewhere = chan->ops->waiting == NULL ? 0 : chan->ops->waiting(chan);
    return load_relaxed(&chan->recvq.count) + load_relaxed(&chan->sendq.count) + elsewhere;
}

/* Until the waiter is one: a task says that it waits a little before or behind that. */
static void await_counted(size_t count)
{
    while (counted() < count) {
        weft_yield();
    }
}

/* --- free is a panic -------------------------------------------------------------------------------- */

static struct kind kind;
static size_t capacity;

static void free_under_a_waiter(void *unused)
{
    (void)unused;
    chan = make_chan(sizeof(uint64_t), capacity);
    other = make_chan(0, 1);
    if (kind.sends) {
        fill();
    }
    CHECK_STATUS(weft_go(kind.wait, NULL), WEFT_OK);
    await_counted(1);
    weft_chan_free(chan);
}

static void free_child(void)
{
    struct weft_options options = {
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers, .seed = 1};
    weft_run(&options, free_under_a_waiter, NULL);
}

START_TEST(free_with_a_waiter_panics)
    {
        for (size_t i = 0; i < KINDS; i++) {
            for (capacity = combination.caps->capacity_min; capacity < 3; capacity++) {
                char text[2048];
                kind = kinds[i];
                int status = in_child(free_child, text, sizeof text);
                CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "kind %zu, capacity %zu: status %d, %s", i,
                          capacity, status, text);
                CHECK_MSG(strstr(text, "panic: free of the channel ") != NULL &&
                              strstr(text, "on which 1 task") != NULL,
                          "kind %zu, capacity %zu: %s", i, capacity, text);
            }
        }
    }
END_TEST

static void recover_free(void *seen)
{
    const char *message = weft_recover();
    *(bool *)seen = message != NULL && strstr(message, "free of the channel") != NULL;
}

static void try_to_free(void *seen)
{
    weft_defer(recover_free, seen);
    weft_chan_free(chan);
}

/* The panic holds no lock and has freed nothing: once it is recovered, the waiter is served, and the channel freed. */
TASK_TEST(the_channel_survives_the_panic)
{
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t c = combination.caps->capacity_min; c < 3; c++) {
            struct crew crew;
            bool seen = false;
            crew_init(&crew);
            chan = make_chan(sizeof(uint64_t), c);
            other = make_chan(0, 1);
            if (kinds[i].sends) {
                fill();
            }
            crew_go(&crew, kinds[i].wait, NULL);
            await_counted(1);
            CHECK(!weft_call(try_to_free, &seen));
            CHECK(seen);
            uint64_t value = 5;
            CHECK_STATUS(kinds[i].sends ? weft_recv(chan, &value) : weft_send(chan, &value), WEFT_OK);
            crew_fini(&crew);
            weft_chan_free(chan);
            weft_chan_free(other);
        }
    }
}

/* --- nothing is left behind ------------------------------------------------------------------------- */

/* In one round the waiters are served, in the next one closed upon. Free panics if one of them is still counted. */
static void serve_and_free(size_t c, bool sends, bool close, bool settled)
{
    struct crew crew;
    size_t count = 0;
    crew_init(&crew);
    chan = make_chan(sizeof(uint64_t), c);
    if (sends) {
        fill();
    }
    for (size_t i = 0; i < 2 * KINDS; i++) {
        if (kinds[i % KINDS].sends == sends) {
            crew_go(&crew, kinds[i % KINDS].wait, NULL);
            count++;
        }
    }
    if (settled) {
        settle(count);
    }
    uint64_t value = 1;
    for (size_t i = 0; i < count && !close; i++) {
        CHECK_STATUS(sends ? weft_recv(chan, &value) : weft_send(chan, &value), WEFT_OK);
    }
    if (close) {
        CHECK_STATUS(weft_close(chan), WEFT_OK);
    }
    crew_fini(&crew);
    CHECK_EQ(counted(), 0);
    CHECK_EQ(other->recvq.count, 0);
    weft_chan_free(chan);
}

TASK_TEST(who_was_served_is_not_counted)
{
    other = make_chan(0, 1);
    for (size_t round = 0; round < rounds(400); round++) {
        for (size_t c = combination.caps->capacity_min; c < 3; c++) {
            serve_and_free(c, round % 2 == 0, round % 4 < 2, round % 8 < 4);
        }
    }
    weft_chan_free(other);
}

TASK_TEST(who_timed_out_is_not_counted)
{
    for (size_t c = combination.caps->capacity_min; c < 3; c++) {
        for (int round = 0; round < 20; round++) {
            uint64_t value = 1;
            chan = make_chan(sizeof value, c);
            CHECK_STATUS(weft_recv_until(chan, &value, weft_now() + 10000), WEFT_TIMEOUT);
            fill();
            CHECK_STATUS(weft_send_until(chan, &value, weft_now() + 10000), WEFT_TIMEOUT);
            weft_chan_free(chan);
        }
    }
}

/* Tries leave nothing, however many (Kotlin's SelectRendezvousChannelTest: resource clean-up). */
TASK_TEST(tries_leave_nothing)
{
    for (size_t c = combination.caps->capacity_min; c < 2; c++) {
        uint64_t value = 1;
        chan = make_chan(sizeof value, c);
        other = make_chan(sizeof value, c);
        struct weft_case receives[] = {{.chan = chan, .op = WEFT_RECV}, {.chan = other, .op = WEFT_RECV}};
        size_t before = allocations();
        for (int i = 0; i < 1000; i++) {
            CHECK_EQ(weft_try_select(receives, 2), -1);
        }
        fill();
        struct weft_case sends[] = {{.chan = chan, .op = WEFT_SEND, .value = &value}, {.chan = NULL, .op = WEFT_SEND}};
        for (int i = 0; i < 1000; i++) {
            CHECK_EQ(weft_try_select(sends, 2), -1);
        }
        CHECK(allocations() - before < 100); /* workers that start late allocate too */
        weft_chan_free(chan);
        weft_chan_free(other);
    }
}

/* --- null channels ---------------------------------------------------------------------------------- */

static _Atomic(unsigned) returned;

static void send_to_null(void *unused)
{
    (void)unused;
    weft_send(NULL, NULL);
    add_release(&returned, 1u);
}

static void recv_from_null(void *unused)
{
    (void)unused;
    weft_recv(NULL, NULL);
    add_release(&returned, 1u);
}

static void select_null(void *unused)
{
    (void)unused;
    struct weft_case cases[] = {{.chan = NULL, .op = WEFT_SEND}, {.chan = NULL, .op = WEFT_RECV}};
    weft_select(cases, 2);
    add_release(&returned, 1u);
}

static void select_nothing(void *unused)
{
    (void)unused;
    weft_select(NULL, 0);
    add_release(&returned, 1u);
}

/* They wait for ever: nothing that goes on around them wakes them. */
TASK_TEST(null_channels_park_for_ever)
{
    void (*const parkers[])(void *) = {send_to_null, recv_from_null, select_null, select_nothing};
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(weft_go(parkers[i], NULL), WEFT_OK);
    }
    settle(4);
    other = make_chan(0, 1);
    for (size_t round = 0; round < rounds(200); round++) {
        serve_and_free(1, round % 2 == 0, round % 4 < 2, round % 8 < 4);
    }
    CHECK_EQ(returned, 0);
    weft_chan_free(other);
}

TCase *waiters_tests(void)
{
    TCase *cases = tcase_create("waiters");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, free_with_a_waiter_panics);
    tcase_add_test(cases, the_channel_survives_the_panic);
    tcase_add_test(cases, who_was_served_is_not_counted);
    tcase_add_test(cases, who_timed_out_is_not_counted);
    tcase_add_test(cases, tries_leave_nothing);
    tcase_add_test(cases, null_channels_park_for_ever);
    return cases;
}
