/* Goal: the list of tasks says who waits for what, on every scheduler; counters count; a panic names its task.
 * Method: one task in each state, the list written to a file and searched. */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

static struct weft_chan *chan;

static void receive(void *unused)
{
    (void)unused;
    weft_recv(chan, NULL);
}

static void sleep_long(void *unused)
{
    (void)unused;
    weft_sleep(3600000000000);
}

static void select_nothing(void *unused)
{
    (void)unused;
    struct weft_case cases[2] = {{.chan = chan, .op = WEFT_RECV}, {.chan = NULL}};
    weft_select(cases, 2);
}

static void wait_for_ever(void *unused)
{
    (void)unused;
    weft_send(NULL, NULL);
}

static char text[4096];

static void dump(void)
{
    FILE *file = tmpfile();
    CHECK(file != NULL);
    weft_dump_tasks(fileno(file));
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
}

static void dump_one_of_each(void *unused)
{
    (void)unused;
    chan = weft_chan_new_as("mutex", 8, 1);
    weft_go_named("the receiver", receive, NULL);
    weft_go_named("the sleeper", sleep_long, NULL);
    weft_go_named("the chooser", select_nothing, NULL);
    weft_go_named("the lost", wait_for_ever, NULL);
    settle(4);
    CHECK_EQ(weft_task_count(), 5);
    dump();
    char expected[64];
    snprintf(expected, sizeof expected, "receives from %p", (void *)chan);
    static const char *const words[] = {"\"main\"", "runs or is runnable", "\"the receiver\"", "\"the sleeper\"",
                                        "sleeps",   "\"the chooser\"",     "selects",          "\"the lost\"",
                                        "for ever"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        CHECK_MSG(strstr(text, words[i]) != NULL, "'%s' is not in\n%s", words[i], text);
    }
    CHECK_MSG(strstr(text, expected) != NULL, "'%s' is not in\n%s", expected, text);
}

START_TEST(dump_says_who_waits_for_what)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            struct weft_options options = {.sched = registry_scheds[i]->name, .workers = 2};
            CHECK_STATUS(run_options(&options, dump_one_of_each, NULL), WEFT_OK);
            weft_chan_free(chan);
            dump(); /* outside of a run: nothing */
            CHECK_EQ(text[0], '\0');
        }
    }
END_TEST

static void end_at_once(void *unused)
{
    (void)unused;
}

static void count_events(void *unused)
{
    (void)unused;
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < 50; i++) {
        crew_go(&crew, end_at_once, NULL);
    }
    crew_fini(&crew);
    while (weft_task_count() > 1) {
        weft_yield();
    }
    struct sched_counters counters;
    runtime.sched->counters(&counters);
    CHECK_EQ(counters.spawns, 51);
    CHECK_EQ(counters.exits, 50);
}

START_TEST(counters_count)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            struct weft_options options = {.sched = registry_scheds[i]->name, .workers = 2};
            CHECK_STATUS(run_options(&options, count_events, NULL), WEFT_OK);
        }
    }
END_TEST

static void panic_in_task(void *unused)
{
    (void)unused;
    weft_panic("the answer is %d", 42);
}

static void panic_main(void *unused)
{
    (void)unused;
    weft_go_named("the unlucky", panic_in_task, NULL);
    for (;;) {
        weft_yield();
    }
}

static void panic_child(void)
{
    struct weft_options options = {.workers = 1};
    weft_run(&options, panic_main, NULL);
}

static void panic_outside_child(void)
{
    weft_panic("nobody's");
}

START_TEST(panic_names_its_task)
    {
        int status = in_child(panic_child, text, sizeof text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        CHECK_MSG(strstr(text, "panic: the answer is 42") != NULL && strstr(text, "\"the unlucky\"") != NULL, "%s",
                  text);
        status = in_child(panic_outside_child, text, sizeof text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        CHECK_MSG(strstr(text, "panic: nobody's") != NULL, "%s", text);
    }
END_TEST

TCase *report_tests(void)
{
    TCase *tests = tcase_create("report");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, dump_says_who_waits_for_what);
    tcase_add_test(tests, counters_count);
    tcase_add_test(tests, panic_names_its_task);
    return tests;
}
