#include "lock.h"

#include <sched.h>
#include <time.h>

bool weft_alone;

enum {
    SPIN_ROUNDS = 64,
    YIELD_ROUNDS = 1024,
    AWAY_FIRST = 64, /* pauses */
    AWAY_DOUBLED = 2,
    AWAY_ROUNDS = 8,
};

void backoff(unsigned round)
{
    if (round < SPIN_ROUNDS) {
        cpu_relax();
    } else if (round < YIELD_ROUNDS) {
        sched_yield();
    } else {
        nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
    }
}

cold_function void stay_away(unsigned round)
{
    if (round >= AWAY_ROUNDS) {
        backoff(round - AWAY_ROUNDS + SPIN_ROUNDS);
        return;
    }
    unsigned doubled = round < AWAY_DOUBLED ? round : AWAY_DOUBLED;
    for (unsigned pause = (unsigned)AWAY_FIRST << doubled; pause > 0; pause--) {
        cpu_relax();
    }
}

cold_function void lock_acquire_contended(struct lock *lock)
{
    unsigned round = 0;
    do {
        stay_away(round++);
        /* relaxed: a hint, the exchange in lock_try validates it */
    } while (load_relaxed(&lock->held) != 0 || !lock_try(lock));
}
