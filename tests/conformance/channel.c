/* Goal: what a channel holds, in which order, and what its operations return when nobody has to wait.
 * Method: one task on channels of every capacity and of many element sizes; contents are patterns by index. */
#include "conformance.h"

static const size_t elem_sizes[] = {0, 1, 4, 8, 12, 64, 1000, 65536};
enum { ELEM_SIZES = sizeof elem_sizes / sizeof elem_sizes[0], ELEM_MAX = 65536, GUARD = 16 };

static unsigned char out[ELEM_MAX], in[ELEM_MAX + GUARD];

static void fill(unsigned char *bytes, size_t size, size_t index)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(index * 131 + i * 7 + 1);
    }
}

static void send_number(struct weft_chan *chan, size_t elem_size, size_t index)
{
    fill(out, elem_size, index);
    CHECK_STATUS(weft_try_send(chan, out), WEFT_OK);
}

/* The element came whole, and nothing beside it was written. */
static void recv_number(struct weft_chan *chan, size_t elem_size, size_t index)
{
    memset(in, 0xAA, elem_size + GUARD);
    CHECK_STATUS(weft_try_recv(chan, in), WEFT_OK);
    fill(out, elem_size, index);
    CHECK_MSG(memcmp(in, out, elem_size) == 0, "element %zu of %zu bytes is not what was sent", index, elem_size);
    for (size_t i = 0; i < GUARD; i++) {
        CHECK_EQ(in[elem_size + i], 0xAA);
    }
}

static void fill_and_drain(size_t elem_size, size_t capacity)
{
    struct weft_chan *chan = make_chan(elem_size, capacity);
    size_t sent = 0, received = 0;
    CHECK_EQ(weft_chan_cap(chan), capacity);
    for (size_t lap = 0; lap < 4; lap++) {
        for (size_t i = 0; i < capacity; i++) {
            CHECK_EQ(weft_chan_len(chan), i);
            send_number(chan, elem_size, sent++);
        }
        CHECK_EQ(weft_chan_len(chan), capacity);
        CHECK_STATUS(weft_try_send(chan, out), WEFT_AGAIN); /* one task alone: exact for every variant */
        for (size_t i = 0; i < capacity; i++) {
            recv_number(chan, elem_size, received++);
        }
        CHECK_EQ(weft_chan_len(chan), 0);
        CHECK_STATUS(weft_try_recv(chan, in), WEFT_AGAIN);
        for (size_t i = 0; i <= lap && i < capacity; i++) { /* so that the next lap begins elsewhere */
            send_number(chan, elem_size, sent++);
            recv_number(chan, elem_size, received++);
        }
    }
    weft_chan_free(chan);
}

TASK_TEST(holds_its_capacity_in_order)
{
    for (size_t c = 1; c < CAPACITIES; c++) {
        for (size_t s = 0; s < ELEM_SIZES; s++) {
            if (elem_sizes[s] * capacities[c] <= 4000000) {
                fill_and_drain(elem_sizes[s], capacities[c]);
            }
        }
    }
}

TASK_TEST(refuses_what_it_cannot_serve)
{
    CHECK(weft_chan_new_as("no such variant", 8, 1) == NULL);
    CHECK(weft_chan_new_as(NULL, 8, 1) == NULL);
    CHECK(weft_chan_new_as("null", 8, 1) == NULL);                   /* a control, not a channel */
    if (combination.caps->allocates_per_message_above == SIZE_MAX) { /* else the buffer holds pointers */
        CHECK(weft_chan_new_as(combination.chan, SIZE_MAX / 2, 1000) == NULL);
    }
    CHECK(weft_chan_new_as(combination.chan, 8, SIZE_MAX / 2) == NULL);
    CHECK(weft_chan_new_as(combination.chan, 8, SIZE_MAX - 1) == NULL);
    struct weft_chan *rendezvous = weft_chan_new_as(combination.chan, 8, 0);
    CHECK_EQ(rendezvous != NULL, combination.caps->capacity_min == 0);
    weft_chan_free(rendezvous);
    weft_chan_free(NULL);
}

/* The options' variant is what weft_chan_new makes. */
TASK_TEST(new_uses_the_variant_of_the_run)
{
    struct weft_chan *chan = weft_chan_new(8, 1);
    CHECK(chan != NULL && strcmp(chan->ops->name, combination.chan) == 0);
    weft_chan_free(chan);
}

TASK_TEST(null_value_discards)
{
    struct weft_chan *chan = make_chan(12, 2);
    send_number(chan, 12, 1);
    send_number(chan, 12, 2);
    CHECK_STATUS(weft_recv(chan, NULL), WEFT_OK);
    recv_number(chan, 12, 2);
    weft_chan_free(chan);
    chan = make_chan(0, 2);
    CHECK_STATUS(weft_send(chan, NULL), WEFT_OK);
    CHECK_STATUS(weft_recv(chan, NULL), WEFT_OK);
    weft_chan_free(chan);
}

/* What is still in it when it is freed is freed with it: the leak checker looks. */
TASK_TEST(free_with_elements_in_it)
{
    for (size_t s = 0; s < ELEM_SIZES; s++) {
        struct weft_chan *chan = make_chan(elem_sizes[s], 7);
        for (size_t i = 0; i < 5; i++) {
            send_number(chan, elem_sizes[s], i);
        }
        recv_number(chan, elem_sizes[s], 0);
        weft_chan_free(chan);
    }
}

TASK_TEST(null_channel_is_never_ready)
{
    CHECK_STATUS(weft_try_send(NULL, out), WEFT_AGAIN);
    CHECK_STATUS(weft_try_recv(NULL, in), WEFT_AGAIN);
    CHECK_EQ(weft_chan_len(NULL), 0);
    CHECK_EQ(weft_chan_cap(NULL), 0);
    weft_ns deadline = weft_now() + 1000000;
    CHECK_STATUS(weft_recv_until(NULL, in, deadline), WEFT_TIMEOUT);
    CHECK(weft_now() >= deadline);
    CHECK_STATUS(weft_send_until(NULL, out, deadline), WEFT_TIMEOUT);
}

TASK_TEST(try_on_a_lonely_rendezvous)
{
    if (!serves(0)) {
        return;
    }
    struct weft_chan *chan = make_chan(4, 0);
    for (int i = 0; i < 10; i++) {
        CHECK_STATUS(weft_try_send(chan, out), WEFT_AGAIN);
        CHECK_STATUS(weft_try_recv(chan, in), WEFT_AGAIN);
    }
    CHECK_EQ(weft_chan_len(chan), 0);
    CHECK_EQ(weft_chan_cap(chan), 0);
    weft_chan_free(chan);
}

/* --- the capacity under concurrent senders --- */

enum { CROWD = 4 };
static struct weft_chan *crowded;
static _Atomic(unsigned) accepted;

static void send_until_full(void *unused)
{
    (void)unused;
    unsigned value = 0;
    for (int refused = 0; refused < 20;) {
        if (weft_try_send(crowded, &value) == WEFT_OK) {
            add_relaxed(&accepted, 1u);
        } else {
            refused++;
            weft_yield();
        }
    }
}

TASK_TEST(capacity_holds_against_a_crowd)
{
    for (size_t c = 1; c < CAPACITIES; c++) {
        for (int round = 0; round < 5; round++) {
            struct crew crew;
            crew_init(&crew);
            accepted = 0;
            crowded = make_chan(sizeof(unsigned), capacities[c]);
            for (int i = 0; i < CROWD; i++) {
                crew_go(&crew, send_until_full, NULL);
            }
            crew_fini(&crew);
            size_t most = capacities[c] + (combination.caps->capacity_exact ? 0 : CROWD - 1);
            CHECK_MSG(accepted >= capacities[c] && accepted <= most, "%u accepted, capacity %zu", accepted,
                      capacities[c]);
            CHECK_EQ(weft_chan_len(crowded), accepted);
            weft_chan_free(crowded);
        }
    }
}

/* --- channels over channels --- */

struct request {
    int number;
    struct weft_chan *reply;
};

static void serve_requests(void *arg)
{
    struct request request;
    while (weft_recv(arg, &request) == WEFT_OK) {
        int answer = request.number * request.number;
        CHECK_STATUS(weft_send(request.reply, &answer), WEFT_OK);
    }
}

/* Each request brings the channel that its answer is to be sent to. */
TASK_TEST(channels_over_channels)
{
    struct crew crew;
    crew_init(&crew);
    struct weft_chan *requests = make_chan(sizeof(struct request), 1);
    crew_go(&crew, serve_requests, requests);
    crew_go(&crew, serve_requests, requests);
    for (int i = 0; i < 100; i++) {
        int answer = 0;
        struct request request = {.number = i, .reply = make_chan(sizeof answer, combination.caps->capacity_min)};
        CHECK_STATUS(weft_send(requests, &request), WEFT_OK);
        CHECK_STATUS(weft_recv(request.reply, &answer), WEFT_OK);
        CHECK_EQ(answer, i * i);
        weft_chan_free(request.reply);
    }
    CHECK_STATUS(weft_close(requests), WEFT_OK);
    crew_fini(&crew);
    weft_chan_free(requests);
}

/* --- a free that comes too early --- */

static struct weft_chan *waited_for;

static void wait_to_receive(void *unused)
{
    int value;
    (void)unused;
    weft_recv(waited_for, &value);
}

static void wait_to_send(void *unused)
{
    int value = 1;
    (void)unused;
    weft_send(waited_for, &value);
}

static void wait_in_select(void *unused)
{
    int value;
    (void)unused;
    struct weft_case two[] = {{.chan = waited_for, .op = WEFT_RECV, .value = &value}, {.chan = NULL}};
    weft_select(two, 2);
}

static void expect_waiting(void *unused)
{
    (void)unused;
    const char *message = weft_recover();
    CHECK_MSG(message != NULL && strstr(message, "on which 1 tasks wait") != NULL, "%s",
              message == NULL ? "" : message);
}

static void free_it(void *unused)
{
    (void)unused;
    weft_defer(expect_waiting, NULL);
    weft_chan_free(waited_for);
}

/* A channel on which somebody waits is not freed, however he waits; it goes on to work. */
TASK_TEST(free_of_a_waited_for_channel_panics)
{
    void (*const ways[])(void *) = {wait_to_receive, wait_to_send, wait_in_select};
    for (size_t capacity = combination.caps->capacity_min; capacity < 3; capacity++) {
        for (int way = 0; way < 3; way++) {
            int value = 0;
            struct crew crew;
            crew_init(&crew);
            waited_for = make_chan(sizeof value, capacity);
            for (size_t i = 0; way == 1 && i < capacity; i++) {
                CHECK_STATUS(weft_send(waited_for, &value), WEFT_OK);
            }
            crew_go(&crew, ways[way], NULL);
            settle(1);
            CHECK(!weft_call(free_it, NULL));
            CHECK_STATUS(way == 1 ? weft_recv(waited_for, &value) : weft_send(waited_for, &value), WEFT_OK);
            crew_fini(&crew);
            weft_chan_free(waited_for);
        }
    }
}

TCase *channel_tests(void)
{
    TCase *cases = tcase_create("channel");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, holds_its_capacity_in_order);
    tcase_add_test(cases, refuses_what_it_cannot_serve);
    tcase_add_test(cases, new_uses_the_variant_of_the_run);
    tcase_add_test(cases, null_value_discards);
    tcase_add_test(cases, free_with_elements_in_it);
    tcase_add_test(cases, null_channel_is_never_ready);
    tcase_add_test(cases, try_on_a_lonely_rendezvous);
    tcase_add_test(cases, capacity_holds_against_a_crowd);
    tcase_add_test(cases, channels_over_channels);
    tcase_add_test(cases, free_of_a_waited_for_channel_panics);
    return cases;
}
