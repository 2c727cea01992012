/* Programs that use Weft while faults are injected. Each knows what must hold whatever fails: what an operation said it
 * did was done once, what it said it did not do was not done, and all of it ends. */
#ifndef TESTS_SCENARIO_H
#define TESTS_SCENARIO_H

#include "core/registry.h"

#include <weft.h>

struct scenario {
    const char *name;
    const char *about;
    void (*main)(void *unused); /* a run's main task */
    const char *last_words;     /* it must end the process with status 2 and this; or NULL */
};
extern const struct scenario scenario_all;    /* each call of the API at least once; what is refused is left out */
extern const struct scenario scenario_mixed;  /* channels, selects, locks, calls and threads outside at the same time */
extern const struct scenario scenario_timers; /* very many timers, of every kind, that are stopped and moved */
extern const struct scenario scenario_overflow; /* a task overflows its stack: the process ends, and says so */
extern const struct scenario scenario_stacks;   /* more stacks at once than there are guards by mprotect */

/* The run's channel variant serves capacities from here on; how many OS threads a scenario may have. */
extern size_t capacity_least;
extern bool tasks_are_threads;
/* What is refused once is refused for the rest of the run. */
extern bool never_again;

/* What a scenario asked for and was refused, in the ways that weft.h allows. */
extern _Atomic(unsigned) refused;

/* Ends the process: something happened that must not. */
void broken(const char *file, int line, const char *format, ...) __attribute__((noreturn, format(printf, 3, 4)));
enum { EXIT_BROKEN = 70 };

#define MUST(condition) (likely(condition) ? (void)0 : broken(__FILE__, __LINE__, "%s", #condition))
#define MUST_BE(expression, expected)                                                                                  \
    do {                                                                                                               \
        long long got_ = (long long)(expression), want_ = (long long)(expected);                                       \
        if (got_ != want_) {                                                                                           \
            broken(__FILE__, __LINE__, "%s is %lld, should be %s, %lld", #expression, got_, #expected, want_);         \
        }                                                                                                              \
    } while (0)

/* OK: true. NOMEM: false, and counted as refused. Anything else must not be. */
bool granted(enum weft_status status);
/* The same for what returns NULL. */
bool made(const void *object);
/* Runs fn(arg) in a frame; a panic that says "no memory" counts as refused, any other ends the process. True: it
 * returned. */
bool unless_no_memory(void (*fn)(void *), void *arg);

#endif
