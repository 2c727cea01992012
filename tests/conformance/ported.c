/* Goal: what the suites of other channels look for, and no other theme here does.
 * Method: our own programs after their ideas, each named at its test: Go's runtime/chan_test.go and test/chan/,
 * crossbeam-channel's tests/{golang,zero,select}.rs, the select tests of Kotlin's coroutines. What those have and is
 * not here: the sieve, parked order, streams (blocking.c), uniform choice among ready cases (select.c), false defaults
 * (flags.c), default against a sender (select_wait.c), clean-up after tries and null channels (waiters.c); permissions
 * and evaluation order are the compiler's in Go. */
#include "conformance.h"

static struct weft_chan *chans[4];

static void make_chans(size_t count, size_t capacity)
{
    for (size_t i = 0; i < count; i++) {
        chans[i] = make_chan(sizeof(int), capacity);
    }
}

static void free_chans(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(chans[i]->recvq.count, 0);
        CHECK_EQ(chans[i]->sendq.count, 0);
        weft_chan_free(chans[i]);
    }
}

/* Chi-square with n - 1 degrees of freedom; the bound is beyond the 1 - 10^-9 quantile for n = 2 ... 17. */
static void check_uniform(const unsigned *hits, size_t n, const char *what)
{
    double draws = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        draws += (double)hits[i];
    }
    double each = draws / (double)n;
    for (size_t i = 0; i < n; i++) {
        sum += ((double)hits[i] - each) * ((double)hits[i] - each) / each;
    }
    CHECK_MSG(sum < 40 + 4 * (double)n, "%s: choice among %zu is not uniform: chi-square %.1f", what, n, sum);
}

/* --- runtime/chan_test.go --------------------------------------------------------------------------- */

static void try_a_ready_receive(void *unused)
{
    (void)unused;
    enum weft_status status = weft_try_recv(chans[0], NULL);
    CHECK_MSG(status != WEFT_AGAIN || !combination.caps->try_exact,
              "a channel with a value in it, or closed, was not ready");
}

/* TestNonblockRecvRace: a channel that holds a value until it is closed is ready all the time. */
TASK_TEST(try_against_close)
{
    struct crew crew;
    crew_init(&crew);
    for (size_t round = 0; round < rounds(3000); round++) {
        int value = 1;
        make_chans(1, 1);
        CHECK_STATUS(weft_send(chans[0], &value), WEFT_OK);
        crew_go(&crew, try_a_ready_receive, NULL);
        CHECK_STATUS(weft_close(chans[0]), WEFT_OK);
        weft_recv(chans[0], &value);
        crew_wait(&crew);
        free_chans(1);
    }
    crew_fini(&crew);
}

static size_t turns;

static void select_both_ways(void *arg)
{
    int me = (int)(uintptr_t)arg;
    for (size_t i = 0; i < turns; i++) {
        int got = -1;
        struct weft_case send = {.chan = chans[0], .op = WEFT_SEND, .value = &me};
        struct weft_case recv = {.chan = chans[0], .op = WEFT_RECV, .value = &got};
        bool swap = me == 1 && i % 2 != 0;
        struct weft_case both[] = {swap ? recv : send, swap ? send : recv};
        int chosen = weft_select(both, 2);
        CHECK(both[chosen].op == WEFT_SEND || (got != -1 && (weft_chan_cap(chans[0]) != 0 || got != me)));
    }
}

/* TestSelfSelect: two tasks that each offer to send to and to receive from one channel meet, and never themselves. */
TASK_TEST(self_select)
{
    turns = rounds(4000);
    for (size_t c = 0; c < 2; c++) {
        if (not_served(10 * c)) {
            continue;
        }
        struct crew crew;
        crew_init(&crew);
        make_chans(1, 10 * c);
        crew_go(&crew, select_both_ways, (void *)0);
        crew_go(&crew, select_both_ways, (void *)1);
        crew_fini(&crew);
        free_chans(1);
    }
}

static void plain_sends(void *arg)
{
    for (int i = 0; i < (int)turns; i++) {
        CHECK_STATUS(weft_send(arg, &i), WEFT_OK);
    }
}

static void plain_receives(void *arg)
{
    for (size_t i = 0; i < turns; i++) {
        CHECK_STATUS(weft_recv(arg, NULL), WEFT_OK);
    }
}

/* `turns` operations on each of the four channels, whichever can be done. */
static void select_each(void *arg)
{
    enum weft_op op = arg == NULL ? WEFT_RECV : WEFT_SEND;
    size_t left[4] = {turns, turns, turns, turns};
    int value = 0;
    for (size_t i = 0; i < 4 * turns; i++) {
        struct weft_case cases[4];
        for (size_t c = 0; c < 4; c++) {
            cases[c] = (struct weft_case){.chan = left[c] == 0 ? NULL : chans[c], .op = op, .value = &value};
        }
        left[weft_select(cases, 4)]--;
    }
}

/* TestSelectStress: four channels, each with a plain sender and receiver, and one select over all of them on either
 * side. */
TASK_TEST(selects_among_plain_operations)
{
    struct crew crew;
    size_t least = combination.caps->capacity_min;
    const size_t sizes[4] = {least, least, 2, 3};
    turns = rounds(10000);
    crew_init(&crew);
    for (size_t i = 0; i < 4; i++) {
        chans[i] = make_chan(sizeof(int), sizes[i]);
        crew_go(&crew, plain_sends, chans[i]);
        crew_go(&crew, plain_receives, chans[i]);
    }
    crew_go(&crew, select_each, NULL);
    crew_go(&crew, select_each, chans);
    crew_fini(&crew);
    for (size_t i = 0; i < 4; i++) {
        CHECK_EQ(weft_chan_len(chans[i]), 0);
    }
    free_chans(4);
}

enum { WORKERS = 23 };

static void forward(void *arg)
{
    int value, odd = (int)(uintptr_t)arg;
    while (weft_recv(chans[0], &value) == WEFT_OK) {
        if (value % 7 == odd % 7) { /* disturbs the order */
            weft_yield();
        }
        CHECK_STATUS(weft_send(chans[1], &value), WEFT_OK);
    }
}

static void feed_and_close(void *unused)
{
    struct crew workers;
    (void)unused;
    crew_init(&workers);
    for (uintptr_t i = 0; i < WORKERS; i++) {
        crew_go(&workers, forward, (void *)i);
    }
    for (int i = 0; i < (int)turns; i++) {
        CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
    }
    CHECK_STATUS(weft_close(chans[0]), WEFT_OK);
    crew_fini(&workers);
    CHECK_STATUS(weft_close(chans[1]), WEFT_OK);
}

/* TestMultiConsumer: workers range over a queue until it is closed; the main task ranges over their results. */
TASK_TEST(ranging_until_closed)
{
    const size_t sizes[] = {0, 1, 3 * WORKERS};
    turns = rounds(20000);
    for (size_t c = 0; c < 3; c++) {
        if (not_served(sizes[c])) {
            continue;
        }
        struct crew crew;
        size_t count = 0;
        long sum = 0;
        int value;
        crew_init(&crew);
        make_chans(2, sizes[c]);
        crew_go(&crew, feed_and_close, NULL);
        while (weft_recv(chans[1], &value) == WEFT_OK) {
            count++;
            sum += value;
        }
        crew_fini(&crew);
        CHECK_EQ(count, turns);
        CHECK_EQ(sum, (long)turns * ((long)turns - 1) / 2);
        free_chans(2);
    }
}

static void select_duplicates(void *unused)
{
    int value = 0;
    (void)unused;
    struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &value},
                                {.chan = chans[0], .op = WEFT_RECV, .value = &value},
                                {.chan = chans[1], .op = WEFT_RECV, .value = &value}};
    CHECK_EQ(weft_select(cases, 3), 2);
    CHECK_EQ(value, 7);
}

static void recv_eight(void *unused)
{
    int value = 0;
    (void)unused;
    CHECK_STATUS(weft_recv(chans[0], &value), WEFT_OK);
    CHECK_EQ(value, 8);
}

/* TestSelectDuplicateChannel: a select that stands twice in a queue takes both its places out, and not the one behind
 * them. */
TASK_TEST(a_lost_duplicate_leaves_the_queue)
{
    int seven = 7, eight = 8;
    for (size_t capacity = combination.caps->capacity_min; capacity < 2; capacity++) {
        struct crew selecting, plain;
        crew_init(&selecting);
        crew_init(&plain);
        make_chans(2, capacity);
        crew_go(&selecting, select_duplicates, NULL);
        settle(1);
        crew_go(&plain, recv_eight, NULL);
        settle(2);
        CHECK_STATUS(weft_send(chans[1], &seven), WEFT_OK);
        crew_fini(&selecting);
        CHECK_STATUS(weft_send(chans[0], &eight), WEFT_OK);
        crew_fini(&plain);
        free_chans(2);
    }
}

/* --- test/chan -------------------------------------------------------------------------------------- */

static void select_the_next_number(void *unused)
{
    (void)unused;
    for (int i = 0; i < (int)turns; i++) {
        struct weft_case cases[4];
        for (size_t c = 0; c < 4; c++) {
            cases[c] = (struct weft_case){.chan = chans[c], .op = WEFT_SEND, .value = &i};
        }
        CHECK(weft_select(cases, 4) >= 0);
    }
    for (size_t c = 0; c < 4; c++) {
        CHECK_STATUS(weft_close(chans[c]), WEFT_OK);
    }
}

static struct weft_chan *merged;

static void merge(void *from)
{
    int value;
    while (weft_recv(from, &value) == WEFT_OK) {
        CHECK_STATUS(weft_send(merged, &value), WEFT_OK);
    }
}

/* doubleselect.go: one select sends each number once, on whichever of four channels is ready first. None comes
 * twice. */
TASK_TEST(one_select_sends_once)
{
    struct crew crew;
    turns = rounds(5000);
    unsigned char *seen = calloc(turns, 1);
    crew_init(&crew);
    make_chans(4, combination.caps->capacity_min);
    merged = make_chan(sizeof(int), combination.caps->capacity_min);
    crew_go(&crew, select_the_next_number, NULL);
    for (size_t c = 0; c < 4; c++) {
        crew_go(&crew, merge, chans[c]);
    }
    for (size_t i = 0; i < turns; i++) {
        int value;
        CHECK_STATUS(weft_recv(merged, &value), WEFT_OK);
        CHECK_MSG(value >= 0 && (size_t)value < turns && seen[value] == 0, "%d came twice", value);
        seen[value] = 1;
    }
    crew_fini(&crew);
    free(seen);
    free_chans(4);
    weft_chan_free(merged);
}

struct link {
    struct weft_chan *left, *right;
    int number;
};

static void pass_on(void *arg)
{
    struct link *link = arg;
    int value;
    CHECK_STATUS(weft_recv(link->right, &value), WEFT_OK);
    value++;
    CHECK_STATUS(weft_send(link->left, &value), WEFT_OK);
}

/* goroutines.go: a value runs through a long chain of tasks, each waiting on a channel of its own. */
TASK_TEST(a_long_chain)
{
    size_t length = rounds(10000);
    struct link *links = calloc(length, sizeof *links);
    int value = 0;
    struct crew crew;
    crew_init(&crew);
    struct weft_chan *leftmost = make_chan(sizeof(int), combination.caps->capacity_min), *left = leftmost;
    for (size_t i = 0; i < length; i++) {
        links[i] = (struct link){.left = left, .right = make_chan(sizeof(int), combination.caps->capacity_min)};
        crew_go(&crew, pass_on, &links[i]);
        left = links[i].right;
    }
    CHECK_STATUS(weft_send(left, &value), WEFT_OK);
    CHECK_STATUS(weft_recv(leftmost, &value), WEFT_OK);
    CHECK_EQ(value, length);
    crew_fini(&crew);
    weft_chan_free(leftmost);
    for (size_t i = 0; i < length; i++) {
        weft_chan_free(links[i].right);
    }
    free(links);
}

static void in_its_turn(void *arg)
{
    struct link *link = arg;
    int value;
    CHECK_STATUS(weft_recv(link->left, NULL), WEFT_OK);
    CHECK_STATUS(weft_recv(chans[0], &value), WEFT_OK);
    CHECK_EQ(value, link->number);
    CHECK_STATUS(weft_send(link->right, &value), WEFT_OK);
}

/* fifo.go: tasks that take turns by a chain of channels receive what was sent in order. */
TASK_TEST(turns_keep_the_order)
{
    enum { TURNS = 10 };
    for (size_t capacity = combination.caps->capacity_min; capacity <= TURNS; capacity += TURNS / 2) {
        struct link links[TURNS];
        struct crew crew;
        int value = 0;
        crew_init(&crew);
        make_chans(1, capacity);
        struct weft_chan *first = make_chan(sizeof(int), combination.caps->capacity_min), *left = first;
        for (int i = 0; i < TURNS; i++) {
            links[i] = (struct link){left, make_chan(sizeof(int), 1), i};
            crew_go(&crew, in_its_turn, &links[i]);
            left = links[i].right;
        }
        CHECK_STATUS(weft_send(first, &value), WEFT_OK);
        for (int i = 0; i < TURNS; i++) {
            CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
        }
        CHECK_STATUS(weft_recv(left, NULL), WEFT_OK);
        crew_fini(&crew);
        weft_chan_free(first);
        for (int i = 0; i < TURNS; i++) {
            weft_chan_free(links[i].right);
        }
        free_chans(1);
    }
}

/* What waits and what does not (select3.go), for a plain operation, a select and a select with default. */
enum state { NOTHING, EMPTY, HALF, FULL, CLOSED_EMPTY, CLOSED_HALF, STATES };

static struct weft_chan *in_state(enum state state, size_t capacity)
{
    int value = 3;
    if (state == NOTHING) {
        return NULL;
    }
    struct weft_chan *chan = make_chan(sizeof(int), capacity);
    size_t fill = state == HALF || state == CLOSED_HALF ? capacity / 2 : state == FULL ? capacity : 0;
    for (size_t i = 0; i < fill; i++) {
        CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
    }
    if (state == CLOSED_EMPTY || state == CLOSED_HALF) {
        CHECK_STATUS(weft_close(chan), WEFT_OK);
    }
    return chan;
}

static enum weft_status expected(enum state state, enum weft_op op, size_t capacity)
{
    bool closed = state == CLOSED_EMPTY || state == CLOSED_HALF;
    size_t fill = state == HALF || state == CLOSED_HALF ? capacity / 2 : state == FULL ? capacity : 0;
    if (op == WEFT_RECV && state != NOTHING && fill > 0) {
        return WEFT_OK;
    }
    if (closed) {
        return WEFT_CLOSED;
    }
    return op == WEFT_SEND && state != NOTHING && fill < capacity ? WEFT_OK : WEFT_AGAIN;
}

struct attempt {
    struct weft_case one;
    int value;
    bool plain;
    _Atomic(unsigned) returned;
};
static struct attempt attempts[4 * 3 * STATES]; /* those that park keep theirs for ever */
static size_t attempts_count;

static void attempt(void *arg)
{
    struct attempt *self = arg;
    if (self->plain) {
        self->one.status = self->one.op == WEFT_SEND ? weft_send(self->one.chan, self->one.value)
                                                     : weft_recv(self->one.chan, self->one.value);
    } else {
        CHECK_EQ(weft_select(&self->one, 1), 0);
    }
    add_release(&self->returned, 1u);
}

static void check_state(enum state state, enum weft_op op, size_t capacity, size_t *parked)
{
    int value = 1;
    enum weft_status status = expected(state, op, capacity);
    struct weft_case one = {.chan = in_state(state, capacity), .op = op, .value = &value};
    CHECK_EQ(weft_try_select(&one, 1), status == WEFT_AGAIN ? -1 : 0);
    CHECK(status == WEFT_AGAIN || one.status == status);
    weft_chan_free(one.chan);
    for (int plain = 0; plain < 2; plain++) {
        struct attempt *made = &attempts[attempts_count++];
        *made = (struct attempt){.one = {.chan = in_state(state, capacity), .op = op, .value = &made->value},
                                 .plain = plain != 0};
        CHECK_STATUS(weft_go(attempt, made), WEFT_OK);
        if (status == WEFT_AGAIN) {
            ++*parked;
            settle(*parked);
            CHECK_EQ(made->returned, 0);
        } else {
            await_at_least(&made->returned, 1);
            CHECK_STATUS(made->one.status, status);
            weft_chan_free(made->one.chan);
        }
    }
}

TASK_TEST(what_waits_and_what_does_not)
{
    const size_t sizes[] = {0, 2, 10};
    size_t parked = 0;
    for (size_t c = 0; c < 3; c++) {
        for (enum state state = NOTHING; state < STATES; state++) {
            if (!not_served(sizes[c])) {
                check_state(state, WEFT_RECV, sizes[c], &parked);
                check_state(state, WEFT_SEND, sizes[c], &parked);
            }
        }
    }
}

static void select_one_of_two(void *unused)
{
    (void)unused;
    struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV}, {.chan = chans[1], .op = WEFT_RECV}};
    CHECK(weft_select(cases, 2) >= 0);
}

/* select6.go (Go's issue 2075): a select that lost its place in the middle of a queue does not cut off those behind
 * it. */
TASK_TEST(a_queue_survives_losers_in_its_middle)
{
    enum { WAITING = 9 };
    int value = 1;
    for (size_t round = 0; round < rounds(200); round++) {
        struct crew plain, selecting;
        crew_init(&plain);
        crew_init(&selecting);
        make_chans(2, combination.caps->capacity_min);
        turns = 1;
        for (size_t i = 0; i < WAITING; i++) {
            crew_go(i % 3 == 0 ? &plain : &selecting, i % 3 == 0 ? plain_receives : select_one_of_two, chans[0]);
            settle(i + 1);
        }
        for (size_t i = 0; i < WAITING - WAITING / 3; i++) { /* the selects, by their other channel */
            CHECK_STATUS(weft_send(chans[1], &value), WEFT_OK);
        }
        crew_fini(&selecting);
        for (size_t i = 0; i < WAITING / 3; i++) {
            CHECK_STATUS(weft_send(chans[0], &value), WEFT_OK);
        }
        crew_fini(&plain);
        free_chans(2);
    }
}

/* --- crossbeam -------------------------------------------------------------------------------------- */

enum { WAYS = 5 };
static unsigned hits[2][WAYS];
static size_t ways;

static void select_ways(void *arg)
{
    size_t me = (size_t)(uintptr_t)arg, count = ways == 1 ? WAYS : ways;
    int value = 1;
    for (size_t i = 0; i < turns; i++) {
        struct weft_case cases[WAYS];
        for (size_t c = 0; c < count; c++) {
            cases[c] = (struct weft_case){
                .chan = chans[ways == 1 ? 0 : c], .op = me == 0 ? WEFT_SEND : WEFT_RECV, .value = &value};
        }
        hits[me][weft_select(cases, count)]++;
    }
}

/* fairness, fairness_duplicates: a select that waits is served in any of its cases as often, whether they are of
 * several channels or all of one. */
static void facing_selects(size_t distinct)
{
    struct crew crew;
    size_t capacity = combination.caps->capacity_min;
    ways = distinct;
    turns = rounds(5000);
    turns = turns < 300 ? 300 : turns;
    memset(hits, 0, sizeof hits);
    crew_init(&crew);
    make_chans(distinct, capacity);
    crew_go(&crew, select_ways, (void *)0);
    crew_go(&crew, select_ways, (void *)1);
    crew_fini(&crew);
    for (size_t side = 0; side < 2 && distinct == 1; side++) {
        check_uniform(hits[side], WAYS, side == 0 ? "senders' duplicates" : "receivers' duplicates");
    }
    for (size_t side = 0; side < 2 && distinct == 4;
         side++) { /* which is ready is the other side's choice: not independent */
        for (size_t c = 0; c < distinct; c++) {
            CHECK_MSG(hits[side][c] >= turns / distinct / 4, "case %zu was chosen %u times of %zu", c, hits[side][c],
                      turns);
        }
    }
    free_chans(distinct);
}

TASK_TEST(waiting_selects_are_fair)
{
    facing_selects(1);
    facing_selects(4);
}

static _Atomic(unsigned) rounds_done;

static void parked_on_duplicates(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < turns; i++) {
        int value;
        struct weft_case cases[WAYS];
        for (size_t c = 0; c < WAYS; c++) {
            cases[c] = (struct weft_case){.chan = chans[0], .op = WEFT_RECV, .value = &value};
        }
        hits[0][weft_select(cases, WAYS)]++;
        store_release(&rounds_done, (unsigned)i + 1);
    }
}

/* The same, the select parked each time: the place that it takes in the queue first decides. */
TASK_TEST(parked_duplicates_are_uniform)
{
    struct crew crew;
    turns = 2000;
    memset(hits, 0, sizeof hits);
    crew_init(&crew);
    make_chans(1, combination.caps->capacity_min);
    crew_go(&crew, parked_on_duplicates, NULL);
    for (int i = 0; i < (int)turns; i++) {
        while (load_relaxed(&chans[0]->recvq.count) != WAYS) {
            weft_yield();
        }
        CHECK_STATUS(weft_send(chans[0], &i), WEFT_OK);
        await_at_least(&rounds_done, (unsigned)i + 1);
    }
    crew_fini(&crew);
    check_uniform(hits[0], WAYS, "parked duplicates");
    free_chans(1);
}

static void send_new_channels(void *arg)
{
    struct weft_chan *through = arg;
    for (size_t i = 0; i < turns; i++) {
        struct weft_chan *next = make_chan(sizeof next, combination.caps->capacity_min);
        CHECK_STATUS(weft_send(through, &next), WEFT_OK);
        through = next;
    }
    CHECK_STATUS(weft_close(through), WEFT_OK);
}

/* channel_through_channel: each channel carries the next one, and is freed by who received that. */
TASK_TEST(channels_through_channels)
{
    struct crew crew;
    struct weft_chan *chan = make_chan(sizeof chan, combination.caps->capacity_min), *next;
    turns = rounds(5000);
    crew_init(&crew);
    crew_go(&crew, send_new_channels, chan);
    size_t count = 0;
    while (weft_recv(chan, &next) == WEFT_OK) {
        weft_chan_free(chan);
        chan = next;
        count++;
    }
    weft_chan_free(chan);
    crew_fini(&crew);
    CHECK_EQ(count, turns);
}

static void answer_requests(void *unused)
{
    int one = 1;
    (void)unused;
    while (weft_recv(chans[0], NULL) == WEFT_OK) {
        if (weft_send(chans[1], &one) != WEFT_OK) {
            break;
        }
    }
}

/* stress_iter: one side only tries, the other one only waits. */
TASK_TEST(tries_against_one_that_waits)
{
    struct crew crew;
    int request = 0, answer = 0;
    size_t sum = 0;
    crew_init(&crew);
    make_chans(2, combination.caps->capacity_min);
    crew_go(&crew, answer_requests, NULL);
    while (sum < rounds(1000)) {
        while (weft_try_recv(chans[1], &answer) == WEFT_OK) {
            sum += (size_t)answer;
        }
        weft_try_send(chans[0], &request);
        weft_yield();
    }
    CHECK_STATUS(weft_close(chans[0]), WEFT_OK);
    CHECK_STATUS(weft_close(chans[1]), WEFT_OK);
    crew_fini(&crew);
    free_chans(2);
}

static _Atomic(unsigned) loop_ends;

static void loop_try(void *arg)
{
    enum weft_op op = arg == NULL ? WEFT_RECV : WEFT_SEND;
    int value = 1;
    struct weft_case mine = {.chan = chans[op], .op = op, .value = &value}, end = {.chan = chans[2], .op = WEFT_RECV};
    while (weft_try_select(&mine, 1) < 0 && weft_try_select(&end, 1) < 0) {
        weft_yield();
    }
    add_release(&loop_ends, 1u);
}

/* loop_try: two tasks that only try, against one select that waits; the one that was not chosen sees the end. */
TASK_TEST(a_select_meets_tasks_that_try)
{
    if (!serves(0)) {
        return;
    }
    for (size_t round = 0; round < rounds(300); round++) {
        struct crew crew;
        int value = 2;
        crew_init(&crew);
        make_chans(3, 0);
        crew_go(&crew, loop_try, NULL);
        crew_go(&crew, loop_try, chans);
        struct weft_case cases[] = {{.chan = chans[WEFT_SEND], .op = WEFT_RECV, .value = &value},
                                    {.chan = chans[WEFT_RECV], .op = WEFT_SEND, .value = &value}};
        int chosen = weft_select(cases, 2);
        CHECK_STATUS(cases[chosen].status, WEFT_OK);
        CHECK_STATUS(weft_close(chans[2]), WEFT_OK);
        crew_fini(&crew);
        free_chans(3);
    }
}

/* --- Kotlin ----------------------------------------------------------------------------------------- */

static void select_then_look(void *unused)
{
    int value = 0;
    (void)unused;
    struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &value},
                                {.chan = chans[1], .op = WEFT_RECV, .value = &value}};
    CHECK_EQ(weft_select(cases, 2), 0);
    CHECK_STATUS(cases[0].status, WEFT_OK);
    CHECK_EQ(value, 42);
}

/* testSelectAtomicFailure: what becomes of the other channel once a case of a parked select has won is nothing to
 * it. */
TASK_TEST(a_decided_select_ignores_a_close)
{
    if (!serves(0)) { /* a buffered channel only signals: the close may win then */
        return;
    }
    for (size_t round = 0; round < rounds(500); round++) {
        struct crew crew;
        int value = 42;
        crew_init(&crew);
        make_chans(2, 0);
        crew_go(&crew, select_then_look, NULL);
        settle(1);
        CHECK_STATUS(weft_send(chans[0], &value), WEFT_OK);
        CHECK_STATUS(weft_close(chans[1]), WEFT_OK);
        crew_fini(&crew);
        free_chans(2);
    }
}

/* --- sizes ------------------------------------------------------------------------------------------ */

/* Capacities up to 100,000, powers of two and not: filled, drained, and filled again from the middle. */
TASK_TEST(large_capacities)
{
    static const size_t sizes[] = {100, 1023, 1024, 1025, 4095, 65536, 65537, 99999, 100000};
    for (size_t c = 0; c < sizeof sizes / sizeof sizes[0]; c++) {
        size_t sent = 0, received = 0;
        struct weft_chan *chan = make_chan(sizeof(size_t), sizes[c]);
        CHECK_EQ(weft_chan_cap(chan), sizes[c]);
        for (int lap = 0; lap < 3; lap++) {
            while (weft_try_send(chan, &sent) == WEFT_OK) {
                sent++;
            }
            CHECK_EQ(weft_chan_len(chan), sizes[c]);
            CHECK_EQ(sent - received, sizes[c]);
            for (size_t left = lap == 2 ? sizes[c] : sizes[c] / 3 + 1, value; left > 0; left--) {
                CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
                CHECK_EQ(value, received);
                received++;
            }
        }
        CHECK_EQ(weft_chan_len(chan), 0);
        weft_chan_free(chan);
    }
}

enum { MOST_CASES = 1024 };
static struct weft_chan *many[MOST_CASES];
static struct weft_case many_cases[MOST_CASES];
static _Atomic(int) many_chosen;

static void select_many(void *unused)
{
    (void)unused;
    store_release(&many_chosen, weft_select(many_cases, MOST_CASES));
}

/* 1,024 cases, sends and receives: each third one null, each channel in two cases. */
TASK_TEST(a_thousand_cases)
{
    int value = 9, got = 0;
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < MOST_CASES / 2; i++) {
        many[i] = make_chan(sizeof(int), combination.caps->capacity_min);
    }
    for (size_t i = 0; i < MOST_CASES; i++) {
        many_cases[i] = (struct weft_case){.chan = i % 3 == 0 ? NULL : many[i / 2], .op = WEFT_RECV, .value = &got};
    }
    CHECK_EQ(weft_try_select(many_cases, MOST_CASES), -1);
    CHECK_EQ(weft_select_until(many_cases, MOST_CASES, weft_now() + 1000), -1);
    for (size_t i = 1; i < MOST_CASES; i += 101) {
        size_t pair = i % 3 == 0 ? i + 1 : i;
        crew_go(&crew, select_many, NULL);
        settle(1);
        CHECK_STATUS(weft_send(many[pair / 2], &value), WEFT_OK);
        crew_wait(&crew);
        CHECK_EQ(load_acquire(&many_chosen) / 2, pair / 2);
        CHECK_EQ(got, 9);
        got = 0;
    }
    for (size_t i = 0; i < MOST_CASES / 2; i++) {
        CHECK_EQ(many[i]->recvq.count, 0);
        weft_chan_free(many[i]);
    }
    crew_fini(&crew);
}

TCase *ported_tests(void)
{
    TCase *cases = tcase_create("ported");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, try_against_close);
    tcase_add_test(cases, self_select);
    tcase_add_test(cases, selects_among_plain_operations);
    tcase_add_test(cases, ranging_until_closed);
    tcase_add_test(cases, a_lost_duplicate_leaves_the_queue);
    tcase_add_test(cases, one_select_sends_once);
    tcase_add_test(cases, a_long_chain);
    tcase_add_test(cases, turns_keep_the_order);
    tcase_add_test(cases, what_waits_and_what_does_not);
    tcase_add_test(cases, a_queue_survives_losers_in_its_middle);
    tcase_add_test(cases, waiting_selects_are_fair);
    tcase_add_test(cases, parked_duplicates_are_uniform);
    tcase_add_test(cases, channels_through_channels);
    tcase_add_test(cases, tries_against_one_that_waits);
    tcase_add_test(cases, a_select_meets_tasks_that_try);
    tcase_add_test(cases, a_decided_select_ignores_a_close);
    tcase_add_test(cases, large_capacities);
    tcase_add_test(cases, a_thousand_cases);
    return cases;
}
