/* Goal: operations that wait: a rendezvous meets, a full or empty channel parks, values come whole and in order.
 * Method: two and more tasks; the test waits until the others have parked before it lets them go on. */
#include "conformance.h"

/* --- one waits for the other --- */

static struct weft_chan *chan;
static _Atomic(unsigned) passed;

static void send_one(void *arg)
{
    CHECK_STATUS(weft_send(chan, arg), WEFT_OK);
    add_release(&passed, 1u);
}

static void recv_one(void *arg)
{
    CHECK_STATUS(weft_recv(chan, arg), WEFT_OK);
    add_release(&passed, 1u);
}

TASK_TEST(send_waits_for_room)
{
    for (size_t c = 0; c < 4; c++) {
        if (not_served(capacities[c])) {
            continue;
        }
        chan = make_chan(sizeof(int), capacities[c]);
        passed = 0;
        int value = 0, last = 99;
        for (int i = 0; i < (int)capacities[c]; i++) {
            CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
        }
        struct crew crew;
        crew_init(&crew);
        crew_go(&crew, send_one, &last);
        settle(1);
        CHECK_EQ(passed, 0);
        for (int i = 0; i < (int)capacities[c]; i++) {
            CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
            CHECK_EQ(value, i);
        }
        CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
        CHECK_EQ(value, 99);
        crew_fini(&crew);
        weft_chan_free(chan);
    }
}

TASK_TEST(recv_waits_for_a_value)
{
    for (size_t c = 0; c < 4; c++) {
        if (not_served(capacities[c])) {
            continue;
        }
        chan = make_chan(sizeof(int), capacities[c]);
        passed = 0;
        int got = 0, value = 7;
        struct crew crew;
        crew_init(&crew);
        crew_go(&crew, recv_one, &got);
        settle(1);
        CHECK_EQ(passed, 0);
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        crew_fini(&crew);
        CHECK_EQ(got, 7);
        weft_chan_free(chan);
    }
}

/* A rendezvous' send has been received when it returns; a try meets a partner that waits. */
TASK_TEST(try_meets_a_waiting_partner)
{
    if (!serves(0)) {
        return;
    }
    chan = make_chan(sizeof(int), 0);
    struct crew crew;
    crew_init(&crew);
    for (int i = 1; i < 50; i++) {
        int value = 0, got = 0;
        crew_go(&crew, i % 2 == 0 ? send_one : recv_one, i % 2 == 0 ? &i : &got);
        settle(1);
        enum weft_status status;
        int out = -i;
        do { /* a variant whose tries are exact succeeds at once: the partner is queued */
            status = i % 2 == 0 ? weft_try_recv(chan, &value) : weft_try_send(chan, &out);
            CHECK(status == WEFT_OK || !combination.caps->try_exact);
        } while (status != WEFT_OK);
        crew_wait(&crew);
        CHECK_EQ(i % 2 == 0 ? value : got, i % 2 == 0 ? i : -i);
        CHECK_EQ(chan->recvq.count, 0);
        CHECK_EQ(chan->sendq.count, 0);
    }
    crew_fini(&crew);
    weft_chan_free(chan);
}

/* --- streams --- */

enum { STREAM_MAX = 65536 };

struct stream {
    struct weft_chan *chan;
    size_t elem_size, count;
};

static void fill(unsigned char *bytes, size_t size, size_t index)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(index * 37 + i * 11 + 5);
    }
}

static void send_stream(void *arg)
{
    struct stream *stream = arg;
    unsigned char *bytes = malloc(stream->elem_size + 1);
    for (size_t i = 0; i < stream->count; i++) {
        fill(bytes, stream->elem_size, i);
        CHECK_STATUS(weft_send(stream->chan, bytes), WEFT_OK);
    }
    free(bytes);
}

static void run_stream(size_t elem_size, size_t capacity)
{
    struct stream stream = {make_chan(elem_size, capacity), elem_size, elem_size > 1000 ? 20 : 2 * capacity + 50};
    unsigned char *bytes = malloc(elem_size + 1), *expected = malloc(elem_size + 1);
    struct crew crew;
    crew_init(&crew);
    crew_go(&crew, send_stream, &stream);
    for (size_t i = 0; i < stream.count; i++) {
        CHECK_STATUS(weft_recv(stream.chan, bytes), WEFT_OK);
        fill(expected, elem_size, i);
        CHECK_MSG(memcmp(bytes, expected, elem_size) == 0, "element %zu (size %zu, capacity %zu)", i, elem_size,
                  capacity);
    }
    crew_fini(&crew);
    free(bytes);
    free(expected);
    weft_chan_free(stream.chan);
}

TASK_TEST(streams_keep_order)
{
    static const size_t elem_sizes[] = {0, 1, 4, 8, 12, 64, 1000, STREAM_MAX};
    for (size_t c = 0; c < CAPACITIES; c++) {
        for (size_t s = 0; s < sizeof elem_sizes / sizeof elem_sizes[0]; s++) {
            if (!not_served(capacities[c]) && elem_sizes[s] * capacities[c] < 5000000) {
                run_stream(elem_sizes[s], capacities[c]);
            }
        }
    }
}

/* --- order among waiters --- */

static int order[8];

static void recv_into(void *arg)
{
    int value = -1;
    CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
    *(int *)arg = value;
}

/* Receivers that queued one after the other are served in that order: on a rendezvous always (core/rendezvous.h), on a
 * buffered channel where the variant says so. */
static void serve_in_order(size_t capacity)
{
    chan = make_chan(sizeof(int), capacity);
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < 8; i++) {
        crew_go(&crew, recv_into, &order[i]);
        settle(i + 1);
    }
    for (int i = 0; i < 8; i++) {
        CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
    }
    crew_fini(&crew);
    for (int i = 0; i < 8; i++) {
        CHECK_EQ(order[i], i);
    }
    weft_chan_free(chan);
}

TASK_TEST(waiters_are_served_in_order)
{
    if (serves(0)) {
        serve_in_order(0);
    }
    if (combination.caps->fifo_waiters) {
        serve_in_order(1);
    } else {
        skip("channel %s does not promise order among waiters", combination.chan);
    }
}

static void send_many(void *arg)
{
    int *id = arg;
    for (int i = 0; i < 100; i++) {
        int value = *id * 1000 + i;
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
    }
}

/* Eight senders wait on one channel; what each of them sent comes in its order. */
TASK_TEST(parked_senders_all_deliver)
{
    for (size_t c = 0; c < 5; c++) {
        if (not_served(capacities[c])) {
            continue;
        }
        chan = make_chan(sizeof(int), capacities[c]);
        struct crew crew;
        crew_init(&crew);
        int ids[8], next[8] = {0};
        for (int i = 0; i < 8; i++) {
            ids[i] = i;
            crew_go(&crew, send_many, &ids[i]);
        }
        settle(8);
        for (int i = 0; i < 800; i++) {
            int value = -1;
            CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
            CHECK(value >= 0 && value / 1000 < 8);
            CHECK_EQ(value % 1000, next[value / 1000]);
            next[value / 1000]++;
        }
        crew_fini(&crew);
        CHECK_STATUS(weft_try_recv(chan, NULL), WEFT_AGAIN);
        weft_chan_free(chan);
    }
}

/* --- happens before --- */

static size_t shared; /* plain: ThreadSanitizer watches */

static void add_under_channel(void *unused)
{
    (void)unused;
    for (int i = 0; i < 200; i++) {
        CHECK_STATUS(weft_send(chan, NULL), WEFT_OK);
        shared++;
        CHECK_STATUS(weft_recv(chan, NULL), WEFT_OK);
    }
}

/* A channel of capacity 1 is a mutex. */
TASK_TEST(channel_as_a_mutex)
{
    chan = make_chan(0, 1);
    if (!combination.caps->capacity_exact) {
        skip("channel %s may hold more than its capacity", combination.chan);
        weft_chan_free(chan);
        return;
    }
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < 4; i++) {
        crew_go(&crew, add_under_channel, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(shared, 800);
    weft_chan_free(chan);
}

struct message {
    int payload;
    struct weft_chan *answer;
};

static void serve(void *unused)
{
    (void)unused;
    struct message *message;
    while (weft_recv(chan, &message) == WEFT_OK) {
        message->payload *= 2; /* plain: the channel orders it */
        CHECK_STATUS(weft_send(message->answer, &message), WEFT_OK);
    }
}

enum { ASKERS = 3, QUESTIONS = 50 };
static struct message messages[ASKERS][QUESTIONS];

static void ask(void *arg)
{
    struct message *mine = arg;
    for (int i = 0; i < QUESTIONS; i++) {
        struct message *message = &mine[i], *answer;
        *message = (struct message){i, make_chan(sizeof message, combination.caps->capacity_min)};
        CHECK_STATUS(weft_send(chan, &message), WEFT_OK);
        CHECK_STATUS(weft_recv(message->answer, &answer), WEFT_OK);
        CHECK(answer == message);
        CHECK_EQ(answer->payload, 2 * i);
    }
}

/* Pointers and channels go through channels, and carry what was written behind them. */
TASK_TEST(channels_order_memory)
{
    chan = make_chan(sizeof(struct message *), combination.caps->capacity_min);
    struct crew askers, servers;
    crew_init(&askers);
    crew_init(&servers);
    for (int i = 0; i < ASKERS; i++) {
        crew_go(&askers, ask, messages[i]);
        crew_go(&servers, serve, NULL);
    }
    crew_fini(&askers);
    CHECK_STATUS(weft_close(chan), WEFT_OK);
    crew_fini(&servers);
    weft_chan_free(chan);
    for (int i = 0; i < ASKERS * QUESTIONS; i++) { /* not before: their sender may still be inside of them */
        weft_chan_free(messages[i / QUESTIONS][i % QUESTIONS].answer);
    }
}

/* --- a chain of filters: C. A. R. Hoare's sieve, as in every channel's test --- */

struct filter {
    struct weft_chan *from, *to;
    int prime;
};

static void generate(void *arg)
{
    struct weft_chan *to = arg;
    for (int i = 2; weft_send(to, &i) == WEFT_OK; i++) {
    }
}

static void filter_multiples(void *arg)
{
    struct filter filter = *(struct filter *)arg;
    int value;
    while (weft_recv(filter.from, &value) == WEFT_OK) {
        if (value % filter.prime != 0 && weft_send(filter.to, &value) != WEFT_OK) {
            break;
        }
    }
    weft_close(filter.from);
}

TASK_TEST(sieve)
{
    enum { PRIMES = 25 };
    static const int primes[PRIMES] = {2,  3,  5,  7,  11, 13, 17, 19, 23, 29, 31, 37, 41,
                                       43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97};
    static struct filter filters[PRIMES];
    struct weft_chan *chans[PRIMES + 1];
    struct crew crew;
    crew_init(&crew);
    chans[0] = make_chan(sizeof(int), combination.caps->capacity_min);
    crew_go(&crew, generate, chans[0]);
    for (int i = 0; i < PRIMES; i++) {
        int prime;
        CHECK_STATUS(weft_recv(chans[i], &prime), WEFT_OK);
        CHECK_EQ(prime, primes[i]);
        chans[i + 1] = make_chan(sizeof(int), combination.caps->capacity_min);
        filters[i] = (struct filter){chans[i], chans[i + 1], prime};
        crew_go(&crew, filter_multiples, &filters[i]);
    }
    weft_close(chans[PRIMES]); /* runs back through the chain */
    crew_fini(&crew);
    for (int i = 0; i <= PRIMES; i++) {
        weft_chan_free(chans[i]);
    }
}

TCase *blocking_tests(void)
{
    TCase *cases = tcase_create("blocking");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, send_waits_for_room);
    tcase_add_test(cases, recv_waits_for_a_value);
    tcase_add_test(cases, try_meets_a_waiting_partner);
    tcase_add_test(cases, streams_keep_order);
    tcase_add_test(cases, waiters_are_served_in_order);
    tcase_add_test(cases, parked_senders_all_deliver);
    tcase_add_test(cases, channel_as_a_mutex);
    tcase_add_test(cases, channels_order_memory);
    tcase_add_test(cases, sieve);
    return cases;
}
