/* One function for each theme. */
#ifndef TESTS_CONFORMANCE_H
#define TESTS_CONFORMANCE_H

#include "tests/harness.h"

#define THEME(name) TCase *name##_tests(void);
#include "themes.def"
#undef THEME

static const size_t capacities[] = {0, 1, 2, 3, 7, 64, 1000};
enum { CAPACITIES = sizeof capacities / sizeof capacities[0] };

static inline bool not_served(size_t capacity)
{
    return capacity < combination.caps->capacity_min; /* the suite prints the skip once */
}

#endif
