/* What a channel variant is, and what all of them share.
 *
 * A variant implements struct chan_ops for capacities above 0, or for all. Each channel carries one lock and two
 * queues of waiters, which select needs on every variant and which most variants use for plain operations too.
 *
 * Buffered channels wake a waiter to try again ("signal"); they do not complete its operation. The rule that
 * keeps signals from being lost:
 *   N1  A task that made an operation possible (an element was published, a place freed) calls chan_notify() for
 *       the other side; close notifies all of both sides.
 *   N2  A task queues itself, then looks at the channel once more (poll), then parks.
 *   N3  A task that was signalled tries that channel's operation first, and if it succeeds it passes the signal
 *       on (chan_notify of its own side) if poll() says that there is more.
 * N1 + N2: publication and count are sequentially consistent on both sides (Dekker): either the publisher sees
 * the waiter or the waiter sees the publication. N3: when k elements become visible at once behind a stalled
 * one, the one signal given at that moment runs through all waiters that can be served. A signalled task that
 * finds nothing was overtaken by one that did the operation in its stead, so nothing is left behind. */
#ifndef CORE_CHAN_H
#define CORE_CHAN_H

#include "lock.h"
#include "wait.h"
#include "weft.h"

#include <string.h>

enum enlist_result {
    ENLIST_QUEUED, /* the waiter is in the queue; whoever comes will find it */
    ENLIST_DONE,   /* the case is done: waiter->status says how, and the wait's word says that it won */
    ENLIST_LOST,   /* another case of this wait has won meanwhile */
};

/* What a select of n cases needs memory for. */
struct select_room {
    const uint16_t *order;    /* a random order of the n indices */
    struct waiter *waiters;   /* room for n; NULL if it will not wait */
    struct weft_chan **chans; /* room for n */
};

enum chan_progress { PROGRESS_BLOCKING, PROGRESS_LOCK_FREE, PROGRESS_WAIT_FREE };

/* What a variant promises; tests assert it, the harness skips what a variant cannot serve. */
struct chan_caps {
    bool control;        /* not a channel: a floor for measurements */
    bool mailbox;        /* the runtime's own: see mailbox.h */
    size_t capacity_min; /* 0: serves rendezvous */
    bool capacity_exact; /* never holds more than was asked for */
    bool fifo_waiters;   /* blocked senders and receivers are served first come, first served */
    bool wakes_all;      /* a message wakes every waiter, all but one for nothing: n waiters cost n * n */
    bool hand_off;       /* a value goes straight from sender to waiting receiver */
    bool multi_producer, multi_consumer;
    bool select;                        /* may stand in a select */
    bool select_atomic;                 /* ... whose default is taken only if at one instant no case was ready */
    bool try_exact;                     /* AGAIN only if at some instant of the call the operation was impossible */
    size_t elem_size_max;               /* 0: any */
    size_t allocates_per_message_above; /* element size above which a message allocates; SIZE_MAX: never */
    enum chan_progress progress;
};

struct chan_ops {
    const char *name;
    const char *summary;
    struct chan_caps caps;
    /* Bytes of the whole object; 0: overflow. elem_size and capacity are within the caps. */
    size_t (*size)(size_t elem_size, size_t capacity);
    size_t header; /* bytes of the variant's own structure, which are zeroed; the elements behind it are not */
    /* The base is set, the rest of the header is zeroed. NULL: nothing to do. */
    enum weft_status (*init)(struct weft_chan *chan);
    void (*fini)(struct weft_chan *chan); /* may be NULL */
    enum weft_status (*send)(struct weft_chan *chan, const void *value);
    enum weft_status (*recv)(struct weft_chan *chan, void *value);
    enum weft_status (*try_send)(struct weft_chan *chan, const void *value);
    enum weft_status (*try_recv)(struct weft_chan *chan, void *value);
    enum weft_status (*close)(struct weft_chan *chan);
    size_t (*len)(const struct weft_chan *chan);
    /* Could this operation be done now? Called under chan->lock after a waiter was queued (N2), where it must not miss
     * what was published by somebody who did not see the waiter; and without it as a hint (N3). Never called at
     * capacity 0. May say yes when a try then fails, not the other way round. A closed channel can be "done". */
    bool (*poll)(const struct weft_chan *chan, enum weft_op op);
    /* A case of a select that is about to park, at capacities above 0: does it on the waiter's behalf, having won its
     * wait, or queues it for somebody who will. NULL: waiters are signalled (N1 to N3). */
    enum enlist_result (*enlist)(struct weft_chan *chan, enum weft_op op, struct waiter *waiter);
    /* What is left of a select when no case could be done: of cases that all are of this variant or null, at least one
     * not null. Looks again, atomically; -1: default, or the deadline. NULL: core/select.h does it case by case. */
    int (*select)(struct weft_case *cases, size_t count, const struct select_room *room, weft_ns deadline, bool wait);
    /* A number that changes whenever `op` may have become possible: an element came, a place came free, a partner came,
     * the channel was closed. NULL: none is kept, and no select over the channel is atomic. A try that fails has
     * synchronised with what made it fail. */
    uint64_t (*version)(const struct weft_chan *chan, enum weft_op op);
    /* Tasks that wait elsewhere than in the channel's queues; NULL: none ever does. */
    size_t (*waiting)(const struct weft_chan *chan);
    /* The table of channels with a capacity above 0, if it is another one: of the same variant, with operations that
     * need not ask. */
    const struct chan_ops *buffered;
};

struct weft_chan {
    /* read-mostly: written at creation, by close, and when somebody waits */
    const struct chan_ops *ops;
    size_t elem_size;
    size_t capacity;
    _Atomic(uint32_t) closed;     /* the rendezvous' and, where it says so, the variant's */
    struct lock lock;             /* guards the two queues, and what the variant says */
    struct waitq recvq;           /* tasks that wait to receive */
    struct waitq sendq;           /* tasks that wait to send */
    size_t bytes;                 /* of the object, as block_new() gave them */
    struct weft_chan *limbo_next; /* once freed */
} __attribute__((aligned(CACHE_LINE)));

static force_inline void elem_copy(void *to, const void *from, size_t size)
{
    if (likely(size == sizeof(uint64_t)) && to != NULL) {
        memcpy(to, from, sizeof(uint64_t));
    } else if (size != 0 && to != NULL) {
        memcpy(to, from, size);
    }
}

static force_inline void elem_zero(void *to, size_t size)
{
    if (size != 0 && to != NULL) {
        memset(to, 0, size);
    }
}

static force_inline struct waitq *chan_queue(struct weft_chan *chan, enum weft_op op)
{
    return op == WEFT_RECV ? &chan->recvq : &chan->sendq;
}

/* Signals the first waiter of the queue that can be claimed. */
void chan_wake_one(struct weft_chan *chan, struct waitq *queue);
/* Signals all waiters of both queues: after close. */
void chan_wake_all(struct weft_chan *chan);

/* N1. One shared load while nobody waits. The caller's publication must be a seq_cst read-modify-write or store, or a
 * section of a lock that poll() takes too. */
static force_inline void chan_notify(struct weft_chan *chan, struct waitq *queue)
{
    /* seq_cst: second half of the handshake, against waitq_push_announced; then poll() */
    if (unlikely(load_seq_cst(&queue->count) != 0)) {
        chan_wake_one(chan, queue);
    }
}

/* N2 for one plain operation: queues the calling task, looks again, and parks until signalled. */
void chan_wait(struct weft_chan *chan, enum weft_op op);

/* N3: after an operation that succeeded behind a chan_wait(). */
static inline void chan_pass_on(struct weft_chan *chan, enum weft_op op)
{
    if (chan->ops->poll(chan, op)) {
        chan_notify(chan, chan_queue(chan, op));
    }
}

/* Panics if a task waits on the channel, which is about to be freed. */
void chan_check_unused(const struct weft_chan *chan);
/* Frees the memory, chan->bytes of it, once nobody can be at work on it any more: see limbo.h. */
void chan_release_memory(struct weft_chan *chan);

/* For reports. */
const char *chan_progress_name(enum chan_progress progress);

#endif
