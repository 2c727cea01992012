/* Goal: a condition's signals wake one each, in order, its broadcast all, and no wake-up is lost.
 * Method: waiters whose order is known; the textbook's bounded buffer. After Go's sync/cond_test.go. */
#include "sync.h"

static struct weft_mutex mutex;
static struct weft_cond cond;
static unsigned tokens, waiting, woken_order[CROWD], woken;

static void wait_for_token(void *arg)
{
    weft_lock(&mutex);
    unsigned ticket = waiting++;
    if (arg != NULL) {
        weft_cond_wait(&cond, &mutex); /* no loop: there are no spurious returns */
        woken_order[woken++] = ticket;
    } else {
        while (tokens == 0) {
            weft_cond_wait(&cond, &mutex);
        }
        tokens--;
    }
    weft_unlock(&mutex);
}

/* Until all are in the condition's queue: who has counted itself holds the mutex until it is. */
static void await_waiting(void)
{
    for (bool all = false; !all; weft_yield()) {
        weft_lock(&mutex);
        all = waiting == CROWD;
        weft_unlock(&mutex);
    }
}

TASK_TEST(signals_wake_one_in_order)
{
    struct crew crew;
    crew_init(&crew);
    for (unsigned i = 0; i < CROWD; i++) {
        crew_go(&crew, wait_for_token, &mutex);
    }
    await_waiting();
    for (unsigned i = 0; i < CROWD; i++) {
        weft_lock(&mutex);
        CHECK_EQ(woken, i);
        weft_cond_signal(&cond);
        weft_unlock(&mutex);
        for (;;) {
            weft_lock(&mutex);
            bool done = woken == i + 1;
            weft_unlock(&mutex);
            if (done) {
                break;
            }
            weft_yield();
        }
    }
    crew_fini(&crew);
    for (unsigned i = 0; i < CROWD; i++) {
        CHECK_EQ(woken_order[i], i);
    }
    weft_cond_signal(&cond); /* nobody waits: nothing is kept */
}

TASK_TEST(broadcast_wakes_all)
{
    struct crew crew;
    crew_init(&crew);
    for (unsigned i = 0; i < CROWD; i++) {
        crew_go(&crew, wait_for_token, NULL);
    }
    await_waiting();
    weft_lock(&mutex);
    tokens = CROWD;
    weft_cond_broadcast(&cond);
    weft_unlock(&mutex);
    crew_fini(&crew);
    CHECK_EQ(tokens, 0);
}

static struct weft_cond not_full, not_empty;
static size_t turns;
static int slot_value;
static bool slot_full;

static void produce(void *unused)
{
    (void)unused;
    for (size_t i = 1; i <= turns; i++) {
        weft_lock(&mutex);
        while (slot_full) {
            weft_cond_wait(&not_full, &mutex);
        }
        slot_full = true;
        slot_value = (int)i;
        weft_cond_signal(&not_empty);
        weft_unlock(&mutex);
    }
}

static void consume(void *sum)
{
    for (size_t i = 0; i < turns; i++) {
        weft_lock(&mutex);
        while (!slot_full) {
            weft_cond_wait(&not_empty, &mutex);
        }
        slot_full = false;
        *(_Atomic(long) *)sum += slot_value;
        weft_cond_signal(&not_full);
        weft_unlock(&mutex);
    }
}

/* The textbook's bounded buffer: a lost wake-up would hang it. */
TASK_TEST(bounded_buffer)
{
    _Atomic(long) sum = 0;
    struct crew crew;
    crew_init(&crew);
    turns = rounds(3000);
    for (int i = 0; i < 3; i++) {
        crew_go(&crew, produce, NULL);
        crew_go(&crew, consume, &sum);
    }
    crew_fini(&crew);
    CHECK_EQ(sum, 3 * (long)(turns * (turns + 1) / 2));
}

TCase *cond_tests(void)
{
    TCase *cases = tcase_create("cond");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, signals_wake_one_in_order);
    tcase_add_test(cases, broadcast_wakes_all);
    tcase_add_test(cases, bounded_buffer);
    return cases;
}
