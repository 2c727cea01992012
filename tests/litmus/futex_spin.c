/* channel_2x2.c over `futex` whose mutex is looked at once more before a task waits for it. */
#define VARIANT futex
#define FUTEX_SPIN 1
#include "tests/litmus/channel_2x2.c"
