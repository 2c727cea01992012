/* Goal: a task that overflows its stack dies there and then, and does not write over its neighbour's; the size of a stack
 * is what the options say.
 * Method: child processes that recurse without end, or touch nearly all of a stack. */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OVERFLOWED = 128 * 1024, BEYOND = 8 * 1024 };

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
    weft_go(overflow, NULL);
    for (;;) {
        weft_yield();
    }
}

static const char *child_sched;

static void overflow_child(void)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would make an exit of it */
    struct weft_options options = {.sched = child_sched, .workers = 1, .stack_size = OVERFLOWED};
    weft_run(&options, overflow_main, NULL);
}

START_TEST(overflow_hits_the_guard)
    {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            child_sched = registry_scheds[i]->name;
            int status = in_child(overflow_child, NULL, 0);
            CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%s: wait status %#x", child_sched,
                      (unsigned)status);
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
    size_t tasks = SLOWNESS > 1 ? 2000 : 40000; /* with mprotect alone 32,753 would be the end */
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
    tcase_add_test(tests, stack_size_is_usable);
    tcase_add_test(tests, more_stacks_than_mappings);
    return tests;
}
