/* Goal: a publisher that is stopped between claim and publication loses nobody's wake-up: all that was sent behind it
 * reaches the receivers that wait, once it goes on.
 * Method: a private copy of the variant `ring` in which every n-th copy of an element dawdles (gives its thread away, or
 * spins), with more receivers than elements, all parked, and several senders at once; the same for freed places. Every
 * receiver gets exactly one element, so one that was not woken is a hang. */
#include "stress.h"

static _Atomic(unsigned) copies;

static void dawdle(void)
{
    if (add_relaxed(&copies, 1u) % 3 == 0) {
        for (unsigned i = 0; i < 70; i++) { /* backoff() yields the thread from its 64th round on */
            backoff(i);
        }
    }
}

#define elem_copy(to, from, size) (dawdle(), elem_copy(to, from, size))
#define ring_ops stalled_ring_ops
#include "variants/channel/ring.c"
#undef elem_copy
extern const struct chan_ops stalled_ring_ops;

static struct weft_chan *stalled_new(size_t capacity)
{
    size_t size = (ring_ops.size(sizeof(uint64_t), capacity) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct weft_chan *made = aligned_alloc(CACHE_LINE, size);
    CHECK(made != NULL);
    memset(made, 0, size);
    made->ops = &ring_ops;
    made->elem_size = sizeof(uint64_t);
    made->capacity = capacity;
    CHECK_STATUS(ring_ops.init(made), WEFT_OK);
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

TCase *stalled_tests(void)
{
    TCase *tests = tcase_create("stalled");
    tcase_set_timeout(tests, 120);
    if (strcmp(combination.chan, "ring") == 0) {
        tcase_add_test(tests, stalled_publisher);
        tcase_add_test(tests, stalled_receiver);
    }
    return tests;
}
