/* Goal: once runs its function once, all others return behind its end, be that a panic.
 * Method: a crowd that calls it at the same time, inlined and not. After Go's sync/once_test.go. */
#include "sync.h"

static struct weft_once once;
static unsigned once_count;

static void once_body(void *unused)
{
    (void)unused;
    weft_yield();
    once_count++;
    weft_yield();
}

static void do_once(void *unused)
{
    (void)unused;
    void (*volatile function)(struct weft_once *, task_fn, void *) = weft_once_do; /* not what weft.h inlines */
    function(&once, once_body, NULL);
    CHECK_EQ(once_count, 1);
    weft_once_do(&once, once_body, NULL);
    CHECK_EQ(once_count, 1);
}

TASK_TEST(once_runs_once)
{
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < CROWD; i++) {
        crew_go(&crew, do_once, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(once_count, 1);
}

static void once_panics(void *unused)
{
    (void)unused;
    weft_yield();
    once_count++;
    weft_panic("once");
}

static void try_once(void *unused)
{
    (void)unused;
    weft_defer(recover_quietly, NULL);
    weft_once_do(&once, once_panics, NULL);
    weft_panic("the others come here");
}

static void try_once_task(void *unused)
{
    (void)unused;
    CHECK(!weft_call(try_once, NULL));
}

/* A panic counts as done; those who wait are let go. */
TASK_TEST(once_is_done_by_a_panic)
{
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < CROWD; i++) {
        crew_go(&crew, try_once_task, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(once_count, 1);
}

TCase *once_tests(void)
{
    TCase *cases = tcase_create("once");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, once_runs_once);
    tcase_add_test(cases, once_is_done_by_a_panic);
    return cases;
}
