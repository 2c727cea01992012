/* Goal: a task that overflows its stack dies there and then, by name, and does not write over its neighbour's; the size
 * of a stack is what the options say, and is given back when a deep one goes idle.
 * Method: child processes that recurse without end; tasks that touch nearly all of a stack; resident pages are asked of
 * the kernel. */
#include "unit.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OVERFLOWED = 256 * 1024, BEYOND = 8 * 1024 };

/* Goes down to just below the stack's end: without a guard that is the neighbour's top, and nobody would notice. */
static __attribute__((noinline)) size_t recurse(uintptr_t end)
{
    volatile char frame[512];
    frame[end % 512] = (char)end;
    return (uintptr_t)frame > end ? recurse(end) + (size_t)frame[end % 512] : 0;
}

static void overflow(void *unused)
{
    (void)unused;
    char here;
    recurse((uintptr_t)&here - OVERFLOWED - BEYOND);
    _exit(0);
}

static void spare(void *unused)
{
    (void)unused;
    weft_recv(NULL, NULL);
}

static void overflow_main(void *unused)
{
    (void)unused;
    weft_go(spare, NULL); /* a neighbour */
    weft_go_named("too deep", overflow, NULL);
    for (;;) {
        weft_yield();
    }
}

static const char *child_sched;

static void overflow_child(void)
{
    alarm(30);
    struct weft_options options = {.sched = child_sched, .workers = 1, .stack_size = OVERFLOWED};
    weft_run(&options, overflow_main, NULL);
}

START_TEST(overflow_hits_the_guard)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            child_sched = registry_scheds[i]->name;
            char text[4096];
            int status = in_child(overflow_child, text, sizeof text);
            CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s: wait status %#x: %s", child_sched,
                      (unsigned)status, text);
            CHECK_MSG(strstr(text, "stack overflow") != NULL && strstr(text, "\"too deep\"") != NULL &&
                          strstr(text, "262144 bytes") != NULL,
                      "%s: %s", child_sched, text);
        }
    }
END_TEST

/* --- frames larger than a page --- */

static size_t frame_size;

/* Touches each frame at its low end only, so that all but the last step lands above the guard, and the last one in
 * it. */
static __attribute__((noinline)) size_t recurse_widely(uintptr_t end)
{
    volatile char *frame = __builtin_alloca(frame_size);
    frame[0] = (char)end;
    return (uintptr_t)frame > end ? recurse_widely(end) + (size_t)frame[0] : 0;
}

static void overflow_widely(void *unused)
{
    (void)unused;
    char here;
    for (int i = 0; i < 8; i++) { /* neighbours that are younger: below, where the system puts the next mapping */
        weft_go(spare, NULL);
    }
    weft_sleep(1000000);
    recurse_widely((uintptr_t)&here - OVERFLOWED - BEYOND);
    _exit(0);
}

static void end_at_once(void *unused)
{
    (void)unused;
}

/* The stack has been another task's before, and its neighbour is in use. */
static void widely_main(void *unused)
{
    (void)unused;
    weft_go(spare, NULL);
    for (int i = 0; i < 10; i++) {
        weft_go(end_at_once, NULL);
        weft_yield();
    }
    weft_go_named("too wide", overflow_widely, NULL);
    for (;;) {
        weft_yield();
    }
}

static void widely_child(void)
{
    alarm(30);
    struct weft_options options = {.sched = child_sched, .workers = 2, .stack_size = OVERFLOWED};
    weft_run(&options, widely_main, NULL);
}

START_TEST(large_frames_hit_the_guard)
    {
        static const size_t sizes[] = {5000, 16 * 1024, 60 * 1024};
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                child_sched = registry_scheds[i]->name;
                frame_size = sizes[s];
                char text[4096];
                int status = in_child(widely_child, text, sizeof text);
                CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2 && strstr(text, "stack overflow") != NULL &&
                              strstr(text, "\"too wide\"") != NULL,
                          "%s, frames of %zu bytes: wait status %#x: %s", child_sched, frame_size, (unsigned)status,
                          text);
            }
        }
    }
END_TEST

static void main_overflows(void *unused)
{
    weft_go(spare, NULL);
    overflow(unused);
}

static void main_child(void)
{
    alarm(30);
    struct weft_options options = {.sched = child_sched, .workers = 2, .stack_size = OVERFLOWED};
    weft_run(&options, main_overflows, NULL);
}

/* The main task is one like the others, where tasks have stacks of their own. */
START_TEST(main_overflows_too)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            child_sched = registry_scheds[i]->name;
            char text[4096];
            int status = registry_scheds[i]->caps.os_threads ? 0 : in_child(main_child, text, sizeof text);
            CHECK_MSG(registry_scheds[i]->caps.os_threads ||
                          (WIFEXITED(status) && WEXITSTATUS(status) == 2 && strstr(text, "stack overflow") != NULL &&
                           strstr(text, "\"main\"") != NULL),
                      "%s: wait status %#x: %s", child_sched, (unsigned)status, text);
        }
    }
END_TEST

static void wild_main(void *unused)
{
    (void)unused;
    static volatile uintptr_t nowhere = 64; /* the compiler is not to know */
    *(volatile int *)nowhere = 1;
}

static void wild_child(void)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would make an exit of it */
    alarm(30);
    struct weft_options options = {.sched = child_sched, .workers = 1};
    weft_run(&options, wild_main, NULL);
}

/* Any other fault is what it would be without Weft. */
START_TEST(other_faults_are_passed_on)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            child_sched = registry_scheds[i]->name;
            int status = in_child(wild_child, NULL, 0);
            CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%s: wait status %#x", child_sched,
                      (unsigned)status);
        }
    }
END_TEST

static __attribute__((noinline)) size_t frame_of_1k(unsigned depth)
{
    volatile char frame[1024];
    for (size_t i = 0; i < sizeof frame; i += 64) {
        frame[i] = (char)depth;
    }
    return depth == 0 ? 0 : frame_of_1k(depth - 1) + (size_t)(frame[depth % 1024] & 1);
}

static void thousand_frames(void *unused)
{
    (void)unused;
    frame_of_1k(1000);
}

static void thousand_main(void *unused)
{
    struct crew crew;
    (void)unused;
    crew_init(&crew);
    crew_go(&crew, thousand_frames, NULL);
    thousand_frames(NULL);
    crew_fini(&crew);
}

/* With the default options. */
START_TEST(a_thousand_frames_of_a_kilobyte)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            struct weft_options options = {.sched = registry_scheds[i]->name};
            CHECK_STATUS(run_options(&options, thousand_main, NULL), WEFT_OK);
        }
    }
END_TEST

/* --- trimming --- */

enum { PAGE = 4096, DEEP_PAGES = 48 * 256, DEEP = DEEP_PAGES * PAGE };

static char *deep; /* the lowest page that the deep task touched: its stack stays mapped when it has ended */

/* Of those pages alone: what a sanitizer keeps about them stays resident. */
static size_t resident_pages(void)
{
    static unsigned char resident[DEEP_PAGES];
    size_t pages = 0;
    CHECK(mincore(deep, DEEP, resident) == 0);
    for (size_t i = 0; i < DEEP_PAGES; i++) {
        pages += resident[i] & 1;
    }
    return pages;
}

static void touch_deep(void *unused)
{
    (void)unused;
    volatile char *bytes = __builtin_alloca(DEEP + PAGE);
    for (size_t i = 0; i < DEEP; i += PAGE) {
        bytes[i] = 1;
    }
    deep = (char *)(((uintptr_t)bytes + PAGE - 1) & ~(uintptr_t)(PAGE - 1));
    size_t most = resident_pages(); /* here: once the task has ended, an idle worker may trim its stack at once */
    CHECK_MSG(most > DEEP_PAGES / 2, "%zu pages resident in the task", most);
    weft_yield();
}

static void trim_main(void *unused)
{
    struct crew crew;
    (void)unused;
    crew_init(&crew);
    crew_go(&crew, touch_deep, NULL);
    crew_fini(&crew);
    while (resident_pages() > DEEP_PAGES / 4) { /* the watchdog limits it */
        weft_sleep(10000000);
    }
}

START_TEST(a_deep_stack_is_trimmed)
    {
        static const char *const scheds[] = {"steal", "global"};
        for (size_t i = 0; i < 2; i++) {
            struct weft_options options = {.sched = scheds[i], .workers = 2, .stack_size = DEEP + 1024 * 1024};
            CHECK_STATUS(run_options(&options, trim_main, NULL), WEFT_OK);
        }
    }
END_TEST

static void use_most(void *arg)
{
    size_t size = *(size_t *)arg;
    volatile char *bytes = __builtin_alloca(size);
    for (size_t i = 0; i < size; i += 1024) {
        bytes[i] = 1;
    }
}

static void use_main(void *arg)
{
    struct crew crew;
    crew_init(&crew);
    crew_go(&crew, use_most, arg);
    crew_fini(&crew);
}

START_TEST(stack_size_is_usable)
    {
        static const size_t sizes[] = {64 * 1024, 256 * 1024, 1024 * 1024, 16 * 1024 * 1024, 100001};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t used = sizes[i] - 16 * 1024; /* the guard and the first frames */
            struct weft_options options = {.workers = 2, .stack_size = sizes[i]};
            CHECK_STATUS(run_options(&options, use_main, &used), WEFT_OK);
        }
    }
END_TEST

static void sleep_long(void *unused)
{
    (void)unused;
    weft_sleep(3600000000000);
}

static void many_stacks(void *unused)
{
    (void)unused;
    size_t tasks = SLOWNESS > 1 ? 2000 : 100000; /* with mprotect alone 32,753 would be the end */
    for (size_t i = 0; i < tasks; i++) {
        CHECK_STATUS(weft_go(sleep_long, NULL), WEFT_OK);
    }
    settle(tasks);
}

START_TEST(more_stacks_than_mappings)
    {
        struct weft_options options = {.sched = "steal", .workers = 1};
        CHECK_STATUS(run_options(&options, many_stacks, NULL), WEFT_OK);
        CHECK_STATUS(run_options(&options, many_stacks, NULL), WEFT_OK);
    }
END_TEST

TCase *stack_tests(void)
{
    TCase *tests = tcase_create("stack");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, overflow_hits_the_guard);
    tcase_add_test(tests, large_frames_hit_the_guard);
    tcase_add_test(tests, main_overflows_too);
    tcase_add_test(tests, other_faults_are_passed_on);
    tcase_add_test(tests, a_thousand_frames_of_a_kilobyte);
    tcase_add_test(tests, a_deep_stack_is_trimmed);
    tcase_add_test(tests, stack_size_is_usable);
    tcase_add_test(tests, more_stacks_than_mappings);
    return tests;
}
