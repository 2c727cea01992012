/* Channel variants that are wrong on purpose, or right but claim too much: what the checker must catch. Compiled into
 * its self-test only. */
#ifndef LINEAR_BROKEN_H
#define LINEAR_BROKEN_H

#include "core/chan.h"

size_t broken_count(void);
/* The name says what is wrong. *by_chance: it shows only where two threads are in an operation at once. */
const struct chan_ops *broken_variant(size_t index, bool *by_chance);

/* Every few times, the calling thread gives its processor away. */
void stop_now_and_then(void);

/* ck, whose senders stop where they may come to be too many. */
extern const struct chan_ops stopping_ck_ops;

/* D. Vyukov's queue as it was published: a finished send behind a stalled one reads as empty. */
extern const struct chan_ops vyukov_ops;

/* Right, and claims all that it keeps, at capacity 0: order among waiters, and hand-off. */
const struct chan_ops *ordered_variant(void);

#endif
