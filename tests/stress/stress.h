/* One function for each file. */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include "tests/harness.h"

TCase *traffic_tests(void);
TCase *storm_tests(void);
TCase *stalled_tests(void);
TCase *lifetime_tests(void);

static const size_t capacities[] = {0, 1, 2, 64};
enum { CAPACITIES = sizeof capacities / sizeof capacities[0] };

static inline bool not_served(size_t capacity)
{
    return capacity < combination.caps->capacity_min;
}

/* One message by a way chosen at random: plain, try in a loop, with a near deadline in a loop, or a select. */
enum weft_status send_somehow(struct dice *dice, struct weft_chan *chan, const void *value);
enum weft_status recv_somehow(struct dice *dice, struct weft_chan *chan, void *value);

#endif
