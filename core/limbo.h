/* Limbo: channels that were freed while operations on them may still be returning.
 *
 * A receiver may have its value, and free the channel, while the sender still looks whether somebody else is to be
 * woken; or see CLOSED while the closer still wakes the others. In Go the collector keeps the channel for that moment.
 * Here a freed channel stays in limbo until every worker has made a scheduling decision since: no operation that was
 * under way has one between its effect and its return.
 *
 * Source: quiescent-state-based reclamation: P. McKenney, J. Slingwine, "Read-copy update: using execution history to
 * solve concurrency problems" (PDCS 1998); T. Hart, P. McKenney, A. Demke Brown, J. Walpole, "Performance of memory
 * reclamation for lockless synchronization" (JPDC 67, 2007).
 * State: limbo_epoch counts up with each batch of freed channels; worker.epoch is the value that the worker saw at its
 * last scheduling decision, LIMBO_ASLEEP while it has no task at hand.
 * Ordering: E1 worker.epoch release -> limbo's acquire: what the operation did happens before the memory goes. A worker
 * whose operation had its effect before the free read its epoch before that, hence not a later one than the channel's
 * mark. */
#ifndef CORE_LIMBO_H
#define CORE_LIMBO_H

#include "atomic.h"

#define LIMBO_ASLEEP UINT64_MAX

struct weft_chan;

/* Freed channels: `filling` is marked with the epoch of now, `waiting` with an older one. */
struct limbo {
    struct weft_chan *filling, *waiting;
    unsigned count;         /* of filling */
    uint64_t waiting_epoch; /* those that wait go when every worker has seen a later one */
};

extern _Atomic(uint64_t) limbo_epoch;

/* Takes the channel, and frees those whose time has come. Any thread. Allocates nothing. A worker of a run that keeps
 * its workers to its end has a limbo of its own; all other threads share one, under a lock. */
void limbo_free(struct weft_chan *chan);
/* Moves what is in a worker's own limbo to the shared one, when the worker is no more. */
void limbo_retire(struct limbo *limbo);
/* Frees all. When no worker exists. */
void limbo_drain(void);

/* For the owner of a worker's `epoch`, at a scheduling decision: no operation of it is under way, or only such as
 * wait. */
static force_inline void limbo_quiet(_Atomic(uint64_t) *epoch)
{
    store_release(epoch, load_acquire(&limbo_epoch)); /* E1 */
}

#endif
