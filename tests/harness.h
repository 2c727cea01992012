/* What the C tests share: the combination under test, a watchdog, checks that are cheap when they hold.
 *
 * The harness is libcheck: each test runs in a process of its own, so that a crash, a hang or a leak is that test's. A
 * test of a combination runs its body as the main task of weft_run, while a thread outside of the run watches: after
 * the time limit it prints the combination, the seed and every task, and aborts. A hang is a failure.
 *
 * Programs are called as PROGRAM [CHANNEL SCHEDULER WORKERS]. Environment: WEFT_SEED (else from the clock; printed),
 * WEFT_TEST_SECONDS (limit of one test), WEFT_STRESS_SCALE (percent), CK_RUN_CASE (libcheck's: one file's tests),
 * WEFT_TEST (one test by its name). */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include "core/registry.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

struct combination {
    const char *chan, *sched;
    unsigned workers;
    uint64_t seed;
    const struct chan_caps *caps;
    const struct sched_caps *sched_caps;
};
extern struct combination combination;

/* Each program defines this. */
void add_tests(Suite *suite);
void add_test(TCase *cases, const TTest *test);

/* Fails the test, from any thread and any stack. */
void test_fail(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));

#define CHECK(condition) (likely(condition) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #condition))
#define CHECK_MSG(condition, ...) (likely(condition) ? (void)0 : test_fail(__FILE__, __LINE__, __VA_ARGS__))
/* Two integers. */
#define CHECK_EQ(left, right)                                                                                          \
    do {                                                                                                               \
        long long left_ = (long long)(left), right_ = (long long)(right);                                              \
        CHECK_MSG(left_ == right_, "%s is %lld, should be %s, %lld", #left, left_, #right, right_);                    \
    } while (0)
#define CHECK_STATUS(expression, expected)                                                                             \
    do {                                                                                                               \
        enum weft_status got_ = (expression);                                                                          \
        CHECK_MSG(got_ == (expected), "%s is %s, should be %s", #expression, weft_status_name(got_), #expected);       \
    } while (0)

/* $WEFT_TEST_BRIEF: what takes long by the real clock is left out. */
bool brief(void);

/* Says why a part of a test does not apply. */
void skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs body(arg) as the main task of a run of the combination, under the watchdog. */
void run_body(void (*body)(void *), void *arg);
/* The same with options of the caller's; returns weft_run's status. */
enum weft_status run_options(const struct weft_options *options, void (*body)(void *), void *arg);
/* Arms the watchdog for tests that call weft_run themselves. */
void watchdog_start(void);
void watchdog_stop(void);

/* A test whose body is a task. */
#define TASK_TEST(name)                                                                                                \
    static void name##_body(void *unused);                                                                             \
    START_TEST(name)                                                                                                   \
        {                                                                                                              \
            run_body(name##_body, NULL);                                                                               \
        }                                                                                                              \
    END_TEST                                                                                                           \
    static void name##_body(__attribute__((unused)) void *unused)

/* Runs fn() in a child process; returns its wait status. *text receives up to size - 1 bytes of its stderr. Call it
 * where no other thread lives. */
int in_child(void (*fn)(void), char *text, size_t size);

/* A channel of the combination's variant; fails the test if there is none. */
struct weft_chan *make_chan(size_t elem_size, size_t capacity);
/* Does the variant serve it? Prints the skip if not. */
bool serves(size_t capacity);

/* Tasks that the test waits for. */
struct crew {
    struct weft_chan *done;
    size_t count;
};
void crew_init(struct crew *crew);
void crew_go(struct crew *crew, void (*fn)(void *), void *arg);
void crew_wait(struct crew *crew); /* for all; the crew may then be used again */
void crew_fini(struct crew *crew);

/* Yields until at least `count` tasks wait for something, the calling one not counted. */
void settle(size_t count);
/* Yields until *flag >= value. */
void await_at_least(_Atomic(unsigned) *flag, unsigned value);

/* Calls of malloc, calloc and aligned_alloc so far, by what is linked into the program. */
size_t allocations(void);
/* The `count` calls after `after` more fail, in whatever thread; 0, 0: none. */
void fail_allocations(size_t after, size_t count);

/* After so many more, no thread can be created; SIZE_MAX: all can. */
void fail_threads(size_t after);

/* Every thread has a shadow stack, as far as Weft can tell. */
extern bool pretend_shadow_stack;

/* A generator for the test's own choices: every stream is a function of the seed. */
struct dice {
    uint64_t state;
};
struct dice dice_new(uint64_t stream);
uint32_t dice_below(struct dice *dice, uint32_t bound);

#if defined(SANITIZE_THREAD)
enum { SLOWNESS = 20 };
#elif defined(SANITIZE_ADDRESS)
enum { SLOWNESS = 4 };
#else
enum { SLOWNESS = 1 };
#endif
/* `full` rounds in a plain build, fewer under sanitizers and on OS threads, scaled by WEFT_STRESS_SCALE; at least 1. */
size_t rounds(size_t full);

#endif
