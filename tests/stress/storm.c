/* Goal: the same under crowds: selects that overlap in every order, deadlines that expire while they are being served,
 * very many tasks, runs that end in the middle of it all.
 * Method: what was sent must be what was received plus what is left in the buffers; the watchdog finds hangs. */
#include "stress.h"

enum { CHANS = 4, STORMERS = 8 };
static struct weft_chan *chans[CHANS];
static size_t operations;
static weft_ns patience_max;
static _Atomic(uint64_t) sent_sum, received_sum;
static _Atomic(unsigned) sent_count, received_count, expired_count;

/* Each operation is a select over two to four channels in random order, each case a send or a receive. */
static void storm_task(void *arg)
{
    struct dice dice = dice_new(*(uint32_t *)arg);
    for (size_t i = 0; i < operations; i++) {
        struct weft_case cases[CHANS];
        uint64_t values[CHANS];
        size_t count = 2 + dice_below(&dice, CHANS - 1);
        for (size_t c = 0; c < count; c++) {
            values[c] = dice_below(&dice, 1000000);
            cases[c] = (struct weft_case){.chan = chans[dice_below(&dice, CHANS)],
                                          .op = dice_below(&dice, 2) == 0 ? WEFT_RECV : WEFT_SEND,
                                          .value = &values[c]};
        }
        int chosen = weft_select_until(cases, count, weft_now() + dice_below(&dice, (uint32_t)patience_max));
        if (chosen < 0) {
            add_relaxed(&expired_count, 1u);
            continue;
        }
        CHECK_STATUS(cases[chosen].status, WEFT_OK);
        if (cases[chosen].op == WEFT_SEND) {
            add_relaxed(&sent_sum, values[chosen]);
            add_relaxed(&sent_count, 1u);
        } else {
            add_relaxed(&received_sum, values[chosen]);
            add_relaxed(&received_count, 1u);
        }
    }
}

static void storm(size_t capacity, size_t count, weft_ns patience)
{
    uint32_t names[STORMERS];
    struct crew crew;
    crew_init(&crew);
    operations = count;
    patience_max = patience;
    sent_sum = received_sum = 0;
    sent_count = received_count = 0;
    for (size_t c = 0; c < CHANS; c++) {
        chans[c] = make_chan(sizeof(uint64_t), capacity);
    }
    for (uint32_t i = 0; i < STORMERS; i++) {
        names[i] = i;
        crew_go(&crew, storm_task, &names[i]);
    }
    crew_fini(&crew);
    for (size_t c = 0; c < CHANS; c++) {
        uint64_t value;
        while (weft_try_recv(chans[c], &value) == WEFT_OK) {
            received_sum += value;
            received_count++;
        }
        CHECK_EQ(chans[c]->recvq.count, 0);
        CHECK_EQ(chans[c]->sendq.count, 0);
        weft_chan_free(chans[c]);
    }
    CHECK_EQ(sent_count, received_count);
    CHECK_EQ(sent_sum, received_sum);
}

TASK_TEST(select_storm)
{
    for (size_t c = 0; c < 3; c++) {
        if (!not_served(capacities[c])) {
            storm(capacities[c], rounds(4000), 1000000);
        }
    }
}

TASK_TEST(deadline_storm)
{
    for (size_t c = 0; c < 3; c++) {
        if (!not_served(capacities[c])) {
            storm(capacities[c], rounds(4000), 3000);
        }
    }
}

/* --- many tasks --- */

static _Atomic(unsigned) ran;

static void grow_tree(void *arg)
{
    uintptr_t depth = (uintptr_t)arg;
    if (depth > 0) {
        CHECK_STATUS(weft_go(grow_tree, (void *)(depth - 1)), WEFT_OK);
        CHECK_STATUS(weft_go(grow_tree, (void *)(depth - 1)), WEFT_OK);
    }
    if (depth % 3 == 1) { /* a quarter of all: these are many stacks at once */
        weft_yield();
    }
    add_release(&ran, 1u);
}

static size_t crowd(size_t many)
{
    size_t most = combination.sched_caps->os_threads ? 200 : SLOWNESS > 10 ? 1000 : many / SLOWNESS;
    return many < most ? many : most;
}

TASK_TEST(spawn_storm)
{
    size_t tasks = crowd(100000);
    for (size_t i = 0; i < tasks; i++) { /* none of them can start before main parks, with one worker */
        CHECK_STATUS(weft_go(grow_tree, NULL), WEFT_OK);
    }
    await_at_least(&ran, (unsigned)tasks);
    ran = 0;
    uintptr_t depth = 0;
    while ((size_t)2 << depth <= tasks) {
        depth++;
    }
    CHECK_STATUS(weft_go(grow_tree, (void *)depth), WEFT_OK);
    await_at_least(&ran, (2u << depth) - 1);
    while (weft_task_count() > 1) {
        weft_yield();
    }
}

static struct weft_chan *gate;

static void wait_at_gate(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_recv(gate, NULL), WEFT_CLOSED);
}

static void select_at_gate(void *unused)
{
    (void)unused;
    struct weft_case two[] = {{.chan = gate, .op = WEFT_RECV}, {.chan = chans[0], .op = WEFT_RECV}};
    CHECK_EQ(weft_select(two, 2), 0);
    CHECK_STATUS(two[0].status, WEFT_CLOSED);
}

TASK_TEST(close_frees_a_crowd)
{
    size_t tasks = crowd(20000);
    struct crew crew;
    crew_init(&crew);
    for (size_t capacity = combination.caps->capacity_min; capacity < 2; capacity++) {
        gate = make_chan(8, capacity);
        chans[0] = make_chan(8, capacity);
        for (size_t i = 0; i < tasks; i++) {
            crew_go(&crew, i % 2 == 0 ? wait_at_gate : select_at_gate, NULL);
        }
        settle(tasks);
        CHECK_STATUS(weft_close(gate), WEFT_OK);
        crew_wait(&crew);
        CHECK_EQ(gate->recvq.count, 0);
        CHECK_EQ(chans[0]->recvq.count, 0);
        weft_chan_free(gate);
        weft_chan_free(chans[0]);
    }
    crew_fini(&crew);
}

/* --- a hundred thousand on one channel; a million selects --- */

static void wait_for_number(void *unused)
{
    uint64_t value = 0;
    (void)unused;
    CHECK_STATUS(weft_recv(gate, &value), WEFT_OK);
    add_relaxed(&received_sum, value);
    add_release(&ran, 1u);
}

TASK_TEST(a_crowd_on_one_channel)
{
    size_t tasks = crowd(combination.caps->wakes_all ? 2000 : 100000);
    uint64_t sum = 0;
    gate = make_chan(sizeof(uint64_t), combination.caps->capacity_min);
    for (size_t i = 0; i < tasks; i++) {
        CHECK_STATUS(weft_go(wait_for_number, NULL), WEFT_OK);
    }
    settle(tasks);
    for (uint64_t i = 1; i <= tasks; i++) {
        CHECK_STATUS(weft_send(gate, &i), WEFT_OK);
        sum += i;
    }
    await_at_least(&ran, (unsigned)tasks);
    CHECK_EQ(received_sum, sum);
    CHECK_EQ(gate->recvq.count, 0);
    weft_chan_free(gate);
}

static void feed(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    while (weft_send(chans[0], &value) == WEFT_OK) {
    }
}

/* Of any size, chosen and lost, parked and not: they allocate what they free, and leave nothing in any queue. */
TASK_TEST(selects_use_constant_memory)
{
    size_t count = rounds(1000000);
    uint64_t value;
    for (size_t c = 0; c < CHANS; c++) {
        chans[c] = make_chan(sizeof value, combination.caps->capacity_min);
    }
    struct crew crew;
    crew_init(&crew);
    crew_go(&crew, feed, NULL);
    struct weft_case cases[20];
    size_t before = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = i % 100 == 0 ? 20 : 4;
        for (size_t c = 0; c < size; c++) {
            cases[c] = (struct weft_case){.chan = chans[c % CHANS], .op = WEFT_RECV, .value = &value};
        }
        int chosen = i % 3 == 0 ? weft_try_select(cases, size) : weft_select(cases, size);
        CHECK(chosen < 0 || chosen % CHANS == 0);
        if (i == count / 2) {
            before = allocations();
        }
    }
    size_t large = (count - count / 2) / 100 + 2; /* one of malloc for each large select, freed again */
    CHECK_MSG(allocations() - before <= large, "%zu allocations by %zu large selects", allocations() - before, large);
    for (size_t c = 1; c < CHANS; c++) {
        CHECK_EQ(chans[c]->recvq.count, 0);
    }
    CHECK_STATUS(weft_close(chans[0]), WEFT_OK);
    crew_fini(&crew);
    for (size_t c = 0; c < CHANS; c++) {
        weft_chan_free(chans[c]);
    }
}

/* --- sleepers --- */

static void sleep_some(void *arg)
{
    struct dice dice = dice_new(*(uint32_t *)arg);
    for (int i = 0; i < 5; i++) {
        weft_ns duration = dice_below(&dice, 3000000);
        weft_ns before = weft_now();
        weft_sleep(duration);
        CHECK_MSG(weft_now() - before >= duration, "woke up too early");
    }
}

TASK_TEST(sleep_storm)
{
    enum { MOST = 2000 };
    static uint32_t names[MOST];
    size_t tasks = crowd(MOST) / 2;
    struct crew crew;
    crew_init(&crew);
    for (uint32_t i = 0; i < tasks; i++) {
        names[i] = i;
        crew_go(&crew, sleep_some, &names[i]);
    }
    crew_fini(&crew);
}

/* --- a run that ends in the middle of traffic --- */

static void talk_for_ever(void *arg)
{
    struct dice dice = dice_new(*(uint32_t *)arg);
    for (;;) {
        uint64_t value = 1;
        struct weft_chan *chan = chans[dice_below(&dice, 2)];
        if (dice_below(&dice, 2) == 0) {
            send_somehow(&dice, chan, &value);
        } else {
            recv_somehow(&dice, chan, &value);
        }
    }
}

static void leave_in_mid_traffic(void *arg)
{
    static uint32_t names[STORMERS];
    uint32_t round = *(uint32_t *)arg;
    for (uint32_t i = 0; i < STORMERS; i++) {
        names[i] = round * STORMERS + i;
        CHECK_STATUS(weft_go(talk_for_ever, &names[i]), WEFT_OK);
    }
    struct dice dice = dice_new(1000 + round);
    weft_sleep(dice_below(&dice, 500000));
}

START_TEST(run_ends_in_mid_traffic)
    {
        for (uint32_t round = 0; round < (SLOWNESS > 1 ? 20 : 100); round++) {
            size_t capacity = combination.caps->capacity_min + round % 2;
            chans[0] = make_chan(sizeof(uint64_t), capacity);
            chans[1] = make_chan(sizeof(uint64_t), 2);
            run_body(leave_in_mid_traffic, &round);
            weft_chan_free(chans[0]);
            weft_chan_free(chans[1]);
        }
    }
END_TEST

TCase *storm_tests(void)
{
    TCase *tests = tcase_create("storm");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, select_storm);
    tcase_add_test(tests, deadline_storm);
    tcase_add_test(tests, spawn_storm);
    tcase_add_test(tests, close_frees_a_crowd);
    tcase_add_test(tests, a_crowd_on_one_channel);
    tcase_add_test(tests, selects_use_constant_memory);
    tcase_add_test(tests, sleep_storm);
    tcase_add_test(tests, run_ends_in_mid_traffic);
    return tests;
}
