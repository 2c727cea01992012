/* Goal: the parking lot wakes those that wait on a word, first come first served, no others, and misses no change.
 * Method: tasks on words of their own, words that share a bucket, a change between look and wait. */
#include "unit.h"

#include "core/lot.h"

enum { WORDS = 600, WAITERS = 5 }; /* more words than the lot has buckets */
static _Atomic(uint32_t) words[WORDS];
static _Atomic(unsigned) gone;

static void wait_for_change(void *arg)
{
    _Atomic(uint32_t) *word = arg;
    while (load_acquire(word) == 0) {
        lot_wait(word, 0);
    }
    add_release(&gone, 1u);
}

static void changed_word_does_not_park(void)
{
    store_release(&words[0], 1u);
    lot_wait(&words[0], 0); /* returns at once */
    CHECK_EQ(lot_wake(&words[0], 10), 0);
    store_release(&words[0], 0u);
}

TASK_TEST(wakes_by_address)
{
    struct crew crew;
    crew_init(&crew);
    changed_word_does_not_park();
    size_t count = combination.sched_caps->os_threads ? 100 : WORDS;
    for (size_t i = 0; i < count; i++) {
        crew_go(&crew, wait_for_change, &words[i]);
    }
    settle(count);
    for (size_t i = 0; i < count; i++) {
        size_t pick = i % 2 == 0 ? i / 2 : count - 1 - i / 2;
        CHECK_EQ(lot_wake(&words[pick], 1) <= 1, true); /* for no reason: it waits again */
        store_release(&words[pick], 1u);
        lot_wake(&words[pick], UINT32_MAX);
        await_at_least(&gone, (unsigned)i + 1);
        CHECK_EQ(load_acquire(&gone), i + 1);
    }
    crew_fini(&crew);
}

static _Atomic(uint32_t) ticket;
static _Atomic(unsigned) order[WAITERS], woken;

static void wait_in_line(void *arg)
{
    lot_wait(&ticket, 0);
    store_release(&order[*(unsigned *)arg], add_acq_rel(&woken, 1u));
}

TASK_TEST(wakes_the_asked_number_in_order)
{
    unsigned names[WAITERS] = {0, 1, 2, 3, 4};
    struct crew crew;
    crew_init(&crew);
    if (combination.sched_caps->os_threads) {
        skip("futexes of the kernel promise no order");
        crew_fini(&crew);
        return;
    }
    for (unsigned i = 0; i < WAITERS; i++) {
        crew_go(&crew, wait_in_line, &names[i]);
        settle(i + 1);
    }
    for (unsigned i = 0; i < WAITERS; i += 2) {
        CHECK_EQ(lot_wake(&ticket, i == 0 ? 1 : 2), i == 0 ? 1 : 2);
        await_at_least(&woken, i + 1);
        CHECK_EQ(load_acquire(&woken), i + 1);
    }
    CHECK_EQ(lot_wake(&ticket, 1), 0);
    crew_fini(&crew);
    CHECK_EQ(order[0], 0);
    for (unsigned i = 1; i < WAITERS; i++) { /* pairs were woken together: any order within a pair */
        CHECK_EQ((order[i] + 1) / 2, (i + 1) / 2);
    }
}

TCase *lot_tests(void)
{
    TCase *tests = tcase_create("lot");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, wakes_by_address);
    tcase_add_test(tests, wakes_the_asked_number_in_order);
    return tests;
}
