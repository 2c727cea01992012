/* Goal: the waitgroup's wait returns when all its members are done, however they end, and the group may go then.
 * Method: plain counters of members that return, exit and panic; groups that are freed behind wait. After Go's
 * sync/waitgroup_test.go. */
#include "sync.h"

static size_t group_done[CROWD];

static void member(void *arg)
{
    weft_yield();
    (*(size_t *)arg)++;
}

static void exiting_member(void *arg)
{
    (*(size_t *)arg)++;
    weft_exit();
}

static void panicking_member(void *arg)
{
    (*(size_t *)arg)++;
    weft_defer(recover_quietly, NULL);
    weft_panic("a member");
}

/* Each round uses the group again; members end in three ways; what they wrote is seen behind wait. */
TASK_TEST(waitgroup_waits_for_all)
{
    static void (*const kinds[])(void *) = {member, exiting_member, panicking_member};
    struct weft_waitgroup group = {0};
    weft_wg_wait(&group);
    size_t count = rounds(200);
    for (size_t i = 0; i < count; i++) {
        for (int m = 0; m < CROWD; m++) {
            CHECK_STATUS(weft_wg_go(&group, kinds[m % 3], &group_done[m]), WEFT_OK);
        }
        weft_wg_wait(&group);
        for (int m = 0; m < CROWD; m++) {
            CHECK_EQ(group_done[m], i + 1);
        }
    }
    CHECK_STATUS(weft_wg_go(&group, NULL, NULL), WEFT_INVALID);
}

static void done_later(void *arg)
{
    weft_yield();
    weft_wg_done(arg);
}

static _Atomic(unsigned) arrived;

static void wait_too(void *arg)
{
    weft_wg_wait(arg);
    add_release(&arrived, 1u);
}

/* Several wait; the one that made the group frees it as soon as it has returned. */
TASK_TEST(waitgroup_may_go_after_wait)
{
    for (size_t i = 0; i < rounds(1000); i++) {
        struct weft_waitgroup *group = calloc(1, sizeof *group);
        CHECK(group != NULL);
        weft_wg_add(group, 3);
        for (int m = 0; m < 3; m++) {
            CHECK_STATUS(weft_go(done_later, group), WEFT_OK);
        }
        for (size_t n = 0; n < i % 8; n++) {
            weft_yield(); /* it finds nothing done, or some, or all and the last one about to leave */
        }
        weft_wg_wait(group);
        free(group);
    }
    struct weft_waitgroup group = {0};
    weft_wg_add(&group, 1);
    for (int m = 0; m < 5; m++) {
        CHECK_STATUS(weft_go(wait_too, &group), WEFT_OK);
    }
    settle(5);
    weft_wg_done(&group);
    await_at_least(&arrived, 5);
}

TCase *waitgroup_tests(void)
{
    TCase *cases = tcase_create("waitgroup");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, waitgroup_waits_for_all);
    tcase_add_test(cases, waitgroup_may_go_after_wait);
    return cases;
}
