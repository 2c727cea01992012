/* One function for each theme. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include "tests/harness.h"

TCase *run_tests(void);
TCase *channel_tests(void);
TCase *blocking_tests(void);
TCase *close_tests(void);
TCase *deadline_tests(void);
TCase *select_tests(void);
TCase *select_wait_tests(void);

static const size_t capacities[] = {0, 1, 2, 3, 7, 64, 1000};
enum { CAPACITIES = sizeof capacities / sizeof capacities[0] };

static inline bool not_served(size_t capacity)
{
    return capacity < combination.caps->capacity_min; /* the suite prints the skip once */
}

#endif
