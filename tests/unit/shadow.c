/* Goal: where threads have shadow stacks, a run that would switch stacks is refused, clearly and before anything has
 * happened; one whose tasks are threads is not.
 * Method: the look at the processor is told to say yes; and, where processor and kernel have shadow stacks, a child
 * switches its own on. */
#include "unit.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct sched_ops *sched;
enum { EXIT_OTHER = 10, EXIT_NONE = 77 };

static void say_here(void *unused)
{
    (void)unused;
    dprintf(STDERR_FILENO, "the main task ran\n");
}

/* Its exit status is the run's, so that it works where nothing may return. */
static void run_here(void)
{
    struct weft_options options = {.sched = sched->name};
    _exit(EXIT_OTHER + (int)weft_run(&options, say_here, NULL));
}

static void pretend(void)
{
    pretend_shadow_stack = true;
    run_here();
}

static void check_answer(void (*child)(void))
{
    for (size_t i = 0; registry_scheds[i] != NULL; i++) {
        char text[2000];
        sched = registry_scheds[i];
        int status = in_child(child, text, sizeof text);
        CHECK_MSG(WIFEXITED(status), "%s: wait status %#x: %s", sched->name, (unsigned)status, text);
        if (WEXITSTATUS(status) == EXIT_NONE) {
            skip("no shadow stack to be had: %s", text);
            return;
        }
        bool refused = strstr(text, "shadow stack") != NULL && strstr(text, sched->name) != NULL;
        bool ran = strstr(text, "the main task ran") != NULL;
        CHECK_MSG(WEXITSTATUS(status) == EXIT_OTHER + (sched->caps.os_threads ? WEFT_OK : WEFT_INVALID) &&
                      refused == !sched->caps.os_threads && ran == sched->caps.os_threads,
                  "%s: %d: %s", sched->name, WEXITSTATUS(status), text);
    }
}

START_TEST(a_shadow_stack_is_refused)
    {
        check_answer(pretend);
    }
END_TEST

/* From here on no function may return that was called before: so the system call is made in line. */
static void switch_on(void)
{
#ifdef __x86_64__
    enum { SHSTK_ENABLE = 0x5001, SHSTK_SHSTK = 1 }; /* Linux 6.6, asm/prctl.h */
    long result = SYS_arch_prctl;
    __asm__ volatile("syscall" : "+a"(result) : "D"(SHSTK_ENABLE), "S"(SHSTK_SHSTK) : "rcx", "r11", "memory");
    if (result == 0) {
        run_here();
    }
    dprintf(STDERR_FILENO, "arch_prctl says %ld", result);
#else
    dprintf(STDERR_FILENO, "tested on x86-64");
#endif
    _exit(EXIT_NONE);
}

START_TEST(a_real_one_is_refused)
    {
        check_answer(switch_on);
    }
END_TEST

TCase *shadow_tests(void)
{
    TCase *tests = tcase_create("shadow");
    tcase_add_test(tests, a_shadow_stack_is_refused);
    tcase_add_test(tests, a_real_one_is_refused);
    return tests;
}
