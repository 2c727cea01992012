/* Goal: what a variant claims in its flags is true, and what it denies is not kept from users without need.
 * Method: for each flag an experiment whose outcome is compared with the claim; where the outcome depends on timing,
 * only a claim can fail. The atomic select's are those of Go's runtime/chan_test.go (TestNonblockSelectRace and its
 * second form). progress is tested by tests/stress/stalled.c. */
#include "conformance.h"

#include <sys/wait.h>
#include <unistd.h>

#define caps (combination.caps)

/* --- capacities, sizes ------------------------------------------------------------------------------ */

TASK_TEST(capacity_min_is_the_least)
{
    for (size_t capacity = 0; capacity < 4; capacity++) {
        struct weft_chan *chan = weft_chan_new_as(combination.chan, 8, capacity);
        CHECK_EQ(chan != NULL, capacity >= caps->capacity_min);
        weft_chan_free(chan);
    }
}

static struct weft_chan *meeting;

static void meet_once(void *unused)
{
    uint64_t value = 0;
    (void)unused;
    CHECK_STATUS(weft_recv(meeting, &value), WEFT_OK);
    CHECK_EQ(value, 7);
}

/* Who claims capacity 0 serves it: it holds nothing, and a sender and a receiver meet. */
TASK_TEST(capacity_0_is_a_rendezvous)
{
    uint64_t value = 7;
    if (caps->capacity_min != 0) {
        skip("channel %s serves capacities from %zu", combination.chan, caps->capacity_min);
        return;
    }
    struct crew crew;
    crew_init(&crew);
    meeting = make_chan(sizeof value, 0);
    CHECK_STATUS(weft_try_send(meeting, &value), WEFT_AGAIN);
    crew_go(&crew, meet_once, NULL);
    CHECK_STATUS(weft_send_until(meeting, &value, weft_now() + 10000000000), WEFT_OK);
    crew_fini(&crew);
    weft_chan_free(meeting);
}

TASK_TEST(elem_size_max_is_the_most)
{
    static const size_t sizes[] = {0, 1, 8, 9, 100, 65536, 100000};
    for (int i = 0; i < 7; i++) {
        struct weft_chan *chan = weft_chan_new_as(combination.chan, sizes[i], 2);
        CHECK_EQ(chan != NULL, caps->elem_size_max == 0 || sizes[i] <= caps->elem_size_max);
        weft_chan_free(chan);
    }
}

/* Of one task, so nothing is in flight: also what may overshoot under a crowd is exact here. */
TASK_TEST(a_lone_task_sees_the_exact_capacity)
{
    for (size_t capacity = 1; capacity < 70; capacity = capacity * 2 + 1) {
        struct weft_chan *chan = make_chan(8, capacity);
        uint64_t value = 1;
        size_t held = 0;
        while (weft_try_send(chan, &value) == WEFT_OK) {
            held++;
        }
        CHECK_EQ(held, capacity);
        weft_chan_free(chan);
    }
}

/* --- order among waiters ---------------------------------------------------------------------------- */

static struct weft_chan *chan;
static _Atomic(unsigned) served;
static unsigned served_as[40];

static void take_turn(void *arg)
{
    uint64_t value;
    CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
    served_as[value] = (unsigned)(uintptr_t)arg;
    add_release(&served, 1u);
}

/* Receivers that came one after the other get the values in that order, and nobody who comes later gets one before
 * them. */
TASK_TEST(fifo_waiters_are_served_in_turn)
{
    if (!caps->fifo_waiters) {
        skip("channel %s does not promise order among waiters", combination.chan);
        return;
    }
    for (size_t capacity = caps->capacity_min; capacity < 3; capacity++) {
        chan = make_chan(sizeof(uint64_t), capacity);
        store_release(&served, 0u);
        for (uintptr_t i = 0; i < 40; i++) {
            CHECK_STATUS(weft_go(take_turn, (void *)i), WEFT_OK);
            settle(i + 1);
        }
        for (uint64_t i = 0; i < 40; i++) {
            uint64_t other;
            CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
            CHECK_STATUS(weft_try_recv(chan, &other), WEFT_AGAIN);
        }
        await_at_least(&served, 40);
        for (unsigned i = 0; i < 40; i++) {
            CHECK_EQ(served_as[i], i);
        }
        weft_chan_free(chan);
    }
}

static void wait_for_value(void *unused)
{
    uint64_t value = 0;
    (void)unused;
    CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
    CHECK_EQ(value, 7);
    add_release(&served, 1u);
}

/* One message for many waiters: all wake up, or one does, as parks are counted. */
static void wait_for_one(void *unused)
{
    uint64_t value;
    (void)unused;
    enum weft_status status = weft_recv(chan, &value);
    CHECK(status == WEFT_OK || status == WEFT_CLOSED);
    add_release(&served, 1u);
}

TASK_TEST(a_message_wakes_one_unless_it_says_so)
{
    enum { WAITERS = 20 };
    struct sched_counters before, after;
    uint64_t value = 1;
    chan = make_chan(sizeof value, 1);
    for (unsigned i = 0; i < WAITERS; i++) {
        CHECK_STATUS(weft_go(wait_for_one, NULL), WEFT_OK);
    }
    settle(WAITERS);
    runtime.sched->counters(&before);
    CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
    await_at_least(&served, 1);
    uint64_t parks; /* of those that woke for nothing */
    do {
        weft_yield();
        runtime.sched->counters(&after);
        parks = after.parks - before.parks;
    } while (caps->wakes_all && parks < WAITERS / 2); /* the watchdog limits it */
    CHECK_MSG(caps->wakes_all || parks < WAITERS / 2, "%llu parks", (unsigned long long)parks);
    CHECK_STATUS(weft_close(chan), WEFT_OK);
    await_at_least(&served, WAITERS);
    weft_chan_free(chan);
}

/* A value that is sent while a receiver waits is that receiver's: nobody who comes later can take it. */
TASK_TEST(hand_off_can_not_be_overtaken)
{
    if (!caps->hand_off) {
        skip("channel %s does not hand values over", combination.chan);
        return;
    }
    for (size_t round = 0; round < rounds(300); round++) {
        uint64_t value = 7, other;
        chan = make_chan(sizeof(uint64_t), caps->capacity_min + round % 2);
        CHECK_STATUS(weft_go(wait_for_value, NULL), WEFT_OK);
        settle(1);
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        CHECK_STATUS(weft_try_recv(chan, &other), WEFT_AGAIN);
        await_at_least(&served, (unsigned)round + 1);
        weft_chan_free(chan);
    }
}

/* Neither is denied without need: where no order is promised, a value that was sent while a receiver waited can be
 * taken by one who came later. */
TASK_TEST(who_denies_order_can_be_overtaken)
{
    enum { ATTEMPTS = 2000 };
    if (caps->fifo_waiters || caps->hand_off) {
        skip("channel %s promises order", combination.chan);
        return;
    }
    bool overtaken = false;
    struct crew crew;
    crew_init(&crew);
    chan = make_chan(sizeof(uint64_t), 1);
    for (int attempt = 0; attempt < ATTEMPTS && !overtaken; attempt++) {
        uint64_t value = 7, other;
        crew_go(&crew, wait_for_value, NULL);
        settle(1);
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        overtaken = weft_try_recv(chan, &other) == WEFT_OK;
        if (overtaken) {
            CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        }
        crew_wait(&crew);
    }
    CHECK(overtaken);
    crew_fini(&crew);
    weft_chan_free(chan);
}

/* --- producers and consumers ------------------------------------------------------------------------ */

static _Atomic(uint64_t) sum;
static size_t each;

static void produce(void *unused)
{
    (void)unused;
    for (uint64_t i = 1; i <= each; i++) {
        CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
    }
}

static void consume(void *unused)
{
    uint64_t value;
    (void)unused;
    while (weft_recv(chan, &value) == WEFT_OK) {
        add_relaxed(&sum, value);
    }
}

/* As many at each end as the flags allow. */
TASK_TEST(producers_and_consumers)
{
    int producers = caps->multi_producer ? 4 : 1, consumers = caps->multi_consumer ? 4 : 1;
    struct crew sending, receiving;
    each = rounds(3000);
    chan = make_chan(sizeof(uint64_t), 3);
    crew_init(&sending);
    crew_init(&receiving);
    for (int i = 0; i < producers; i++) {
        crew_go(&sending, produce, NULL);
    }
    for (int i = 0; i < consumers; i++) {
        crew_go(&receiving, consume, NULL);
    }
    crew_fini(&sending);
    CHECK_STATUS(weft_close(chan), WEFT_OK);
    crew_fini(&receiving);
    CHECK_EQ(sum, (uint64_t)producers * each * (each + 1) / 2);
    weft_chan_free(chan);
}

/* --- tries ------------------------------------------------------------------------------------------ */

static struct weft_chan *signal_chan;

static void send_then_signal(void *unused)
{
    uint64_t value = 7;
    (void)unused;
    for (size_t i = 0; i < each; i++) {
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        CHECK_STATUS(weft_send(signal_chan, NULL), WEFT_OK);
    }
}

/* For each signal a value is in the channel, and one task takes them: a try must not fail, whoever else is in the
 * middle of a send. */
TASK_TEST(an_exact_try_does_not_fail_for_nothing)
{
    if (!caps->try_exact) {
        skip("channel %s may fail a try for no reason", combination.chan);
        return;
    }
    struct crew crew;
    uint64_t value;
    each = rounds(3000);
    chan = make_chan(sizeof(uint64_t), 64);
    signal_chan = weft_chan_new_as("mutex", 0, 1);
    crew_init(&crew);
    for (int i = 0; i < 3; i++) {
        crew_go(&crew, send_then_signal, NULL);
    }
    for (size_t i = 0; i < 3 * each; i++) {
        CHECK_STATUS(weft_recv(signal_chan, NULL), WEFT_OK);
        CHECK_STATUS(weft_try_recv(chan, &value), WEFT_OK);
    }
    crew_fini(&crew);
    weft_chan_free(chan);
    weft_chan_free(signal_chan);
}

static _Atomic(bool) moving_ends;

static void take_and_put_back(void *unused)
{
    uint64_t value;
    (void)unused;
    while (!load_acquire(&moving_ends)) {
        CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
        if (combination.workers == 1) {
            weft_yield();
        }
    }
}

/* One value is taken out and put back for ever, so one of two places is free at every instant: a try to send must not
 * fail. */
TASK_TEST(an_exact_try_finds_the_free_place)
{
    if (!caps->try_exact) {
        skip("channel %s may fail a try for no reason", combination.chan);
        return;
    }
    uint64_t value = 7;
    struct crew crew;
    crew_init(&crew);
    chan = make_chan(sizeof(uint64_t), 2);
    CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
    crew_go(&crew, take_and_put_back, NULL);
    for (size_t i = 0; i < rounds(200000); i++) {
        CHECK_STATUS(weft_try_send(chan, &value), WEFT_OK);
        CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
        if (combination.workers == 1 && i % 64 == 0) {
            weft_yield();
        }
    }
    store_release(&moving_ends, true);
    crew_fini(&crew);
    weft_chan_free(chan);
}

/* --- select ----------------------------------------------------------------------------------------- */

TASK_TEST(select_serves_it)
{
    struct weft_chan *one = make_chan(8, 1);
    uint64_t value = 1;
    struct weft_case cases[] = {{.chan = one, .op = WEFT_SEND, .value = &value}, {.chan = NULL}};
    CHECK(caps->select);
    CHECK_EQ(weft_select(cases, 2), 0);
    weft_chan_free(one);
}

static struct weft_chan *movers[2];
static _Atomic(uint32_t) defaults;
static _Atomic(bool) selector_runs, selector_stops;

static void select_with_default(void *unused)
{
    uint64_t value;
    (void)unused;
    struct weft_case cases[] = {{.chan = movers[0], .op = WEFT_RECV, .value = &value},
                                {.chan = movers[1], .op = WEFT_RECV, .value = &value}};
    store_release(&selector_runs, true);
    if (weft_try_select(cases, 2) < 0) {
        add_relaxed(&defaults, 1u);
    }
}

/* At every instant one of two channels is ready: one has a value until the other has one, or is closed. */
static void race_select(bool by_close)
{
    uint64_t value = 1;
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < rounds(3000); i++) {
        movers[0] = make_chan(8, 1);
        movers[1] = make_chan(8, 1);
        store_release(&selector_runs, false);
        CHECK_STATUS(weft_send(movers[0], &value), WEFT_OK);
        crew_go(&crew, select_with_default, NULL);
        for (int spin = 0; combination.workers > 1 && spin < 1000 && !load_acquire(&selector_runs); spin++) {
            cpu_relax(); /* to meet it in the middle */
        }
        CHECK_STATUS(by_close ? weft_close(movers[1]) : weft_send(movers[1], &value), WEFT_OK);
        weft_try_recv(movers[0], NULL);
        crew_wait(&crew);
        weft_chan_free(movers[0]);
        weft_chan_free(movers[1]);
    }
    crew_fini(&crew);
    CHECK_EQ(defaults, 0);
}

TASK_TEST(an_atomic_select_takes_no_false_default)
{
    if (!caps->select_atomic) {
        skip("channel %s does not promise an atomic select", combination.chan);
        return;
    }
    race_select(false);
    race_select(true);
}

static void move_to_and_fro(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    for (int to = 1; !load_acquire(&selector_stops); to = 1 - to) {
        CHECK_STATUS(weft_send(movers[to], &value), WEFT_OK);
        CHECK_STATUS(weft_recv(movers[1 - to], &value), WEFT_OK);
        if (combination.workers == 1) {
            weft_yield(); /* the monitor would take its time */
        } else {
            weft_poll();
        }
    }
}

/* A mover puts a value into one channel before it takes one from the other, for ever: at every instant one of them has
 * a value. The selector takes one, and gives it back before it looks again. */
TASK_TEST(an_atomic_select_follows_a_mover)
{
    uint64_t value = 1;
    if (!caps->select_atomic) {
        skip("channel %s does not promise an atomic select", combination.chan);
        return;
    }
    struct crew crew;
    crew_init(&crew);
    movers[0] = make_chan(8, 2);
    movers[1] = make_chan(8, 2);
    CHECK_STATUS(weft_send(movers[0], &value), WEFT_OK);
    crew_go(&crew, move_to_and_fro, NULL);
    for (size_t i = 0; i < rounds(3000); i++) {
        struct weft_case cases[] = {{.chan = movers[0], .op = WEFT_RECV, .value = &value},
                                    {.chan = movers[1], .op = WEFT_RECV, .value = &value}};
        int chosen = weft_try_select(cases, 2);
        CHECK_MSG(chosen >= 0, "default, after %zu rounds", i);
        CHECK_STATUS(weft_send(movers[chosen], &value), WEFT_OK);
        if (i % 64 == 0) {
            weft_yield();
        }
    }
    store_release(&selector_stops, true);
    crew_fini(&crew);
    weft_chan_free(movers[0]);
    weft_chan_free(movers[1]);
}

/* --- memory ----------------------------------------------------------------------------------------- */

TASK_TEST(messages_allocate_above_their_bound)
{
    static const size_t sizes[] = {0, 1, 8, 9, 64, 4096};
    static unsigned char value[4096];
    if (combination.workers > 1 || combination.sched_caps->os_threads) {
        skip("allocations are counted with one worker");
        return;
    }
    for (int i = 0; i < 6; i++) {
        struct weft_chan *one = make_chan(sizes[i], 1);
        size_t before = allocations();
        for (int n = 0; n < 100; n++) {
            CHECK_STATUS(weft_send(one, value), WEFT_OK);
            CHECK_STATUS(weft_recv(one, value), WEFT_OK);
        }
        CHECK_EQ(allocations() - before, sizes[i] > caps->allocates_per_message_above ? 100 : 0);
        weft_chan_free(one);
    }
}

/* --- the scheduler's -------------------------------------------------------------------------------- */

static _Thread_local int thread_mark;
static _Atomic(unsigned) marked, others;

/* The sanitizer takes the start of a thread for a write of all its locals, which no task is ordered behind: a worker
 * that starts late, and finds the task without having met the others, would be reported. */
no_race_check static void mark_thread(void *unused)
{
    (void)unused;
    if (thread_mark != 0) {
        add_relaxed(&others, 1u); /* another task has run on this thread */
    }
    thread_mark = 1;
    add_release(&marked, 1u);
}

/* A task is a thread of its own, or shares one with others. */
TASK_TEST(tasks_are_threads_if_it_says_so)
{
    for (unsigned i = 0; i < 100; i++) {
        CHECK_STATUS(weft_go(mark_thread, NULL), WEFT_OK);
        await_at_least(&marked, i + 1);
    }
    CHECK_EQ(others == 0, combination.sched_caps->os_threads);
}

static _Atomic(bool) fair_stops;

static void yield_for_ever(void *unused)
{
    (void)unused;
    while (!load_acquire(&fair_stops)) {
        weft_yield();
    }
}

/* Tasks that yield without end, and one that is to be run all the same, each time after a bounded number of others. */
TASK_TEST(a_fair_scheduler_starves_nobody)
{
    struct crew crew;
    if (!combination.sched_caps->fair) {
        skip("scheduler %s is not fair", combination.sched);
        return;
    }
    crew_init(&crew);
    for (int i = 0; i < 8; i++) {
        crew_go(&crew, yield_for_ever, NULL);
    }
    for (unsigned i = 0; i < rounds(500); i++) {
        CHECK_STATUS(weft_go(mark_thread, NULL), WEFT_OK);
        await_at_least(&marked, i + 1);
    }
    store_release(&fair_stops, true);
    crew_fini(&crew);
}

/* Far more than a fair scheduler lets a pair have in a row; where it has several workers, the kernel may stop the one
 * of the third task meanwhile. */
enum { MOST_TALKS = 100000, FIRST_TALKS = 10 };
static struct weft_chan *there, *back;
static _Atomic(unsigned) turns;
static _Atomic(bool) bystander_ran;

static void ask_on(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    while (!load_relaxed(&bystander_ran) && (combination.workers > 1 || load_relaxed(&turns) < MOST_TALKS)) {
        CHECK_STATUS(weft_send(there, &value), WEFT_OK);
        CHECK_STATUS(weft_recv(back, &value), WEFT_OK);
        add_relaxed(&turns, 1u);
    }
    weft_close(there);
}

static void answer_on(void *unused)
{
    uint64_t value;
    (void)unused;
    while (weft_recv(there, &value) == WEFT_OK) {
        CHECK_STATUS(weft_send(back, &value), WEFT_OK);
    }
}

static void stand_by(void *unused)
{
    (void)unused;
    while (load_relaxed(&turns) < FIRST_TALKS) {
        weft_yield();
    }
    store_relaxed(&bystander_ran, true);
}

/* Two that talk are each other's next to run. One that yields beside them is run before they have talked for long. */
TASK_TEST(a_pair_that_talks_starves_nobody)
{
    struct crew crew;
    if (!combination.sched_caps->fair || combination.sched_caps->os_threads) {
        skip("scheduler %s is not fair, or the kernel's", combination.sched);
        return;
    }
    there = make_chan(sizeof(uint64_t), caps->capacity_min);
    back = make_chan(sizeof(uint64_t), caps->capacity_min);
    crew_init(&crew);
    crew_go(&crew, answer_on, NULL);
    crew_go(&crew, ask_on, NULL);
    crew_go(&crew, stand_by, NULL);
    crew_fini(&crew);
    CHECK(bystander_ran && (combination.workers > 1 || turns < MOST_TALKS));
    weft_chan_free(there);
    weft_chan_free(back);
}

static void count_marked(void *unused)
{
    (void)unused;
    add_release(&marked, 1u);
}

/* Tasks that a busy worker has made are run by the other ones, and by theft exactly if the scheduler steals. */
TASK_TEST(workers_steal_if_it_says_so)
{
    enum { TASKS = 64 };
    if (combination.workers == 1) {
        skip("there is nobody to steal from");
        return;
    }
    for (int i = 0; i < TASKS; i++) {
        CHECK_STATUS(weft_go(count_marked, NULL), WEFT_OK);
    }
    for (unsigned round = 0; load_acquire(&marked) < TASKS; round++) {
        backoff(round); /* gives the processor away, not the worker */
    }
    struct sched_counters counters;
    runtime.sched->counters(&counters);
    CHECK_EQ(counters.steals_won > 0, combination.sched_caps->stealing);
}

/* sleep(1 h) is over at once exactly if time is virtual. */
TASK_TEST(virtual_time_jumps)
{
    weft_ns real = clock_now(), own = weft_now();
    if (combination.sched_caps->virtual_time) {
        weft_sleep(3600 * (weft_ns)1000000000);
        CHECK(weft_now() - own >= 3600 * (weft_ns)1000000000);
        CHECK(clock_now() - real < 600 * (weft_ns)1000000000);
    } else {
        CHECK(own >= real && weft_now() <= clock_now());
    }
}

TCase *flags_tests(void)
{
    TCase *cases = tcase_create("flags");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, capacity_min_is_the_least);
    tcase_add_test(cases, capacity_0_is_a_rendezvous);
    tcase_add_test(cases, elem_size_max_is_the_most);
    tcase_add_test(cases, a_lone_task_sees_the_exact_capacity);
    tcase_add_test(cases, fifo_waiters_are_served_in_turn);
    tcase_add_test(cases, a_message_wakes_one_unless_it_says_so);
    tcase_add_test(cases, hand_off_can_not_be_overtaken);
    tcase_add_test(cases, who_denies_order_can_be_overtaken);
    tcase_add_test(cases, producers_and_consumers);
    tcase_add_test(cases, an_exact_try_does_not_fail_for_nothing);
    tcase_add_test(cases, an_exact_try_finds_the_free_place);
    tcase_add_test(cases, select_serves_it);
    tcase_add_test(cases, an_atomic_select_takes_no_false_default);
    tcase_add_test(cases, an_atomic_select_follows_a_mover);
    tcase_add_test(cases, messages_allocate_above_their_bound);
    tcase_add_test(cases, tasks_are_threads_if_it_says_so);
    tcase_add_test(cases, a_fair_scheduler_starves_nobody);
    tcase_add_test(cases, a_pair_that_talks_starves_nobody);
    tcase_add_test(cases, workers_steal_if_it_says_so);
    tcase_add_test(cases, virtual_time_jumps);
    return cases;
}
