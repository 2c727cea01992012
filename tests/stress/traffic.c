/* Goal: nothing is lost, doubled or reordered, whatever the mix of operations, also when the channel is closed in mid
 * traffic, and nobody is left waiting.
 * Method: 1 to 4 producers send numbered messages, 1 to 4 consumers tick them off; every choice comes from the seed. A
 * lost wake-up is a hang, which the watchdog turns into a failure. */
#include "stress.h"

enum { SIDE_MAX = 4, MESSAGES_MAX = 20000 };

struct message {
    uint32_t producer, number;
    uint64_t check; /* of the two, so that a torn element shows */
};

static struct weft_chan *chan;
static size_t producers, consumers, each;
static _Atomic(unsigned) producers_left;
static _Atomic(unsigned char) taken[SIDE_MAX][MESSAGES_MAX];
static _Atomic(unsigned) sent[SIDE_MAX], received;
static bool closed_by_other;

static uint64_t check_of(uint32_t producer, uint32_t number)
{
    return (uint64_t)producer * 0x9E3779B97F4A7C15u ^ (uint64_t)number * 0xBF58476D1CE4E5B9u;
}

static void produce(void *arg)
{
    uint32_t me = *(uint32_t *)arg;
    struct dice dice = dice_new(me);
    for (uint32_t i = 0; i < each; i++) {
        struct message message = {me, i, check_of(me, i)};
        enum weft_status status = send_somehow(&dice, chan, &message);
        if (status == WEFT_CLOSED && closed_by_other) {
            break;
        }
        CHECK_STATUS(status, WEFT_OK);
        store_relaxed(&sent[me], i + 1);
    }
    if (sub_acq_rel(&producers_left, 1u) == 1) {
        weft_close(chan);
    }
}

static void consume(void *arg)
{
    struct dice dice = dice_new(100 + *(uint32_t *)arg);
    uint32_t next[SIDE_MAX] = {0};
    struct message message;
    while (recv_somehow(&dice, chan, &message) == WEFT_OK) {
        CHECK(message.producer < producers && message.number < each);
        CHECK_MSG(message.check == check_of(message.producer, message.number), "a torn element");
        CHECK_MSG(message.number >= next[message.producer], "producer %u: %u after %u", message.producer,
                  message.number, next[message.producer] - 1);
        next[message.producer] = message.number + 1;
        CHECK_MSG(add_relaxed(&taken[message.producer][message.number], 1) == 0, "producer %u: %u came twice",
                  message.producer, message.number);
        add_relaxed(&received, 1u);
    }
}

static void check_counts(void)
{
    unsigned total = 0;
    for (size_t i = 0; i < producers; i++) {
        for (uint32_t number = 0; number < each; number++) {
            CHECK_MSG(taken[i][number] == (number < sent[i]), "producer %zu sent %u, number %u was taken %u times", i,
                      sent[i], number, taken[i][number]);
        }
        total += sent[i];
    }
    CHECK_EQ(received, total);
    CHECK_EQ(chan->recvq.count, 0);
    CHECK_EQ(chan->sendq.count, 0);
}

static void traffic(size_t capacity, size_t count, weft_ns close_after)
{
    static uint32_t names[SIDE_MAX] = {0, 1, 2, 3};
    struct crew crew;
    crew_init(&crew);
    chan = make_chan(sizeof(struct message), capacity);
    each = count;
    producers_left = (unsigned)producers;
    received = 0;
    closed_by_other = close_after > 0;
    memset((void *)taken, 0, sizeof taken);
    memset((void *)sent, 0, sizeof sent);
    for (size_t i = 0; i < SIDE_MAX; i++) {
        if (i < producers) {
            crew_go(&crew, produce, &names[i]);
        }
        if (i < consumers) {
            crew_go(&crew, consume, &names[i]);
        }
    }
    if (closed_by_other) {
        weft_sleep(close_after);
        weft_close(chan);
    }
    crew_fini(&crew);
    check_counts();
    weft_chan_free(chan);
}

static const size_t shapes[][2] = {{1, 1}, {4, 1}, {1, 4}, {2, 2}, {4, 4}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

TASK_TEST(conservation_and_order)
{
    for (size_t c = 0; c < CAPACITIES; c++) {
        for (size_t s = 0; s < SHAPES && !not_served(capacities[c]); s++) {
            producers = shapes[s][0];
            consumers = shapes[s][1];
            traffic(capacities[c], rounds(8000 / producers), 0);
        }
    }
}

TASK_TEST(close_in_mid_traffic)
{
    struct dice dice = dice_new(7);
    size_t count = rounds(MESSAGES_MAX);
    for (size_t round = 0; round < 6; round++) {
        for (size_t c = 0; c < CAPACITIES; c++) {
            producers = 1 + dice_below(&dice, SIDE_MAX);
            consumers = 1 + dice_below(&dice, SIDE_MAX);
            weft_ns after = 1 + (weft_ns)dice_below(&dice, 1000000);
            if (!not_served(capacities[c])) {
                traffic(capacities[c], count, after);
            }
        }
    }
}

/* --- plain operations only, as fast as they go: the shortest windows between "looked" and "parked" --- */

static void produce_plain(void *arg)
{
    uint32_t me = *(uint32_t *)arg;
    for (uint32_t i = 0; i < each; i++) {
        struct message message = {me, i, check_of(me, i)};
        CHECK_STATUS(weft_send(chan, &message), WEFT_OK);
    }
    if (sub_acq_rel(&producers_left, 1u) == 1) {
        weft_close(chan);
    }
}

static void consume_plain(void *unused)
{
    (void)unused;
    struct message message;
    while (weft_recv(chan, &message) == WEFT_OK) {
        CHECK(message.check == check_of(message.producer, message.number));
        add_relaxed(&received, 1u);
    }
}

TASK_TEST(plain_operations_lose_no_wake_up)
{
    static uint32_t names[SIDE_MAX] = {0, 1, 2, 3};
    each = rounds(20000);
    for (size_t c = 0; c < CAPACITIES; c++) {
        for (size_t pairs = 1; pairs <= SIDE_MAX && !not_served(capacities[c]); pairs += 3) {
            struct crew crew;
            crew_init(&crew);
            chan = make_chan(sizeof(struct message), capacities[c]);
            producers_left = (unsigned)pairs;
            received = 0;
            for (size_t i = 0; i < pairs; i++) {
                crew_go(&crew, produce_plain, &names[i]);
                crew_go(&crew, consume_plain, NULL);
            }
            crew_fini(&crew);
            CHECK_EQ(received, pairs * each);
            weft_chan_free(chan);
        }
    }
}

TCase *traffic_tests(void)
{
    TCase *tests = tcase_create("traffic");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, conservation_and_order);
    tcase_add_test(tests, close_in_mid_traffic);
    tcase_add_test(tests, plain_operations_lose_no_wake_up);
    return tests;
}
