/* Goal: the semaphore bounds the weight inside, is first come, first served, and gives a request up when its context is
 * done.
 * Method: crowds of random weights; queues whose order is known; grants that cross with deadlines. After
 * x/sync/semaphore's tests. */
#include "sync.h"

static struct weft_sem sem;
static size_t turns;
static _Atomic(unsigned) weight_inside;

static void acquire_some(void *arg)
{
    struct dice dice = dice_new((uintptr_t)arg);
    for (size_t i = 0; i < turns; i++) {
        uint64_t weight = 1 + dice_below(&dice, 4);
        if (i % 3 == 0) {
            while (!weft_sem_try_acquire(&sem, weight)) {
                weft_yield();
            }
        } else {
            CHECK_STATUS(weft_sem_acquire(&sem, weight, i % 2 == 0 ? NULL : weft_ctx_background()), WEFT_OK);
        }
        unsigned inside = add_acq_rel(&weight_inside, (unsigned)weight) + (unsigned)weight;
        CHECK_MSG(inside <= 5, "%u of 5", inside);
        weft_yield();
        sub_acq_rel(&weight_inside, (unsigned)weight);
        weft_sem_release(&sem, weight);
    }
}

TASK_TEST(semaphore_bounds_the_weight)
{
    struct crew crew;
    crew_init(&crew);
    turns = rounds(300);
    weft_sem_init(&sem, 5);
    for (uintptr_t i = 0; i < CROWD; i++) {
        crew_go(&crew, acquire_some, (void *)i);
    }
    crew_fini(&crew);
    CHECK(weft_sem_try_acquire(&sem, 5));
    CHECK(!weft_sem_try_acquire(&sem, 1));
    CHECK(weft_sem_try_acquire(&sem, 0));
}

static struct letters order;

static void take_three(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sem_acquire(&sem, 3, NULL), WEFT_OK);
    letters_add(&order, '3');
}

static void take_one(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sem_acquire(&sem, 1, NULL), WEFT_OK);
    letters_add(&order, '1');
}

/* A small request does not overtake a large one that came before. */
TASK_TEST(semaphore_is_fair)
{
    struct crew crew;
    crew_init(&crew);
    weft_sem_init(&sem, 0);
    crew_go(&crew, take_three, NULL);
    settle(1);
    crew_go(&crew, take_one, NULL);
    settle(2);
    weft_sem_release(&sem, 2);
    CHECK(!weft_sem_try_acquire(&sem, 1));
    for (int i = 0; i < 20; i++) {
        weft_yield();
    }
    CHECK_EQ(load_acquire(&order.count), 0);
    weft_sem_release(&sem, 1);
    await_at_least(&order.count, 1);
    weft_sem_release(&sem, 1);
    crew_fini(&crew);
    CHECK_MSG(strcmp(order.written, "31") == 0, "the order is %s", order.written);
}

static struct weft_ctx *ctx;

static void take_many(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sem_acquire(&sem, 100, ctx), WEFT_CANCELED);
}

/* Cancelling the large request lets the small one behind it go; what is there at once is acquired even then. */
TASK_TEST(semaphore_and_context)
{
    struct crew crew;
    crew_init(&crew);
    ctx = weft_ctx_with_cancel(weft_ctx_background());
    weft_sem_init(&sem, 1);
    crew_go(&crew, take_many, NULL);
    settle(1);
    crew_go(&crew, take_one, NULL);
    settle(2);
    weft_ctx_cancel(ctx, NULL);
    crew_wait(&crew);
    CHECK_STATUS(weft_sem_acquire(&sem, 1, ctx), WEFT_CANCELED);
    weft_sem_release(&sem, 1);
    CHECK_STATUS(weft_sem_acquire(&sem, 1, ctx), WEFT_OK);
    weft_ctx_free(ctx);
    ctx = weft_ctx_with_timeout(weft_ctx_background(), 1000000);
    CHECK_STATUS(weft_sem_acquire(&sem, 1, ctx), WEFT_TIMEOUT);
    weft_ctx_free(ctx);
    crew_fini(&crew);
}

static void acquire_with_patience(void *arg)
{
    struct dice dice = dice_new((uintptr_t)arg);
    for (size_t i = 0; i < turns; i++) {
        struct weft_ctx *soon = weft_ctx_with_timeout(weft_ctx_background(), dice_below(&dice, 20000));
        if (weft_sem_acquire(&sem, 1, soon) == WEFT_OK) {
            weft_yield();
            weft_sem_release(&sem, 1);
        }
        weft_ctx_free(soon);
    }
}

/* Grants and deadlines cross; no permit is lost or made. */
TASK_TEST(semaphore_under_deadlines)
{
    struct crew crew;
    crew_init(&crew);
    turns = rounds(300);
    weft_sem_init(&sem, 2);
    for (uintptr_t i = 0; i < CROWD; i++) {
        crew_go(&crew, acquire_with_patience, (void *)i);
    }
    crew_fini(&crew);
    CHECK(weft_sem_try_acquire(&sem, 2));
    CHECK(!weft_sem_try_acquire(&sem, 1));
}

TCase *semaphore_tests(void)
{
    TCase *cases = tcase_create("semaphore");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, semaphore_bounds_the_weight);
    tcase_add_test(cases, semaphore_is_fair);
    tcase_add_test(cases, semaphore_and_context);
    tcase_add_test(cases, semaphore_under_deadlines);
    return cases;
}
