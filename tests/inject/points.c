/* What happens before an atomic operation of Weft's: see core/test_point.h. */
#undef WEFT_TEST_POINTS /* its own operations are no places to be held up at */
#include "inject.h"

#include "core/atomic.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

extern const char __executable_start; /* the linker's */

/* Declared here and not by core/test_point.h, which would wrap what is used in this file. */
void test_point_reached(void);
bool test_point_fails(void);

/* Counts a hit; true: this one is to be held up. */
static void record(uintptr_t offset)
{
    uint32_t index = (uint32_t)(offset * 0x9E3779B97F4A7C15u >> 40) % SITES_MAX; /* Fibonacci hashing */
    for (uint32_t i = 0; i < SITES_MAX; i++) {
        struct site *site = &plan->sites[(index + i) % SITES_MAX];
        uintptr_t seen = load_relaxed(&site->offset); /* the CAS validates */
        if (seen == 0 && cas_acq_rel(&site->offset, &seen, offset)) {
            seen = offset;
        }
        if (seen == offset) {
            add_relaxed(&site->hits, 1u); /* statistic */
            return;
        }
    }
}

/* From a dozen instructions to some time slices; never longer than the plan says. */
static void hold_up(uint32_t most_us)
{
    uint32_t way = inject_dice(8);
    inject_count(FAULT_DELAY);
    if (way < 4) {
        for (uint32_t i = inject_dice(2000); i > 0; i--) {
            cpu_relax();
        }
    } else if (way < 6) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){.tv_nsec = 1000L * (1 + (long)inject_dice(most_us))}, NULL);
    }
}

void test_point_reached(void)
{
    if (!load_relaxed(&plan_armed)) { /* a hint: the plan is looked at below */
        return;
    }
    uintptr_t offset = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&__executable_start;
    int saved = errno;
    if (plan->record_sites) {
        record(offset);
    }
    if (plan->delay_site == 0 ? plan->permille[FAULT_DELAY] != 0 && inject_dice(1000) < plan->permille[FAULT_DELAY]
                              : plan->delay_site == offset && inject_dice(4) == 0) {
        hold_up(plan->delay_us);
    }
    errno = saved;
}

bool test_point_fails(void)
{
    return plan != NULL && plan->permille[FAULT_CAS] != 0 && inject_fails(FAULT_CAS);
}
