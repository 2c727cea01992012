/* A channel that one thread finds and uses while another one takes it away, frees it, and frees others behind it, so
 * that batches come and go. Who uses it has no lock and no count: it is what limbo is for. Included behind
 * core/limbo.c. */
#ifndef LITMUS_LIMBO_H
#define LITMUS_LIMBO_H

#include "core/chan.h"

enum { LITMUS_OTHERS = 3 };

static _Atomic(struct weft_chan *) litmus_found;
static struct weft_chan *litmus_others[LITMUS_OTHERS];

static inline struct weft_chan *litmus_channel(void)
{
    struct weft_chan *chan = aligned_alloc(CACHE_LINE, sizeof *chan);
    memset(chan, 0, sizeof *chan);
    chan->capacity = 77;
    return chan;
}

static inline void litmus_begin_limbo(unsigned others)
{
    for (unsigned i = 0; i < others; i++) {
        litmus_others[i] = litmus_channel();
    }
    store_relaxed(&litmus_found, litmus_channel());
}

/* An operation on the channel, if it is still there. seq_cst: whoever finds it there has done so before it was taken
 * away. A channel's user knows from elsewhere that it is not freed before his operation's effect; this stands for that
 * effect. */
static inline void litmus_use(void)
{
    struct weft_chan *chan = exchange_seq_cst(&litmus_found, NULL);
    if (chan != NULL) {
        store_seq_cst(&litmus_found, chan); /* the effect: from now on it may be freed */
        assert(chan->capacity == 77);       /* the rest of the operation */
    }
}

static inline struct weft_chan *litmus_take_away(void)
{
    struct weft_chan *chan;
    while ((chan = exchange_seq_cst(&litmus_found, NULL)) == NULL) {
        cpu_relax();
    }
    return chan;
}

#endif
