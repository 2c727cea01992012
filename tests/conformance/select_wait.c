/* Goal: a select that parks: it is woken by whichever case can be done, exactly one case is done, the others leave no
 * trace, and two selects may meet.
 * Method: a second task makes cases ready once the select has parked; counters show what was lost or doubled. */
#include "conformance.h"

enum { CASES_MAX = 300 };
static struct weft_chan *chans[CASES_MAX];
static struct weft_case cases[CASES_MAX];
static int values[CASES_MAX];
static size_t cases_count;
static _Atomic(int) chosen;

static void check_no_trace(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(chans[i]->recvq.count, 0);
        CHECK_EQ(chans[i]->sendq.count, 0);
        CHECK(chans[i]->recvq.head == NULL && chans[i]->sendq.head == NULL);
    }
}

static void select_all(void *unused)
{
    (void)unused;
    store_release(&chosen, weft_select(cases, cases_count));
}

static void one_wakes(struct crew *crew, size_t index, enum weft_op op)
{
    crew_go(crew, select_all, NULL);
    settle(1);
    int value = 1000 + (int)index;
    if (op == WEFT_RECV) {
        CHECK_STATUS(weft_send(chans[index], &value), WEFT_OK);
    } else {
        CHECK_STATUS(weft_recv(chans[index], &value), WEFT_OK);
    }
    crew_wait(crew);
    CHECK_EQ(load_acquire(&chosen), index);
    CHECK_STATUS(cases[index].status, WEFT_OK);
    if (op == WEFT_RECV) {
        CHECK_EQ(values[index], value);
    }
    check_no_trace(cases_count);
}

static void each_case_wakes(size_t count, size_t capacity, enum weft_op op)
{
    struct crew crew;
    crew_init(&crew);
    cases_count = count;
    for (size_t i = 0; i < count; i++) {
        chans[i] = make_chan(sizeof(int), capacity);
        values[i] = (int)i;
        cases[i] = (struct weft_case){.chan = chans[i], .op = op, .value = &values[i]};
        if (op == WEFT_SEND && capacity == 1) {
            CHECK_STATUS(weft_send(chans[i], &values[i]), WEFT_OK);
        }
    }
    for (size_t i = 0; i<count; i += count> 20 ? 7 : 1) {
        one_wakes(&crew, i, op);
    }
    crew_fini(&crew);
    for (size_t i = 0; i < count; i++) {
        weft_chan_free(chans[i]);
    }
}

TASK_TEST(each_case_wakes_the_select)
{
    static const size_t counts[] = {1, 2, 16, 17, 64, CASES_MAX};
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        for (size_t capacity = combination.caps->capacity_min; capacity < 2; capacity++) {
            each_case_wakes(counts[n], capacity, WEFT_RECV);
            each_case_wakes(counts[n], capacity, WEFT_SEND);
        }
    }
}

/* The same channel in several cases: each element is received once, and close ends it. */
static _Atomic(unsigned) received;

static void select_twice_the_same(void *unused)
{
    (void)unused;
    int value = 0;
    struct weft_case same[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &value},
                               {.chan = chans[1], .op = WEFT_RECV, .value = &value},
                               {.chan = chans[0], .op = WEFT_RECV, .value = &value}};
    for (;;) {
        int index = weft_select(same, 3);
        CHECK(index == 0 || index == 2);
        if (same[index].status == WEFT_CLOSED) {
            return;
        }
        CHECK_EQ(value, load_relaxed(&received));
        add_release(&received, 1u);
    }
}

TASK_TEST(duplicate_channels)
{
    for (size_t capacity = combination.caps->capacity_min; capacity < 3; capacity++) {
        struct crew crew;
        crew_init(&crew);
        chans[0] = make_chan(sizeof(int), capacity);
        chans[1] = make_chan(sizeof(int), capacity);
        received = 0;
        crew_go(&crew, select_twice_the_same, NULL);
        for (int i = 0; i < 200; i++) {
            if (i % 10 == 0) {
                settle(1);
            }
            CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
        }
        weft_close(chans[0]);
        crew_fini(&crew);
        CHECK_EQ(received, 200);
        check_no_trace(2);
        weft_chan_free(chans[0]);
        weft_chan_free(chans[1]);
    }
}

/* --- two selects that face each other --- */

enum { MEETINGS = 2000 };
static size_t meetings;
static unsigned char seen[2][MEETINGS];

static void select_sender(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < meetings; i++) {
        int value = (int)i;
        struct weft_case two[] = {{.chan = chans[0], .op = WEFT_SEND, .value = &value},
                                  {.chan = chans[1], .op = WEFT_SEND, .value = &value}};
        int index = weft_select(two, 2);
        CHECK_STATUS(two[index].status, WEFT_OK);
        seen[0][i] = (unsigned char)(index + 1);
    }
}

static void select_receiver(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < meetings; i++) {
        int got[2] = {-1, -1};
        struct weft_case two[] = {{.chan = chans[1], .op = WEFT_RECV, .value = &got[1]},
                                  {.chan = chans[0], .op = WEFT_RECV, .value = &got[0]}};
        int index = weft_select(two, 2);
        CHECK_STATUS(two[index].status, WEFT_OK);
        CHECK_EQ(got[1 - index], i);
        CHECK_EQ(got[index], -1); /* the losing case was left alone */
        seen[1][i] = (unsigned char)(2 - index);
    }
}

TASK_TEST(selects_in_opposite_order)
{
    meetings = rounds(MEETINGS);
    for (size_t capacity = combination.caps->capacity_min; capacity < 1; capacity++) {
        struct crew crew;
        crew_init(&crew);
        chans[0] = make_chan(sizeof(int), 0);
        chans[1] = make_chan(sizeof(int), 0);
        crew_go(&crew, select_sender, NULL);
        crew_go(&crew, select_receiver, NULL);
        crew_fini(&crew);
        CHECK(memcmp(seen[0], seen[1], meetings) == 0); /* both took the same channel, each time */
        check_no_trace(2);
        weft_chan_free(chans[0]);
        weft_chan_free(chans[1]);
    }
}

/* Each of three tasks, in a circle, selects between sending to the next and receiving from the one before. What was
 * sent is what was received; nothing hangs, though each circle of registrations can meet itself. */
static _Atomic(unsigned) circle_sent, circle_received;

static void circle(void *arg)
{
    size_t me = *(size_t *)arg;
    size_t sent = 0, got = 0;
    while (sent < meetings || got < meetings) {
        int value = (int)sent, incoming = -1;
        struct weft_case two[] = {
            {.chan = sent < meetings ? chans[me] : NULL, .op = WEFT_SEND, .value = &value},
            {.chan = got < meetings ? chans[(me + 2) % 3] : NULL, .op = WEFT_RECV, .value = &incoming}};
        int index = weft_select(two, 2);
        CHECK_STATUS(two[index].status, WEFT_OK);
        if (index == 0) {
            sent++;
            add_relaxed(&circle_sent, 1u);
        } else {
            CHECK_EQ(incoming, got);
            got++;
            add_relaxed(&circle_received, 1u);
        }
    }
}

TASK_TEST(selects_in_a_circle)
{
    if (!serves(0)) {
        return;
    }
    size_t names[3] = {0, 1, 2};
    struct crew crew;
    meetings = rounds(MEETINGS);
    crew_init(&crew);
    for (size_t i = 0; i < 3; i++) {
        chans[i] = make_chan(sizeof(int), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        crew_go(&crew, circle, &names[i]);
    }
    crew_fini(&crew);
    CHECK_EQ(circle_sent, 3 * meetings);
    CHECK_EQ(circle_received, 3 * meetings);
    check_no_trace(3);
    for (size_t i = 0; i < 3; i++) {
        weft_chan_free(chans[i]);
    }
}

/* --- close --- */

static _Atomic(unsigned) closed_seen;

static void select_until_closed(void *arg)
{
    enum weft_op op = *(enum weft_op *)arg;
    int value = 77;
    struct weft_case two[] = {{.chan = chans[0], .op = op, .value = &value}, {.chan = chans[1], .op = WEFT_RECV}};
    CHECK_EQ(weft_select(two, 2), 0);
    CHECK_STATUS(two[0].status, WEFT_CLOSED);
    CHECK_EQ(value, op == WEFT_RECV ? 0 : 77);
    add_release(&closed_seen, 1u);
}

TASK_TEST(close_wakes_selects)
{
    for (size_t capacity = combination.caps->capacity_min; capacity < 3; capacity++) {
        for (enum weft_op op = WEFT_RECV; op <= WEFT_SEND; op++) {
            struct crew crew;
            crew_init(&crew);
            closed_seen = 0;
            chans[0] = make_chan(sizeof(int), capacity);
            chans[1] = make_chan(sizeof(int), capacity);
            for (int i = 0; op == WEFT_SEND && i < (int)capacity; i++) {
                CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
            }
            for (int i = 0; i < 5; i++) {
                crew_go(&crew, select_until_closed, &op);
            }
            settle(5);
            CHECK_EQ(closed_seen, 0);
            CHECK_STATUS(weft_close(chans[0]), WEFT_OK);
            crew_fini(&crew);
            CHECK_EQ(closed_seen, 5);
            check_no_trace(2);
            weft_chan_free(chans[0]);
            weft_chan_free(chans[1]);
        }
    }
}

/* --- several consumers, plain and selecting, several producers --- */

enum { PRODUCERS = 3, CONSUMERS = 4, EACH = 300 };
static _Atomic(unsigned) taken[PRODUCERS * EACH];
static _Atomic(unsigned) producers_left;

static void produce(void *arg)
{
    size_t me = *(size_t *)arg;
    for (size_t i = 0; i < EACH; i++) {
        int value = (int)(me * EACH + i);
        struct weft_case two[] = {{.chan = chans[0], .op = WEFT_SEND, .value = &value},
                                  {.chan = chans[1], .op = WEFT_SEND, .value = &value}};
        if (me == 0) {
            CHECK_STATUS(weft_send(chans[i % 2], &value), WEFT_OK);
        } else {
            int index = weft_select(two, 2);
            CHECK_STATUS(two[index].status, WEFT_OK);
        }
    }
    if (sub_acq_rel(&producers_left, 1u) == 1) {
        weft_close(chans[0]);
        weft_close(chans[1]);
    }
}

static void consume(void *arg)
{
    size_t me = *(size_t *)arg;
    int value;
    struct weft_case two[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &value},
                              {.chan = chans[1], .op = WEFT_RECV, .value = &value}};
    while (two[0].chan != NULL || two[1].chan != NULL) {
        size_t index = me % 2;
        if (me < 2 || two[index].chan == NULL) {
            index = (size_t)weft_select(two, 2);
        } else {
            two[index].status = weft_recv(two[index].chan, &value);
        }
        if (two[index].status == WEFT_CLOSED) {
            two[index].chan = NULL;
        } else {
            CHECK(value >= 0 && value < PRODUCERS * EACH);
            add_relaxed(&taken[value], 1u);
        }
    }
}

TASK_TEST(plain_and_selecting_consumers)
{
    for (size_t capacity = combination.caps->capacity_min; capacity < 4; capacity++) {
        size_t names[CONSUMERS] = {0, 1, 2, 3};
        struct crew crew;
        crew_init(&crew);
        producers_left = PRODUCERS;
        for (size_t i = 0; i < PRODUCERS * EACH; i++) {
            taken[i] = 0;
        }
        chans[0] = make_chan(sizeof(int), capacity);
        chans[1] = make_chan(sizeof(int), capacity);
        for (size_t i = 0; i < CONSUMERS; i++) {
            crew_go(&crew, consume, &names[i]);
            if (i < PRODUCERS) {
                crew_go(&crew, produce, &names[i]);
            }
        }
        crew_fini(&crew);
        for (size_t i = 0; i < PRODUCERS * EACH; i++) {
            CHECK_MSG(taken[i] == 1, "value %zu came %u times (capacity %zu)", i, taken[i], capacity);
        }
        check_no_trace(2);
        weft_chan_free(chans[0]);
        weft_chan_free(chans[1]);
    }
}

/* --- deadline --- */

TASK_TEST(select_deadline)
{
    for (size_t capacity = combination.caps->capacity_min; capacity < 2; capacity++) {
        for (size_t i = 0; i < 20; i++) {
            chans[i] = make_chan(sizeof(int), capacity);
            values[i] = 5;
            cases[i] = (struct weft_case){.chan = chans[i], .op = WEFT_RECV, .value = &values[i]};
        }
        for (size_t count = 1; count <= 20; count += 19) {
            for (weft_ns duration = 1; duration < 10000000; duration *= 10) {
                weft_ns deadline = weft_now() + duration;
                CHECK_EQ(weft_select_until(cases, count, deadline), -1);
                CHECK_MSG(weft_now() >= deadline, "gave up too early");
            }
            CHECK_EQ(weft_select_until(cases, count, 0), -1);
        }
        check_no_trace(20);
        for (size_t i = 0; i < 20; i++) {
            CHECK_EQ(values[i], 5);
            weft_chan_free(chans[i]);
        }
    }
}

/* --- a default races with a partner: a receive that polls must get the value in the end --- */

static void poll_for_one(void *unused)
{
    (void)unused;
    int value = -1;
    struct weft_case one[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &value}};
    while (weft_try_select(one, 1) == -1) {
        weft_yield();
    }
    CHECK_STATUS(one[0].status, WEFT_OK);
    CHECK_EQ(value, 3);
}

TASK_TEST(default_meets_a_sender)
{
    for (size_t capacity = combination.caps->capacity_min; capacity < 2; capacity++) {
        struct crew crew;
        crew_init(&crew);
        chans[0] = make_chan(sizeof(int), capacity);
        for (int i = 0; i < 100; i++) {
            int three = 3;
            crew_go(&crew, poll_for_one, NULL);
            CHECK_STATUS(weft_send(chans[0], &three), WEFT_OK);
            crew_wait(&crew);
        }
        crew_fini(&crew);
        weft_chan_free(chans[0]);
    }
}

/* --- a parked select's stack is used while it waits: the value lands where it belongs --- */

static __attribute__((noinline)) unsigned deep(unsigned depth)
{
    volatile unsigned frame[64];
    frame[depth % 64] = depth;
    return depth == 0 ? 0 : deep(depth - 1) + (frame[depth % 64] == depth);
}

static void select_onto_the_stack(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++) {
        volatile int before = 11, value = -1, after = 22;
        struct weft_case two[] = {{.chan = chans[0], .op = WEFT_RECV, .value = (void *)(uintptr_t)&value},
                                  {.chan = chans[1], .op = WEFT_RECV}};
        CHECK_EQ(weft_select(two, 2), 0);
        CHECK_EQ(value, i);
        CHECK(before == 11 && after == 22);
        CHECK_EQ(deep(100), 100);
    }
}

TASK_TEST(value_lands_on_the_parked_stack)
{
    struct crew crew;
    crew_init(&crew);
    chans[0] = make_chan(sizeof(int), combination.caps->capacity_min);
    chans[1] = make_chan(sizeof(int), combination.caps->capacity_min);
    crew_go(&crew, select_onto_the_stack, NULL);
    for (int i = 0; i < 100; i++) {
        settle(1);
        CHECK_EQ(deep(50), 50);
        CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
    }
    crew_fini(&crew);
    check_no_trace(2);
    weft_chan_free(chans[0]);
    weft_chan_free(chans[1]);
}

/* --- variants mixed in one parked select --- */

TASK_TEST(parked_on_several_variants)
{
    size_t count = 0;
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; registry_channels[i] != NULL; i++) {
        for (size_t capacity = registry_channels[i]->caps.capacity_min; capacity < 2; capacity++) {
            if (!registry_channels[i]->caps.control) {
                chans[count] = weft_chan_new_as(registry_channels[i]->name, sizeof(int), capacity);
                cases[count] = (struct weft_case){.chan = chans[count], .op = WEFT_RECV, .value = &values[count]};
                count++;
            }
        }
    }
    cases_count = count;
    for (size_t i = 0; i < 3 * count; i++) {
        one_wakes(&crew, i % count, WEFT_RECV);
    }
    crew_fini(&crew);
    for (size_t i = 0; i < count; i++) {
        weft_chan_free(chans[i]);
    }
}

/* --- a lost case --- */

static struct weft_chan *lost_chans[2];

static void select_one_buffer(void *sum)
{
    int value = 0; /* of both cases: what the losing one wrote would be seen */
    struct weft_case two[] = {{.chan = lost_chans[0], .op = WEFT_RECV, .value = &value},
                              {.chan = lost_chans[1], .op = WEFT_RECV, .value = &value}};
    int index = weft_select(two, 2);
    weft_yield();
    CHECK_EQ(value / 1000, index);
    *(_Atomic(long) *)sum += value;
}

static void send_numbered(void *arg)
{
    int value = (int)(uintptr_t)arg;
    CHECK_STATUS(weft_send(lost_chans[value / 1000], &value), WEFT_OK);
}

/* Two senders come for one select while it is about to wake up: the value of the one that lost goes to somebody else,
 * and touches nothing. */
TASK_TEST(a_lost_case_is_not_touched)
{
    for (size_t i = 0; i < rounds(500); i++) {
        _Atomic(long) sum = 0;
        struct crew crew;
        crew_init(&crew);
        lost_chans[0] = make_chan(sizeof(int), combination.caps->capacity_min);
        lost_chans[1] = make_chan(sizeof(int), combination.caps->capacity_min);
        crew_go(&crew, select_one_buffer, &sum);
        crew_go(&crew, send_numbered, (void *)1);
        crew_go(&crew, send_numbered, (void *)1002);
        crew_go(&crew, select_one_buffer, &sum);
        crew_fini(&crew);
        CHECK_EQ(sum, 1003);
        weft_chan_free(lost_chans[0]);
        weft_chan_free(lost_chans[1]);
    }
}

TCase *select_wait_tests(void)
{
    TCase *tests = tcase_create("select_wait");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, each_case_wakes_the_select);
    tcase_add_test(tests, duplicate_channels);
    tcase_add_test(tests, selects_in_opposite_order);
    tcase_add_test(tests, selects_in_a_circle);
    tcase_add_test(tests, close_wakes_selects);
    tcase_add_test(tests, plain_and_selecting_consumers);
    tcase_add_test(tests, select_deadline);
    tcase_add_test(tests, default_meets_a_sender);
    tcase_add_test(tests, value_lands_on_the_parked_stack);
    tcase_add_test(tests, parked_on_several_variants);
    tcase_add_test(tests, a_lost_case_is_not_touched);
    return tests;
}
