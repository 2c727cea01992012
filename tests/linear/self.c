/* Goal: broken variants are caught. */
#include "broken.h"
#include "hunt.h"
#include "tests/harness.h"

static void try_one(const struct chan_ops *ops, const char *sched, unsigned workers, unsigned count)
{
    struct hunt wish = {.variant = ops, .sched = sched, .workers = workers, .seed = combination.seed, .count = count};
    struct quarry quarry = hunt(&wish);
    fprintf(stderr, "%s %s %u: %u histories, %u refuted first %u\n", ops->name, sched, workers, quarry.histories,
            quarry.refuted, quarry.index);
    if (quarry.refuted && getenv("SHOW")) {
        struct verdict verdict = history_check(&quarry.history);
        verdict_print(stderr, &quarry.history, &verdict);
    }
}

START_TEST(all)
    {
        for (size_t i = 0; i < broken_count(); i++) {
            bool by;
            const struct chan_ops *ops = broken_variant(i, &by);
            try_one(ops, "sim", 1, 20000);
            try_one(ops, "steal", 2, 3000);
            try_one(ops, "steal", 4, 3000);
            try_one(ops, "global", 2, 3000);
            try_one(ops, "thread", 2, 3000);
            try_one(ops, "thread", 4, 3000);
        }
        struct hunt wish = {.variant = ordered_variant(),
                            .sched = "sim",
                            .workers = 1,
                            .seed = combination.seed,
                            .count = 20000,
                            .rendezvous = true};
        struct quarry quarry = hunt(&wish);
        fprintf(stderr, "ordered: %u refuted\n", quarry.refuted);
        if (quarry.refuted && getenv("SHOW")) {
            struct verdict verdict = history_check(&quarry.history);
            verdict_print(stderr, &quarry.history, &verdict);
        }
    }
END_TEST

void add_tests(Suite *suite)
{
    TCase *tests = tcase_create("self");
    tcase_set_timeout(tests, 500);
    tcase_add_test(tests, all);
    suite_add_tcase(suite, tests);
}
