/* Goal: a task that is stopped in the worst place, between claim and publication or between its last look and its wait,
 * loses nobody's wake-up: all that was sent behind it reaches the receivers that wait.
 * Method: a private copy of each variant (stalled_instance.c.in) that dawdles there now and then: gives its thread
 * away, or spins. As many waiters as elements, all parked, several senders at once; the same for freed places. Every
 * waiter gets exactly one, so one that was not woken is a hang. */
#include "stalled.h"
#include "stress.h"

static _Atomic(unsigned) passages;

/* For one task: it stops where it is until the others have got on, or for so long. */
static _Atomic(bool) stop_next, stopped, others_got_on, gave_up;
static weft_ns patience;

static void stop_here(void)
{
    weft_ns end = clock_now() + patience;
    store_release(&stopped, true);
    for (unsigned round = 0; !load_acquire(&others_got_on); round++) {
        if (clock_now() > end) {
            store_release(&gave_up, true);
            return;
        }
        backoff(round);
    }
}

void dawdle(void)
{
    bool yes = true;
    if (load_relaxed(&stop_next) && cas_acq_rel(&stop_next, &yes, false)) { /* one takes it */
        stop_here();
        return;
    }
    if (add_relaxed(&passages, 1u) % 3 == 0) {
        for (unsigned i = 0; i < 70; i++) { /* backoff() yields the thread from its 64th round on */
            backoff(i);
        }
    }
}

#define CHANNEL(name) extern const struct chan_ops stalled_##name##_ops;
#define SCHED(name)
#include "variants/variants.def"
#undef CHANNEL

static const struct chan_ops *const stalled_channels[] = {
#define CHANNEL(name) &stalled_##name##_ops,
#include "variants/variants.def"
};
#undef CHANNEL
#undef SCHED

static struct weft_chan *stalled_new(size_t capacity)
{
    const struct chan_ops *ops = NULL;
    for (size_t i = 0; ops == NULL; i++) {
        ops = strcmp(stalled_channels[i]->name, combination.chan) == 0 ? stalled_channels[i] : NULL;
    }
    size_t size = (ops->size(sizeof(uint64_t), capacity) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct weft_chan *made = aligned_alloc(CACHE_LINE, size);
    CHECK(made != NULL);
    memset(made, 0, size);
    made->ops = ops;
    made->elem_size = sizeof(uint64_t);
    made->capacity = capacity;
    made->bytes = size;
    CHECK(ops->init == NULL || ops->init(made) == WEFT_OK);
    return made;
}

enum { WAITERS = 12, SENDERS = 4 };
static struct weft_chan *chan;
static _Atomic(unsigned) done;

static void take_one(void *unused)
{
    (void)unused;
    uint64_t value;
    CHECK_STATUS(weft_recv(chan, &value), WEFT_OK);
    add_release(&done, 1u);
}

static void take_one_by_select(void *unused)
{
    (void)unused;
    uint64_t value;
    struct weft_case cases[] = {{.chan = chan, .op = WEFT_RECV, .value = &value}, {.chan = NULL}};
    CHECK_EQ(weft_select(cases, 2), 0);
    add_release(&done, 1u);
}

static void put_some(void *arg)
{
    size_t count = *(size_t *)arg;
    for (uint64_t i = 0; i < count; i++) {
        CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
    }
}

TASK_TEST(stalled_publisher)
{
    size_t none = 0, share = WAITERS / SENDERS, all = WAITERS;
    struct crew crew;
    crew_init(&crew);
    for (size_t round = 0; round < rounds(500); round++) {
        chan = stalled_new(round % 2 == 0 ? 2 * WAITERS : 2);
        done = 0;
        for (size_t i = 0; i < WAITERS; i++) {
            crew_go(&crew, i % 2 == 0 ? take_one : take_one_by_select, NULL);
        }
        settle(WAITERS);
        for (size_t i = 0; i < SENDERS; i++) {
            crew_go(&crew, put_some, round % 3 != 0 ? &share : i == 0 ? &all : &none);
        }
        crew_wait(&crew);
        CHECK_EQ(done, WAITERS);
        weft_chan_free(chan);
    }
    crew_fini(&crew);
}

/* The other side: senders wait for places that several receivers free at once. */
TASK_TEST(stalled_receiver)
{
    size_t one = 1;
    struct crew crew;
    crew_init(&crew);
    for (size_t round = 0; round < rounds(500); round++) {
        chan = stalled_new(WAITERS);
        done = 0;
        for (uint64_t i = 0; i < WAITERS; i++) {
            CHECK_STATUS(weft_send(chan, &i), WEFT_OK);
        }
        for (size_t i = 0; i < WAITERS; i++) {
            crew_go(&crew, put_some, &one);
        }
        settle(WAITERS);
        for (size_t i = 0; i < WAITERS; i++) {
            crew_go(&crew, take_one, NULL);
        }
        crew_wait(&crew);
        CHECK_EQ(weft_chan_len(chan), WAITERS);
        weft_chan_free(chan);
    }
    crew_fini(&crew);
}

static void put_one(void *unused)
{
    uint64_t value = 1;
    (void)unused;
    CHECK_STATUS(weft_send(chan, &value), WEFT_OK);
}

/* Goal: a variant that claims more than blocking progress does not stop when one of its users does.
 * Method: one sender is stopped in the middle of its operation until others have sent and received some values of their
 * own; those only try, so that they never have to wait for it. Where progress is blocking, they may get stuck until the
 * sender's patience is over. */
TASK_TEST(progress_under_a_stopped_sender)
{
    enum { OTHERS = 50 };
    bool claimed = combination.caps->progress != PROGRESS_BLOCKING;
    if (combination.workers == 1 && !combination.sched_caps->os_threads) {
        skip("a stopped task stops its worker");
        return;
    }
    struct crew crew;
    crew_init(&crew);
    chan = stalled_new(2 * OTHERS);
    patience = claimed ? 20000000000 : 50000000;
    store_release(&stop_next, true);
    crew_go(&crew, put_one, NULL);
    while (!load_acquire(&stopped)) {
        weft_yield();
    }
    uint64_t value = 1;
    for (size_t received = 0; received < OTHERS && !load_acquire(&gave_up);) {
        weft_try_send(chan, &value);
        received += weft_try_recv(chan, &value) == WEFT_OK;
    }
    store_release(&others_got_on, true);
    crew_fini(&crew);
    CHECK_MSG(!claimed || !load_acquire(&gave_up), "the others stopped with the sender");
    while (weft_try_recv(chan, &value) == WEFT_OK) {
    }
    weft_chan_free(chan);
}

TCase *stalled_tests(void)
{
    TCase *tests = tcase_create("stalled");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, stalled_publisher);
    tcase_add_test(tests, stalled_receiver);
    tcase_add_test(tests, progress_under_a_stopped_sender);
    return tests;
}
