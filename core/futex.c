#include "futex.h"

#include "timer.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum futex_result futex_wait(_Atomic(uint32_t) *word, uint32_t expected, weft_ns deadline)
{
    weft_ns when = deadline < 0 ? 0 : deadline; /* the kernel refuses instants before its clock's start */
    struct timespec at = {.tv_sec = when / 1000000000, .tv_nsec = when % 1000000000};
    /* WAIT_BITSET takes an absolute instant of CLOCK_MONOTONIC, WAIT a relative one */
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline == WEFT_FOREVER ? NULL : &at,
                          NULL, FUTEX_BITSET_MATCH_ANY);
    return result != 0 && errno == ETIMEDOUT ? FUTEX_TIMED_OUT : FUTEX_WOKEN;
}

unsigned futex_wake(_Atomic(uint32_t) *word, unsigned count)
{
    long woken = syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : (int)count, NULL, NULL, 0);
    return woken < 0 ? 0 : (unsigned)woken;
}
