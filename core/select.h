/* Select: one of several channel operations, whichever can be done first.
 *
 * 1. Poll the cases in a random order (so that each ready case is as likely as any other) and do the first that can
 *    be done.
 * 2. With a default, stop here.
 * 3. Register a waiter with every channel. A rendezvous meets a waiting partner at that moment; a buffered channel
 *    is looked at once more after the registration (chan.h, N2).
 * 4. Park until one case, or the deadline, has won the wait's word; take the other waiters out, each in O(1).
 * 5. A rendezvous case that won is done. A buffered case that won was signalled: try it first (N3), and if it was
 *    overtaken start again.
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

/* Steps 1 and 2: the index of the case that was done, or -1. `order` has room for count indices. */
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

/* Steps 3 to 5. Returns an index, -1 for the deadline, or SELECT_RETRY. */
enum { SELECT_RETRY = -2 };
int select_wait(struct weft_case *cases, size_t count, weft_ns deadline, struct waiter *waiters);
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
        chosen = select_wait(cases, count, deadline, waiters);
        if (chosen != SELECT_RETRY) {
            return chosen;
        }
    }
}

static force_inline int select_try(const struct chan_ops *ops, struct weft_case *cases, size_t count)
{
    if (unlikely(count > SELECT_STACK_CASES)) {
        return select_large(cases, count, 0, false);
    }
    uint16_t order[SELECT_STACK_CASES];
    return select_poll(ops, cases, count, order);
}

#endif
