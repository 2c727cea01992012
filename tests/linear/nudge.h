/* A delay, now and then, as by a preemption: mostly nothing; one time in some dozens the thread spins, gives its
 * processor away, or sleeps a little. weft-linear-nudged is linked with a copy of the library in which one stands
 * before each atomic operation that publishes, claims or orders (core/test_point.h): so an operation is interrupted
 * between any two of its steps. */
#ifndef LINEAR_NUDGE_H
#define LINEAR_NUDGE_H

void nudge(void);

#endif
