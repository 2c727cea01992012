/* The sequential model of Go's channels, as far as the flags of the variants claim it.
 *
 * State of a buffered channel: its values, and whether it is closed. A send appends if there is room, a receive takes
 * the first; closed: sends report CLOSED, receives do once it is empty. A rendezvous holds nothing: a send and a
 * receive of two tasks happen at one instant, at least one of them having waited, so that two tries never meet. A
 * select does one of its cases; it never meets itself.
 *
 * Where something did not happen (a default, AGAIN, TIMEOUT, CANCELED) each case must have been impossible at some
 * instant of the call. At one and the same instant: a default where all channels claim select_atomic.
 *
 * A flag that is not claimed relaxes this:
 *   capacity_exact  a send that overlaps with another operation on the channel may exceed the capacity; alone it may
 *                   not
 *   try_exact       an attempt that overlaps with another operation on the channel may fail for nothing; alone it may
 *                   not
 *   select_atomic   the cases of a default were impossible each at an instant of its own
 *   fifo_waiters    who waits is served in any order, and a newcomer may overtake
 *   hand_off        a value that was sent while receivers wait may be taken by anybody
 * len has no flag of its own. It must have been true at an instant of the call if the variant claims exact capacity and
 * exact tries; else it may be off by the number of operations on the channel that overlap.
 *
 * Waiting: an operation that must wait tells its channels so at one point (suspend) and is done at another (resume).
 * For a buffered channel without fifo_waiters and hand_off the first is unobservable and left out. For a rendezvous it
 * matters to tries: they fail unless a partner waits; as nobody can know that a task waits before it was seen
 * (KIND_SEEN, KIND_STUCK), the suspend is taken to be at the latest instant possible. With fifo_waiters or hand_off
 * both points are searched for, case by case, and the order of the queue is part of the state.
 *
 * A select that waits on a buffered channel without hand_off is woken by it to try again, and meanwhile stands in no
 * queue. If it waits on a rendezvous too, a try there may miss it, and others may overtake it: such an operation is not
 * `firm`. In Go it would be. */
#ifndef LINEAR_MODEL_H
#define LINEAR_MODEL_H

#include "history.h"

enum { BUFFER_MAX = 48, QUEUE_MAX = 24, SEEN_CANCELED = 1 << 7 };

struct model_channel {
    uint8_t closed;
    uint8_t count;
    uint8_t values[BUFFER_MAX]; /* oldest first; zero behind count, so that states compare as bytes */
};

struct model {
    uint64_t done;    /* operations that have taken effect, or had none */
    uint64_t waiting; /* of those that are not done: known to wait */
    uint8_t canceled; /* the context */
    uint8_t queued;   /* length of queue */
    /* Of ordered channels: who waits, as operation * CASES_MAX + case, in order of coming within each side of a
     * channel. */
    uint8_t queue[QUEUE_MAX];
    /* Of each operation: bits of the cases that were impossible at some instant of the call, and SEEN_CANCELED. */
    uint8_t seen[OPERATIONS_MAX];
    struct model_channel channels[CHANNELS_MAX];
    uint8_t unused[2]; /* zero */
};

/* What does not change while a history is searched. */
struct world {
    const struct history *history;
    uint64_t before[OPERATIONS_MAX];  /* bits of the operations that precede it */
    uint64_t sat_out[OPERATIONS_MAX]; /* bits of the KIND_STUCK in which it waited: no effect before them */
    /* With how many operations on that channel it overlaps. */
    uint8_t overlaps[OPERATIONS_MAX][CHANNELS_MAX];
    uint64_t firm; /* operations that wait without a break; see above */
};

void world_init(struct world *world, const struct history *history);

/* One thing that can happen next. */
struct move {
    enum { MOVE_DO, MOVE_MEET, MOVE_ENTER } kind;
    uint8_t op, c; /* operation and case */
    /* MOVE_MEET: the receiver. MOVE_DO of a send: the receiver that it is handed to, or NOBODY. */
    uint8_t partner, partner_c;
};
enum { NOBODY = 255, MOVES_MAX = 256 };

/* Does what changes nothing and can be done; see checker.h. */
void model_settle(const struct world *world, struct model *model);
/* What else can be done; fills `moves` and returns their number. */
unsigned model_moves(const struct world *world, const struct model *model, struct move *moves);
void model_apply(const struct world *world, struct model *model, const struct move *move);
/* Every operation that returned is done. */
bool model_finished(const struct world *world, const struct model *model);

#endif
