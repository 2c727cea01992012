/* Goal: random histories find what is wrong with a variant, and accuse none that is right.
 * Method: variants that are broken on purpose (broken.h), on the scheduler under test. Those that are wrong whenever
 * they get the chance must be caught within a few hundred histories; those that need two threads in one operation
 * within many more, where there are two threads. */
#include "self.h"

#include "broken.h"

#include "tests/linear/hunt.h"

enum { SOON = 2048, LATE = 40000, RIGHT = 1000 };

static struct hunt wish(const struct chan_ops *ops, size_t count)
{
    return (struct hunt){.variant = ops,
                         .sched = combination.sched,
                         .workers = combination.workers,
                         .seed = combination.seed,
                         .count = (unsigned)count};
}

static bool parallel(void)
{
    return combination.sched_caps->os_threads || combination.workers > 1;
}

START_TEST(each_broken_variant_is_caught)
    {
        bool by_chance;
        const struct chan_ops *ops = broken_variant((size_t)_i, &by_chance);
        if (by_chance && !parallel()) {
            skip("%s is wrong only where two threads meet", ops->name);
            return;
        }
        struct hunt hunting = wish(ops, by_chance ? LATE : SOON);
        struct quarry quarry = hunt(&hunting);
        CHECK_MSG(quarry.refuted != 0, "%s passes %u histories", ops->name, quarry.histories);
        CHECK_EQ(history_check(&quarry.history).answer, NOT_LINEARIZABLE);
        CHECK(quarry.history.count <= hunt_program(&hunting, quarry.index).tasks * 10 + 30);
    }
END_TEST

/* What is claimed and kept is no accusation: order among the waiters of a rendezvous. */
START_TEST(what_is_right_passes)
    {
        struct hunt hunting = wish(ordered_variant(), rounds(RIGHT));
        hunting.rendezvous = true;
        struct quarry quarry = hunt(&hunting);
        CHECK_EQ(quarry.refuted, 0);
        CHECK_EQ(quarry.undecided, 0);
        CHECK_EQ(quarry.hung, 0);
        CHECK(quarry.histories == hunting.count && quarry.stuck != 0);
    }
END_TEST

static unsigned steps_of(const struct program *program)
{
    unsigned steps = 0;
    for (unsigned task = 0; task < program->tasks; task++) {
        steps += program->lengths[task];
    }
    return steps;
}

START_TEST(a_program_is_made_small)
    {
        bool by_chance;
        struct hunt hunting = wish(broken_variant(0, &by_chance), SOON);
        hunting.shrinks = true;
        struct quarry quarry = hunt(&hunting);
        struct program before = hunt_program(&hunting, quarry.index);
        CHECK(quarry.refuted != 0);
        CHECK(steps_of(&quarry.program) < steps_of(&before));
        CHECK_EQ(history_check(&quarry.history).answer, NOT_LINEARIZABLE);
    }
END_TEST

/* Under sim a seed says all: what is found once is found again. */
START_TEST(a_seed_repeats_its_histories)
    {
        if (!combination.sched_caps->virtual_time) {
            skip("%s makes no such promise", combination.sched);
            return;
        }
        struct hunt hunting = wish(combination.caps == NULL ? NULL : registry_channel(combination.chan), 200);
        struct quarry first = hunt(&hunting), again = hunt(&hunting);
        CHECK(first.digest == again.digest);
        hunting.seed++;
        struct quarry other = hunt(&hunting);
        CHECK(first.digest != other.digest);
    }
END_TEST

TCase *hunts_tests(void)
{
    TCase *tests = tcase_create("hunts");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, each_broken_variant_is_caught, 0, (int)broken_count());
    tcase_add_test(tests, what_is_right_passes);
    tcase_add_test(tests, a_program_is_made_small);
    tcase_add_test(tests, a_seed_repeats_its_histories);
    return tests;
}
