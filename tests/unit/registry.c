/* Goal: variants and numbers are chosen by option, then by environment, then by default; what is wrong is refused with
 * a message that names it.
 * Method: every way to say it, in the environment of the test's own process; messages are read from a child's
 * stderr. */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

START_TEST(tables_are_complete)
    {
        for (size_t i = 0; registry_channels[i] != NULL; i++) {
            const struct chan_ops *ops = registry_channels[i];
            CHECK(registry_channel(ops->name) == ops);
            CHECK(ops->summary != NULL && ops->summary[0] != '\0');
            CHECK(ops->size && ops->header >= sizeof(struct weft_chan) && ops->send && ops->recv && ops->try_send &&
                  ops->try_recv && ops->close && ops->len && ops->poll);
            for (size_t j = 0; j < i; j++) {
                CHECK(strcmp(registry_channels[j]->name, ops->name) != 0);
            }
        }
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            CHECK(registry_sched(registry_scheds[i]->name) == registry_scheds[i]);
            CHECK(registry_scheds[i]->summary != NULL);
        }
        CHECK(registry_channel("nobody") == NULL && registry_sched("nobody") == NULL);
        CHECK(registry_channel(NULL) == NULL && registry_sched(NULL) == NULL);
    }
END_TEST

static struct runtime seen;

static void look(void *unused)
{
    (void)unused;
    seen =
        (struct runtime){.sched = runtime.sched, .chan = runtime.chan, .options = runtime.options}; /* the rest moves */
}

START_TEST(environment_and_options)
    {
        unsetenv("WEFT_SCHED");
        unsetenv("WEFT_CHAN");
        unsetenv("WEFT_WORKERS");
        CHECK_STATUS(weft_run(NULL, look, NULL), WEFT_OK);
        CHECK(seen.sched == registry_scheds[0] && seen.chan == registry_channels[0]);
        CHECK(seen.options.workers >= 1 && seen.options.seed != 0);
        setenv("WEFT_SCHED", "global", 1);
        setenv("WEFT_CHAN", "futex", 1);
        setenv("WEFT_WORKERS", "3", 1);
        CHECK_STATUS(weft_run(NULL, look, NULL), WEFT_OK);
        CHECK(strcmp(seen.sched->name, "global") == 0 && strcmp(seen.chan->name, "futex") == 0);
        CHECK_EQ(seen.options.workers, 3);
        struct weft_chan *chan = weft_chan_new(8, 1); /* outside of a run: the environment's */
        CHECK(chan != NULL && strcmp(chan->ops->name, "futex") == 0);
        weft_chan_free(chan);
        struct weft_options options = {.sched = "thread", .chan = "mutex", .workers = 2, .seed = 77};
        CHECK_STATUS(weft_run(&options, look, NULL), WEFT_OK); /* options win */
        CHECK(strcmp(seen.sched->name, "thread") == 0 && strcmp(seen.chan->name, "mutex") == 0);
        CHECK_EQ(seen.options.workers, 2);
        CHECK_EQ(seen.options.seed, 77);
        setenv("WEFT_SCHED", "", 1); /* empty is unset */
        setenv("WEFT_CHAN", "", 1);
        setenv("WEFT_WORKERS", "", 1);
        CHECK_STATUS(weft_run(NULL, look, NULL), WEFT_OK);
        CHECK(seen.sched == registry_scheds[0]);
    }
END_TEST

/* --- refusals --- */

static const char *bad_sched, *bad_chan, *bad_workers, *bad_seed, *bad_hog;
static struct weft_options bad_options;

static void run_bad(void)
{
    setenv("WEFT_SCHED", bad_sched, 1);
    setenv("WEFT_CHAN", bad_chan, 1);
    setenv("WEFT_WORKERS", bad_workers, 1);
    setenv("WEFT_SEED", bad_seed, 1);
    setenv("WEFT_HOG_MS", bad_hog, 1);
    _exit(weft_run(&bad_options, look, NULL) == WEFT_INVALID ? 0 : 1);
}

static void refused(const char *message)
{
    char text[1024];
    int status = in_child(run_bad, text, sizeof text);
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "not refused: %s", message);
    CHECK_MSG(strstr(text, message) != NULL, "'%s' is not in the message: %s", message, text);
}

START_TEST(bad_values_are_refused_by_name)
    {
        bad_sched = bad_chan = bad_workers = bad_seed = bad_hog = "";
        bad_options = (struct weft_options){.sched = "stael"};
        refused("unknown scheduler 'stael' (weft_options.sched); there are: steal global thread");
        bad_options = (struct weft_options){.chan = "rings"};
        refused("unknown channel 'rings' (weft_options.chan)");
        bad_options = (struct weft_options){.chan = "null"}; /* a control */
        refused("unknown channel 'null'");
        bad_options = (struct weft_options){.workers = 1025};
        refused("weft_options.workers");
        bad_options = (struct weft_options){.stack_size = SIZE_MAX};
        refused("weft_options.stack_size");
        bad_options = (struct weft_options){0};
        bad_sched = "fast";
        refused("unknown scheduler 'fast' (WEFT_SCHED)");
        bad_sched = "";
        bad_chan = "pipe";
        refused("unknown channel 'pipe' (WEFT_CHAN)");
        bad_chan = "";
        static const char *const numbers[] = {"0", "-1", "1025", "2x", "x", " ", "99999999999999999999", "0x2"};
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            bad_workers = numbers[i];
            refused("WEFT_WORKERS");
        }
        bad_workers = "";
        static const char *const seeds[] = {"-1", "7x", "seed", " 7", "18446744073709551616"};
        for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++) {
            bad_seed = seeds[i];
            refused("WEFT_SEED");
        }
        bad_seed = "";
        static const char *const limits[] = {"-1", "10ms", "99999999999999999999", "86400001"};
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            bad_hog = limits[i];
            refused("WEFT_HOG_MS");
        }
    }
END_TEST

START_TEST(status_names)
    {
        static const char *const names[] = {"OK", "CLOSED", "AGAIN", "TIMEOUT", "CANCELED", "NOMEM", "INVALID"};
        for (int i = 0; i < 7; i++) {
            CHECK(strcmp(weft_status_name((enum weft_status)i), names[i]) == 0);
        }
        CHECK(strcmp(weft_status_name((enum weft_status)7), "UNKNOWN") == 0);
        CHECK(strcmp(weft_status_name((enum weft_status) - 1), "UNKNOWN") == 0);
    }
END_TEST

TCase *registry_tests(void)
{
    TCase *tests = tcase_create("registry");
    tcase_add_test(tests, tables_are_complete);
    tcase_add_test(tests, environment_and_options);
    tcase_add_test(tests, bad_values_are_refused_by_name);
    tcase_add_test(tests, status_names);
    return tests;
}
