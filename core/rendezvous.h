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

/* A try, without the lock: as buffer_glance(). A waiter or a close that the caller has heard of happened before, and is
 * seen; one that it has not heard of may as well come after this call. seq_cst: the two in one order. */
static force_inline enum weft_status rendezvous_glance(const struct weft_chan *chan, enum weft_op op, void *value)
{
    const struct waitq *others = op == WEFT_RECV ? &chan->sendq : &chan->recvq;
    bool alone = load_seq_cst(&others->count) == 0;
    if (likely(load_seq_cst(&chan->closed) == 0)) {
        return alone ? WEFT_AGAIN : WEFT_OK;
    }
    if (op == WEFT_RECV) {
        elem_zero(value, chan->elem_size);
    }
    return WEFT_CLOSED;
}

enum weft_status rendezvous_send(struct weft_chan *chan, const void *value);
enum weft_status rendezvous_recv(struct weft_chan *chan, void *value);
/* What a try does that a glance could not answer. */
enum weft_status rendezvous_try_slow(struct weft_chan *chan, enum weft_op op, void *value);

static force_inline enum weft_status rendezvous_try_send(struct weft_chan *chan, const void *value)
{
    void *from = (void *)(uintptr_t)value;
    enum weft_status status = rendezvous_glance(chan, WEFT_SEND, from);
    return likely(status != WEFT_OK) ? status : rendezvous_try_slow(chan, WEFT_SEND, from);
}

static force_inline enum weft_status rendezvous_try_recv(struct weft_chan *chan, void *value)
{
    enum weft_status status = rendezvous_glance(chan, WEFT_RECV, value);
    return likely(status != WEFT_OK) ? status : rendezvous_try_slow(chan, WEFT_RECV, value);
}

uint64_t rendezvous_version(const struct weft_chan *chan, enum weft_op op);
enum weft_status rendezvous_close(struct weft_chan *chan);

/* A case of a select that is about to park. */
enum enlist_result rendezvous_enlist(struct weft_chan *chan, enum weft_op op, struct waiter *waiter);

#endif
