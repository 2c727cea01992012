/* Goal: the word of a wait is won once; queues keep order under any removal; the lock excludes; random choices are
 * even.
 * Method: threads that claim the same words; a queue against a plain array; a counter under the lock. */
#include "unit.h"

#include <pthread.h>

enum { THREADS = 4, WORDS = 20000 };
static struct wait waits[WORDS];
static _Atomic(unsigned) wins[WORDS], readies[WORDS];

static void *claim_all(void *arg)
{
    uint32_t me = *(uint32_t *)arg;
    for (size_t i = 0; i < WORDS; i++) {
        bool parked = false;
        if (wait_claim(&waits[i], me, &parked)) {
            add_relaxed(&wins[i], 1u);
            add_relaxed(&readies[i], parked ? 1u : 0u);
            CHECK_EQ(load_relaxed(&waits[i].claim), CLAIM_WON + me);
        }
    }
    return NULL;
}

/* One of the claimers wins each word; either commit says no or the winner is told to ready the task: never both. */
START_TEST(a_wait_is_won_once)
    {
        pthread_t threads[THREADS];
        uint32_t names[THREADS] = {0, 1, 2, WON_TIMEOUT};
        bool *committed = calloc(WORDS, sizeof *committed);
        for (size_t i = 0; i < THREADS; i++) {
            CHECK(pthread_create(&threads[i], NULL, claim_all, &names[i]) == 0);
        }
        for (size_t i = 0; i < WORDS; i++) {
            committed[i] = wait_commit(&waits[i]);
        }
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        for (size_t i = 0; i < WORDS; i++) {
            CHECK_EQ(wins[i], 1);
            CHECK_EQ(readies[i], committed[i]);
        }
        free(committed);
    }
END_TEST

START_TEST(a_won_wait_does_not_park)
    {
        struct wait wait = {.claim = CLAIM_OPEN};
        bool parked = true;
        CHECK(wait_claim(&wait, 3, &parked) && !parked);
        CHECK(!wait_commit(&wait));
        CHECK(!wait_claim(&wait, 4, &parked));
        struct task task = {0};
        wait = (struct wait){.claim = CLAIM_OPEN, .task = &task};
        CHECK(wait_commit(&wait));
        CHECK(wait_expire(&wait.timer, 0) != NULL);
        CHECK_EQ(load_relaxed(&wait.claim), CLAIM_WON + WON_TIMEOUT);
        CHECK(wait_expire(&wait.timer, 0) == NULL);
    }
END_TEST

START_TEST(queue_keeps_order)
    {
        enum { MOST = 4 * WAITQ_LONG }; /* half of them at a time: long and short */
        struct waiter waiters[MOST] = {0}, *model[MOST];
        struct waitq queue = {0};
        struct dice dice = dice_new(3);
        size_t count = 0;
        for (int step = 0; step < 20000; step++) {
            struct waiter *waiter = &waiters[dice_below(&dice, MOST)];
            if (!waiter->queued) {
                waitq_push(&queue, waiter);
                CHECK(waiter->ahead == NULL);
                CHECK(count < WAITQ_LONG || model[count - WAITQ_AHEAD]->ahead == waiter);
                model[count++] = waiter;
            } else {
                waitq_remove(&queue, waiter);
                size_t at = 0;
                while (model[at] != waiter) {
                    at++;
                }
                memmove(&model[at], &model[at + 1], (--count - at) * sizeof model[0]);
            }
            CHECK_EQ(load_relaxed(&queue.count), count);
            struct waiter *at = queue.head;
            for (size_t i = 0; i < count; i++, at = at->next) {
                CHECK(at == model[i] && at->queued);
            }
            CHECK(at == NULL && queue.tail == (count == 0 ? NULL : model[count - 1]));
        }
    }
END_TEST

static struct lock lock;
static size_t guarded; /* plain: ThreadSanitizer watches */

static void *count_guarded(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        lock_acquire(&lock);
        guarded++;
        lock_release(&lock);
    }
    return NULL;
}

START_TEST(lock_excludes)
    {
        pthread_t threads[THREADS];
        for (size_t i = 0; i < THREADS; i++) {
            CHECK(pthread_create(&threads[i], NULL, count_guarded, NULL) == 0);
        }
        for (size_t i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        CHECK_EQ(guarded, THREADS * 20000);
        CHECK(lock_try(&lock));
        CHECK(!lock_try(&lock));
    }
END_TEST

START_TEST(random_choices_are_even)
    {
        unsigned hits[10] = {0};
        struct worker worker = {.random = random_seed(12345, 0)};
        for (int i = 0; i < 100000; i++) {
            uint32_t drawn = random_below(&worker, 10);
            CHECK(drawn < 10);
            hits[drawn]++;
        }
        for (int i = 0; i < 10; i++) {
            CHECK_MSG(hits[i] > 9500 && hits[i] < 10500, "%d was drawn %u times of 100000", i, hits[i]);
        }
        CHECK(random_seed(1, 0) != random_seed(1, 1) && random_seed(1, 0) != random_seed(2, 0));
        CHECK_EQ(random_seed(1, 0), random_seed(1, 0));
        for (uint64_t seed = 0; seed < 1000; seed++) {
            CHECK(random_seed(seed, 0) != 0);
        }
    }
END_TEST

TCase *wait_tests(void)
{
    TCase *tests = tcase_create("wait");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_wait_is_won_once);
    tcase_add_test(tests, a_won_wait_does_not_park);
    tcase_add_test(tests, queue_keeps_order);
    tcase_add_test(tests, lock_excludes);
    tcase_add_test(tests, random_choices_are_even);
    return tests;
}
