/* Capacity 0: a sender and a receiver meet under the channel's lock, and the value goes straight from one stack to
 * the other. What the variants `mutex`, `ring` and `futex` do at capacity 0.
 *
 * Source: the Go runtime's chansend / chanrecv (runtime/chan.go) for the hand-off under one lock; for select, which
 * there takes the locks of all its channels, this file pairs two waiting selects by their two words instead.
 * Guarantees: waiters are served first come, first served; no value is lost or doubled; a receive that was given a
 * value sees all that its sender wrote before.
 * Cost: one lock by each side, one park for the one that came first. */
#ifndef CORE_RENDEZVOUS_H
#define CORE_RENDEZVOUS_H

#include "chan.h"

enum weft_status rendezvous_send(struct weft_chan *chan, const void *value);
enum weft_status rendezvous_recv(struct weft_chan *chan, void *value);
enum weft_status rendezvous_try_send(struct weft_chan *chan, const void *value);
enum weft_status rendezvous_try_recv(struct weft_chan *chan, void *value);
uint64_t rendezvous_version(const struct weft_chan *chan, enum weft_op op);
enum weft_status rendezvous_close(struct weft_chan *chan);

enum enlist_result {
    ENLIST_QUEUED, /* the waiter is in the queue; whoever comes will find it */
    ENLIST_DONE,   /* the case is done: waiter->status says how, and the wait's word says that it won */
    ENLIST_LOST,   /* another case of this wait has won meanwhile */
};
/* A case of a select that is about to park. */
enum enlist_result rendezvous_enlist(struct weft_chan *chan, enum weft_op op, struct waiter *waiter);

#endif
