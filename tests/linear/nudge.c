#include "nudge.h"

#include "core/context.h"

#include <sched.h>
#include <time.h>

enum { PERIOD = 32, SPINS = 64 };

void test_point_reached(void); /* core/test_point.h */

/* Never inlined: the state is the thread's, and a task may go on on another one. */
no_race_check __attribute__((noinline)) void nudge(void)
{
    static _Thread_local uint64_t state;
    if (state == 0) {
        state = (uintptr_t)&state | 1;
    }
    state ^= state << 13; /* G. Marsaglia, "Xorshift RNGs" (2003) */
    state ^= state >> 7;
    state ^= state << 17;
    uint32_t roll = (uint32_t)(state >> 32) % (16 * PERIOD);
    if (roll == 0) {
        struct timespec instant = {.tv_nsec = 1}; /* plus what the kernel adds */
        nanosleep(&instant, NULL);
    } else if (roll < 6) {
        sched_yield();
    } else if (roll < 16) {
        for (uint32_t i = 0; i < SPINS * (roll - 5); i++) {
            cpu_relax();
        }
    }
}

no_race_check void test_point_reached(void)
{
    nudge();
}
