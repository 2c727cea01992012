#include "lock.h"

#include <sched.h>
#include <time.h>

bool tasks_alone;

enum { SPIN_ROUNDS = 64, YIELD_ROUNDS = 1024 };

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

cold_function void lock_acquire_contended(struct lock *lock)
{
    for (unsigned round = 0;; round++) {
        /* relaxed: a hint, the exchange in lock_try validates it */
        if (load_relaxed(&lock->held) == 0 && lock_try(lock)) {
            return;
        }
        backoff(round);
    }
}
