/* Select: one of several channel operations, whichever can be done first.
 *
 * 1. Poll the cases in a random order (so that each ready case is as likely as any other) and do the first that can
 *    be done.
 * 2. With a default, stop here, unless something became possible meanwhile: see below.
 * 3. Register a waiter with every channel, in that random order: of two cases of one channel the first in its queue
 *    will be served. A rendezvous meets a waiting partner at that moment; a buffered channel is looked at once more
 *    after the registration (chan.h, N2).
 * 4. Park until one case, or the deadline, has won the wait's word; take the other waiters out, each in O(1).
 * 5. A rendezvous case that won is done. A buffered case that won was signalled: try it first (N3), and if it was
 *    overtaken start again.
 *
 * The default of several cases: that each of them was impossible when it was looked at does not mean that all were at
 * one instant. So the versions of the cases (chan.h) are read before and behind the looks, and if one has changed all
 * is done again: somebody else got on.
 *   V1  A version changes together with what makes the operation possible, or behind it, never before: a look that
 *       follows the reading of a new version sees what it stands for.
 *   V2  A look that fails has synchronised with what made it fail, and the second readings are behind all looks: they
 *       see all that happens before the end of the looks.
 * Proof, for the moment of the last look. Had case i become possible by then, but behind its own look, then the first
 * reading would not have it (by V1 the look would have found it), and the second one would (V2): the versions would
 * differ. So no case was possible at that moment. It is one of real time where a store reaches all other processors at
 * once and loads with acquire are done in their order: x86-64, AArch64.
 * Source: the double collect of Y. Afek et al., "Atomic snapshots of shared memory" (JACM 40, 1993).
 *
 * A variant may have a select of its own for cases that are all of it (chan_ops.select).
 *
 * The functions are inlined over `ops` when all channels are of one variant that the caller knows (the benchmarks
 * do), and go through each channel's own table when ops is NULL. */
#ifndef CORE_SELECT_H
#define CORE_SELECT_H

#include "chan.h"
#include "mailbox.h"
#include "rendezvous.h"

enum { SELECT_STACK_CASES = 16 }; /* up to here a select allocates nothing */

static force_inline const struct chan_ops *case_ops(const struct chan_ops *ops, const struct weft_case *c)
{
    return ops != NULL ? ops : c->chan->ops;
}

static force_inline enum weft_status case_try(const struct chan_ops *ops, struct weft_case *c)
{
    return c->op == WEFT_RECV ? case_ops(ops, c)->try_recv(c->chan, c->value)
                              : case_ops(ops, c)->try_send(c->chan, c->value);
}

/* A random order of `count` indices, at most SELECT_STACK_CASES: R. Durstenfeld's shuffle (CACM 1964), all of it from
 * one random number, as N.
 * Brackett-Rozinsky and D. Lemire draw ("Batched ranged random integer generation", 2024); the bias is below 16! /
 * 2^64. */
static force_inline void select_shuffle(uint16_t *order, size_t count)
{
    __extension__ typedef unsigned __int128 wide;
    uint64_t random = random_next(worker_self());
    for (size_t i = 0; i < count; i++) {
        wide product = (wide)random * (i + 1);
        size_t pick = (size_t)(product >> 64);
        random = (uint64_t)product;
        order[i] = order[pick];
        order[pick] = (uint16_t)i;
    }
}

/* The same for any number. */
void select_shuffle_many(uint16_t *order, size_t count);

/* Steps 1 and 2, over a random order: the index of the case that was done, or -1. */
static force_inline int select_poll(const struct chan_ops *ops, struct weft_case *cases, size_t count,
                                    const uint16_t *order)
{
    for (size_t i = 0; i < count; i++) {
        struct weft_case *c = &cases[order[i]];
        if (c->chan == NULL) {
            continue;
        }
        enum weft_status status = case_try(ops, c);
        if (status != WEFT_AGAIN) {
            c->status = status;
            return order[i];
        }
    }
    return -1;
}

static force_inline bool case_ready(const struct chan_ops *ops, const struct weft_case *c)
{
    if (c->chan == NULL) {
        return false;
    }
    if (ops == NULL && unlikely(c->chan->ops->caps.mailbox)) {
        return c->op == WEFT_SEND || mailbox_ready(c->chan); /* a send is the user's error, and says so */
    }
    return c->chan->capacity == 0 ? rendezvous_glance(c->chan, c->op, NULL) != WEFT_AGAIN
                                  : case_ops(ops, c)->poll(c->chan, c->op);
}

/* Step 1 for those that will wait otherwise, of at most SELECT_STACK_CASES: looks at all cases, and does one of those
 * that are ready. Most often there is one at the most, and then neither a random number nor a guess of the processor's
 * about it is spent. */
static force_inline int select_ready(const struct chan_ops *ops, struct weft_case *cases, size_t count)
{
    uint32_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        ready |= (uint32_t)case_ready(ops, &cases[i]) << i;
    }
    while (ready != 0) {
        uint32_t rest = ready;
        if (unlikely((ready & (ready - 1)) != 0)) {
            uint32_t among = 0; /* __builtin_popcount is a call where the processor need not have it */
            for (uint32_t left = ready; left != 0; left &= left - 1) {
                among++;
            }
            uint32_t skip = random_below(worker_self(), among); /* an operation may migrate */
            while (skip-- > 0) {
                rest &= rest - 1;
            }
        }
        int index = __builtin_ctz(rest);
        struct weft_case *c = &cases[index];
        enum weft_status status = case_try(ops, c);
        if (likely(status != WEFT_AGAIN)) {
            c->status = status;
            return index;
        }
        ready &= ~(UINT32_C(1) << index);
    }
    return -1;
}

/* The variant's own select, if all channels are of one variant that has one; else NULL. */
static force_inline const struct chan_ops *select_variant(const struct chan_ops *ops, const struct weft_case *cases,
                                                          size_t count)
{
    if (ops != NULL) {
        return ops->select != NULL ? ops : NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (cases[i].chan != NULL && (ops == NULL || cases[i].chan->ops->select != ops->select)) {
            if (ops != NULL || cases[i].chan->ops->select == NULL) {
                return NULL;
            }
            ops = cases[i].chan->ops;
        }
    }
    return ops;
}

/* One case and no deadline: the plain operation. */
static force_inline int select_only(const struct chan_ops *ops, struct weft_case *c)
{
    c->status =
        c->op == WEFT_RECV ? case_ops(ops, c)->recv(c->chan, c->value) : case_ops(ops, c)->send(c->chan, c->value);
    return 0;
}

/* Steps 3 to 5, registering in the given order. Returns an index, -1 for the deadline, or SELECT_RETRY. */
enum { SELECT_RETRY = -2 };
int select_wait(struct weft_case *cases, size_t count, weft_ns deadline, struct waiter *waiters, const uint16_t *order);
/* For more cases than fit on the stack. */
int select_large(const struct chan_ops *ops, struct weft_case *cases, size_t count, weft_ns deadline, bool wait);
/* W2: no waiter of the first `count` in the order is left in a queue, and no claimer is still at work on one (it holds
 * the lock). `skip`: a case whose claimer has readied this task: it took the waiter out, and the channel may be
 * gone. */
void select_delist(struct weft_case *cases, size_t count, struct waiter *waiters, const uint16_t *order, size_t skip);

static force_inline int select_until(const struct chan_ops *ops, struct weft_case *cases, size_t count,
                                     weft_ns deadline)
{
    if (count == 1 && deadline == WEFT_FOREVER && cases[0].chan != NULL) {
        return select_only(ops, &cases[0]);
    }
    if (unlikely(count > SELECT_STACK_CASES)) {
        return select_large(ops, cases, count, deadline, true);
    }
    for (;;) {
        int chosen = select_ready(ops, cases, count);
        if (likely(chosen >= 0)) {
            return chosen;
        }
        uint16_t order[SELECT_STACK_CASES];
        select_shuffle(order, count);
        struct waiter waiters[SELECT_STACK_CASES];
        const struct chan_ops *variant = select_variant(ops, cases, count);
        if (variant != NULL) {
            struct weft_chan *chans[SELECT_STACK_CASES];
            return variant->select(cases, count, &(struct select_room){order, waiters, chans}, deadline, true);
        }
        chosen = select_wait(cases, count, deadline, waiters, order);
        if (chosen != SELECT_RETRY) {
            return chosen;
        }
    }
}

/* Reads the versions of all cases; false: one has none. */
static force_inline bool select_versions(const struct chan_ops *ops, const struct weft_case *cases, size_t count,
                                         uint64_t *versions)
{
    for (size_t i = 0; i < count; i++) {
        const struct weft_case *c = &cases[i];
        if (c->chan == NULL) {
            versions[i] = 0;
        } else if (case_ops(ops, c)->version == NULL) {
            return false;
        } else {
            versions[i] = case_ops(ops, c)->version(c->chan, c->op);
        }
    }
    return true;
}

/* With a default; `versions` has room for 2 * count. */
static force_inline int select_poll_atomic(const struct chan_ops *ops, struct weft_case *cases, size_t count,
                                           const struct select_room *room, uint64_t *versions)
{
    const struct chan_ops *variant = count > 1 ? select_variant(ops, cases, count) : NULL;
    for (;;) {
        bool kept = count > 1 && variant == NULL && select_versions(ops, cases, count, versions);
        int chosen = select_poll(ops, cases, count, room->order);
        if (chosen >= 0) {
            return chosen;
        }
        if (variant != NULL) {
            return variant->select(cases, count, room, 0, false);
        }
        if (!kept) {
            return -1;
        }
        select_versions(ops, cases, count, versions + count);
        if (memcmp(versions, versions + count, count * sizeof *versions) == 0) {
            return -1;
        }
    }
}

static force_inline int select_try(const struct chan_ops *ops, struct weft_case *cases, size_t count)
{
    if (count == 1 && cases[0].chan != NULL) {
        cases[0].status = case_try(ops, &cases[0]);
        return cases[0].status == WEFT_AGAIN ? -1 : 0;
    }
    if (unlikely(count > SELECT_STACK_CASES)) {
        return select_large(ops, cases, count, 0, false);
    }
    uint16_t order[SELECT_STACK_CASES];
    select_shuffle(order, count);
    uint64_t versions[2 * SELECT_STACK_CASES];
    struct weft_chan *chans[SELECT_STACK_CASES];
    return select_poll_atomic(ops, cases, count, &(struct select_room){order, NULL, chans}, versions);
}

#endif
