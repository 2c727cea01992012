/* Select: one of several channel operations, whichever can be done first.
 *
 * 1. Poll the cases in a random order (so that each ready case is as likely as any other) and do the first that can
 *    be done.
 * 2. With a default, stop here, unless something became possible meanwhile: see below.
 * 3. Register a waiter with every channel, in that random order: of two cases of one channel the first in its queue will be served. A
 *    rendezvous meets a waiting partner at that moment; a buffered channel is looked at once more after the registration
 *    (chan.h, N2).
 * 4. Park until one case, or the deadline, has won the wait's word; take the other waiters out, each in O(1).
 * 5. A rendezvous case that won is done. A buffered case that won was signalled: try it first (N3), and if it was
 *    overtaken start again.
 *
 * The default of several cases: that each of them was impossible when it was looked at does not mean that all were at one instant. So the
 * versions of the cases (chan.h) are read before and behind the looks, and if one has changed all is done again: somebody else got on.
 *   V1  A version changes together with what makes the operation possible, or behind it, never before: a look that follows the reading of a
 *       new version sees what it stands for.
 *   V2  A look that fails has synchronised with what made it fail, and the second readings are behind all looks: they see all that happens
 *       before the end of the looks.
 * Proof, for the moment of the last look. Had case i become possible by then, but behind its own look, then the first reading would not have
 * it (by V1 the look would have found it), and the second one would (V2): the versions would differ. So no case was possible at that moment. It
 * is one of real time where a store reaches all other processors at once and loads with acquire are done in their order: x86-64, AArch64.
 * Source: the double collect of Y. Afek et al., "Atomic snapshots of shared memory" (JACM 40, 1993).
 *
 * The functions are inlined over `ops` when all channels are of one variant that the caller knows (the benchmarks
 * do), and go through each channel's own table when ops is NULL. */
#ifndef CORE_SELECT_H
#define CORE_SELECT_H

#include "chan.h"
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

/* Steps 1 and 2: the index of the case that was done, or -1. `order` has room for count indices; -1 leaves them there in a random order. */
static force_inline int select_poll(const struct chan_ops *ops, struct weft_case *cases, size_t count, uint16_t *order)
{
    for (size_t i = 0; i < count; i++) {
        order[i] = (uint16_t)i;
    }
    for (size_t left = count; left > 0; left--) {
        /* R. Durstenfeld's shuffle (CACM 1964), one step at a time */
        size_t pick = left == 1 ? 0 : random_below(worker_self(), (uint32_t)left); /* an operation may migrate */
        uint16_t index = order[pick];
        order[pick] = order[left - 1];
        order[left - 1] = index;
        struct weft_case *c = &cases[index];
        if (c->chan == NULL) {
            continue;
        }
        enum weft_status status = case_try(ops, c);
        if (status != WEFT_AGAIN) {
            c->status = status;
            return index;
        }
    }
    return -1;
}

/* Steps 3 to 5, registering in the given order. Returns an index, -1 for the deadline, or SELECT_RETRY. */
enum { SELECT_RETRY = -2 };
int select_wait(struct weft_case *cases, size_t count, weft_ns deadline, struct waiter *waiters, const uint16_t *order);
/* For more cases than fit on the stack. */
int select_large(struct weft_case *cases, size_t count, weft_ns deadline, bool wait);

static force_inline int select_until(const struct chan_ops *ops, struct weft_case *cases, size_t count,
                                     weft_ns deadline)
{
    if (unlikely(count > SELECT_STACK_CASES)) {
        return select_large(cases, count, deadline, true);
    }
    uint16_t order[SELECT_STACK_CASES];
    for (;;) {
        int chosen = select_poll(ops, cases, count, order);
        if (chosen >= 0) {
            return chosen;
        }
        struct waiter waiters[SELECT_STACK_CASES];
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
                                           uint16_t *order, uint64_t *versions)
{
    for (;;) {
        bool kept = count > 1 && select_versions(ops, cases, count, versions);
        int chosen = select_poll(ops, cases, count, order);
        if (chosen >= 0 || !kept) {
            return chosen;
        }
        select_versions(ops, cases, count, versions + count);
        if (memcmp(versions, versions + count, count * sizeof *versions) == 0) {
            return -1;
        }
    }
}

static force_inline int select_try(const struct chan_ops *ops, struct weft_case *cases, size_t count)
{
    if (unlikely(count > SELECT_STACK_CASES)) {
        return select_large(cases, count, 0, false);
    }
    uint16_t order[SELECT_STACK_CASES];
    uint64_t versions[2 * SELECT_STACK_CASES];
    return select_poll_atomic(ops, cases, count, order, versions);
}

#endif
