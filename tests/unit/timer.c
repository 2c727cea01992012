/* Goal: the heap of timers gives them back in the order of their instants, and disarming takes out any of them.
 * Method: random arming, disarming and expiring against a plain array that is searched for its minimum. */
#include "unit.h"

enum { TIMERS = 300 };
static struct timer timers_all[TIMERS];
static bool armed[TIMERS];
static struct timers heap;
static struct timer *expired;
static struct task *const winner = (struct task *)(void *)&heap; /* any address */

static struct task *note_expired(struct timer *timer, weft_ns now)
{
    CHECK(timer->when <= now);
    expired = timer;
    return (timer->when & 1) == 0 ? winner : NULL;
}

static weft_ns reference_first(void)
{
    weft_ns first = WEFT_FOREVER;
    for (size_t i = 0; i < TIMERS; i++) {
        if (armed[i] && timers_all[i].when < first) {
            first = timers_all[i].when;
        }
    }
    return first;
}

static void expire_until(weft_ns now)
{
    struct task *task;
    for (;;) {
        weft_ns first = reference_first();
        expired = NULL;
        bool found = timers_expire_one(&heap, now, &task);
        CHECK_EQ(found, first <= now);
        if (!found) {
            return;
        }
        CHECK(expired != NULL);
        CHECK_EQ(expired->when, first);
        CHECK(armed[expired - timers_all]);
        CHECK(task == ((expired->when & 1) == 0 ? winner : NULL));
        armed[expired - timers_all] = false;
    }
}

START_TEST(heap_agrees_with_a_sorted_reference)
    {
        struct dice dice = dice_new(2);
        timers_init(&heap);
        CHECK_EQ(load_relaxed(&heap.first), WEFT_FOREVER);
        for (int step = 0; step < 20000; step++) {
            size_t i = dice_below(&dice, TIMERS);
            if (dice_below(&dice, 50) == 0) {
                expire_until((weft_ns)dice_below(&dice, 1000));
            } else if (armed[i]) {
                timer_disarm(&timers_all[i]);
                armed[i] = false;
                timer_disarm(&timers_all[i]); /* again: nothing happens */
            } else {
                timers_all[i] = (struct timer){.when = (weft_ns)dice_below(&dice, 1000), .expire = note_expired};
                weft_ns before = reference_first();
                bool first = timer_arm(&heap, &timers_all[i]);
                armed[i] = true;
                CHECK(before == timers_all[i].when || first == (timers_all[i].when < before));
            }
            CHECK_EQ(load_relaxed(&heap.first), reference_first());
        }
        expire_until(WEFT_FOREVER - 1);
        CHECK(heap.root == NULL);
    }
END_TEST

TCase *timer_tests(void)
{
    TCase *tests = tcase_create("timer");
    tcase_add_test(tests, heap_agrees_with_a_sorted_reference);
    return tests;
}
