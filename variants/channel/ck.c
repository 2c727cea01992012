/* ck: Concurrency Kit's ring and event counts, combined as its users would.
 *
 * Idea: ck_ring (many producers, many consumers) carries the elements, one ck_ec event count tells waiting receivers of
 * new elements and another waiting senders of free places. The event counts wait through core's parking lot, so that a
 * task parks where a thread would sleep.
 * Source: Concurrency Kit 0.7.1, ck_ring.h and ck_ec.h (S. Al Bahra, P. Khuong), concurrencykit.org.
 * Guarantees: capacities from 1 (no rendezvous: a ring has no hand-off); many producers and consumers; select.
 * ck_ring_size bounds the channel by two loads, so that concurrent senders may exceed the capacity by their number, or
 * a little more where one is stalled between the loads (capacity_exact and try_exact are false). Elements up to 8 bytes
 * travel in the ring's pointer, larger ones in a box from malloc: each message allocates.
 * State
 *   ring            Concurrency Kit's; its size is a power of two above twice the capacity, so that the overshoot fits
 *   items, places   event counts: 31 bits and a flag for waiters; each operation that succeeded increments one
 *   senders         how many are between their look at closed and their increment of items; bit 31: closed. Without it
 *                   a send could succeed behind the last receiver's look at a closed channel, and be lost.
 * Invariants
 *   K1  A receiver reports CLOSED only if it saw the ring empty after it had seen closed and no sender at work.
 *   K2  Waiters read the event count, try, and wait for it to change: an increment in between makes the wait return.
 * Ordering: Concurrency Kit's own fences order the elements; a full barrier (on x86 ck_ec_inc's locked increment)
 * stands between the ring and chan_notify's load, which selects need. ThreadSanitizer does not see Concurrency Kit's
 * assembly: the edges from a send to the receive of its element are stated to it by hand, by channel.
 * Deviations: ck_ec's busy wait is cut to one step, since on an M:N worker nobody else makes progress meanwhile; its
 * timed waits are not needed (they serve single-producer mode) and are waits without a deadline here. A sender that
 * waits for its predecessor in the ring gives up its processor now and then (ck_stall); ck_ring itself only spins.
 * Cost: three read-modify-writes a send (senders twice, the ring), plus the event count's; one wake-up wakes all
 * waiters.
 * Good at: showing what the library's parts cost. Bad at: many waiters (thundering herd), large elements, and more
 * runnable threads than processors: ck_ring's enqueue waits for its predecessor's publication, so that senders fall
 * into a convoy at one or two switches of threads a message. */
#include "core/chan.h"
#include "core/lot.h"

#include <stdlib.h>
#include <time.h>

enum { CK_STALLS_PER_YIELD = 64 };

no_race_check_below; /* Concurrency Kit's inline functions first of all */
#include <ck_ec.h>
#include <ck_pr.h>

/* The ring's senders publish in the order of their claims and spin for their predecessor. If that one has lost its
 * processor, as it may with more workers than processors, each message would cost a time slice: so they give way. */
static cold_function void ck_stall(void)
{
    static _Thread_local unsigned stalls;
    ck_pr_stall();
    if (++stalls % CK_STALLS_PER_YIELD == 0) {
        backoff(CK_STALLS_PER_YIELD);
    }
}

#define ck_pr_stall ck_stall
#include <ck_ring.h>
#undef ck_pr_stall

#define CK_CHAN_CLOSED 0x80000000u

struct ck_chan {
    struct weft_chan base;
    _Alignas(CACHE_LINE) ck_ring_t ring;
    _Alignas(CACHE_LINE) struct ck_ec32 items; /* senders increment, receivers wait */
    _Atomic(uint32_t) senders;
    _Alignas(CACHE_LINE) struct ck_ec32 places; /* receivers increment, senders wait */
    _Atomic(uint32_t) waiting;                  /* tasks in ck_ec_wait: for the check at free */
    _Alignas(CACHE_LINE) ck_ring_buffer_t buffer[];
};

/* --- the event count's hooks ------------------------------------------------------------------------ */

static int ck_gettime(const struct ck_ec_ops *ops, struct timespec *out)
{
    (void)ops;
    return clock_gettime(CLOCK_MONOTONIC, out);
}

static void ck_wait32(const struct ck_ec_wait_state *state, const uint32_t *word, uint32_t expected,
                      const struct timespec *deadline)
{
    (void)state;
    (void)deadline; /* multi-producer increments never drop the flag, so the wake-up comes */
    lot_wait((_Atomic(uint32_t) *)(uintptr_t)word, expected);
}

static void ck_wake32(const struct ck_ec_ops *ops, const uint32_t *word)
{
    (void)ops;
    lot_wake((const _Atomic(uint32_t) *)(const void *)word, UINT32_MAX);
}

static const struct ck_ec_ops ck_waiting = {
    .gettime = ck_gettime, .wait32 = ck_wait32, .wake32 = ck_wake32, .busy_loop_iter = 1};

static const struct ck_ec_mode ck_mode = {.ops = &ck_waiting, .single_producer = false};

/* --- set-up ----------------------------------------------------------------------------------------- */

static force_inline struct ck_chan *ck_of(const struct weft_chan *chan)
{
    return (struct ck_chan *)(uintptr_t)chan;
}

/* Entries of the ring for this capacity; 0: too many. */
static unsigned ck_entries(size_t capacity)
{
    unsigned entries = 4;
    while (entries < 2 * capacity + 2) {
        if (entries > UINT32_MAX / 4) {
            return 0;
        }
        entries *= 2;
    }
    return entries;
}

static size_t ck_size(size_t elem_size, size_t capacity)
{
    (void)elem_size;
    unsigned entries = capacity > UINT32_MAX / 8 ? 0 : ck_entries(capacity);
    return entries == 0 ? 0 : sizeof(struct ck_chan) + entries * sizeof(ck_ring_buffer_t);
}

static enum weft_status ck_init(struct weft_chan *chan)
{
    struct ck_chan *self = ck_of(chan);
    ck_ring_init(&self->ring, ck_entries(chan->capacity));
    ck_ec_init(&self->items, 0);
    ck_ec_init(&self->places, 0);
    return WEFT_OK;
}

static void ck_fini(struct weft_chan *chan)
{
    void *box;
    while (chan->elem_size > sizeof box && ck_ring_dequeue_mpmc(&ck_of(chan)->ring, ck_of(chan)->buffer, &box)) {
        free(box);
    }
}

/* --- elements --------------------------------------------------------------------------------------- */

static force_inline bool ck_box(const struct weft_chan *chan, const void *value, void **box)
{
    *box = NULL;
    if (likely(chan->elem_size <= sizeof *box)) {
        elem_copy(box, value, chan->elem_size);
        return true;
    }
    *box = malloc(chan->elem_size);
    if (*box != NULL) {
        elem_copy(*box, value, chan->elem_size);
    }
    return *box != NULL;
}

static force_inline void ck_unbox(const struct weft_chan *chan, void *value, void *box)
{
    if (likely(chan->elem_size <= sizeof box)) {
        elem_copy(value, &box, chan->elem_size);
    } else {
        elem_copy(value, box, chan->elem_size);
        free(box);
    }
}

/* --- operations ------------------------------------------------------------------------------------- */

static force_inline void ck_notify(struct weft_chan *chan, struct waitq *queue)
{
#if !defined(__x86_64__)
    ck_pr_fence_memory(); /* N1: the ring before the count of waiters; on x86 ck_ec_inc's locked increment does it */
#endif
    chan_notify(chan, queue);
}

static inline enum weft_status ck_put(struct weft_chan *chan, void *box)
{
    struct ck_chan *self = ck_of(chan);
    /* a hint, so that senders that hammer a closed channel do not hold up its receivers; the increment validates */
    if (unlikely((load_relaxed(&self->senders) & CK_CHAN_CLOSED) != 0)) {
        return WEFT_CLOSED;
    }
    /* seq_cst: in one order with close's or, and before K1's load that sees no sender */
    if (unlikely((add_seq_cst(&self->senders, 1u) & CK_CHAN_CLOSED) != 0)) {
        sub_release(&self->senders, 1u);
        return WEFT_CLOSED;
    }
    race_release(chan);
    bool done = ck_ring_size(&self->ring) < chan->capacity && ck_ring_enqueue_mpmc(&self->ring, self->buffer, box);
    sub_release(&self->senders, 1u); /* -> acquire in ck_take: K1 */
    if (!done) {
        return WEFT_AGAIN;
    }
    ck_ec_inc(&self->items, &ck_mode);
    ck_notify(chan, &chan->recvq);
    return WEFT_OK;
}

static inline enum weft_status ck_take(struct weft_chan *chan, void **box)
{
    struct ck_chan *self = ck_of(chan);
    if (unlikely(!ck_ring_dequeue_mpmc(&self->ring, self->buffer, box))) {
        uint32_t senders;
        /* K1: a sender that was at work when the channel closed has put its element, or given up, in a moment; it would
         * not notify if it gave up */
        for (unsigned round = 0; (senders = load_acquire(&self->senders)) > CK_CHAN_CLOSED;) {
            backoff(round++);
        }
        if (senders != CK_CHAN_CLOSED) {
            return WEFT_AGAIN;
        }
        if (!ck_ring_dequeue_mpmc(&self->ring, self->buffer, box)) { /* K1 */
            return WEFT_CLOSED;
        }
    }
    race_acquire(chan);
    ck_ec_inc(&self->places, &ck_mode);
    ck_notify(chan, &chan->sendq);
    return WEFT_OK;
}

static inline enum weft_status ck_try_send(struct weft_chan *chan, const void *value)
{
    void *box;
    if (unlikely(!ck_box(chan, value, &box))) {
        weft_panic("send on a ck channel: no memory for an element of %zu bytes", chan->elem_size);
    }
    enum weft_status status = ck_put(chan, box);
    if (unlikely(status != WEFT_OK) && chan->elem_size > sizeof box) {
        free(box);
    }
    return status;
}

static inline enum weft_status ck_try_recv(struct weft_chan *chan, void *value)
{
    void *box;
    enum weft_status status = ck_take(chan, &box);
    if (likely(status == WEFT_OK)) {
        ck_unbox(chan, value, box);
    } else if (status == WEFT_CLOSED) {
        elem_zero(value, chan->elem_size);
    }
    return status;
}

static void ck_wait(struct ck_chan *self, struct ck_ec32 *event, uint32_t seen)
{
    add_relaxed(&self->waiting, 1u); /* both: a count, read in the order of whoever frees */
    ck_ec_wait(event, &ck_mode, seen, NULL);
    add_relaxed(&self->waiting, -1u);
}

static size_t ck_waiting_tasks(const struct weft_chan *chan)
{
    const struct ck_chan *self = ck_of(chan);
    return (load_relaxed(&self->senders) & CK_CHAN_CLOSED) != 0 ? 0
                                                                : load_relaxed(&self->waiting); /* the caller's order */
}

static cold_function enum weft_status ck_send_park(struct weft_chan *chan, const void *value)
{
    struct ck_chan *self = ck_of(chan);
    for (;;) {
        uint32_t seen = ck_ec_value(&self->places); /* K2 */
        enum weft_status status = ck_try_send(chan, value);
        if (status != WEFT_AGAIN) {
            return status;
        }
        ck_wait(self, &self->places, seen);
    }
}

static cold_function enum weft_status ck_recv_park(struct weft_chan *chan, void *value)
{
    struct ck_chan *self = ck_of(chan);
    for (;;) {
        uint32_t seen = ck_ec_value(&self->items); /* K2 */
        enum weft_status status = ck_try_recv(chan, value);
        if (status != WEFT_AGAIN) {
            return status;
        }
        ck_wait(self, &self->items, seen);
    }
}

static inline enum weft_status ck_send(struct weft_chan *chan, const void *value)
{
    enum weft_status status = ck_try_send(chan, value);
    return likely(status != WEFT_AGAIN) ? status : ck_send_park(chan, value);
}

static inline enum weft_status ck_recv(struct weft_chan *chan, void *value)
{
    enum weft_status status = ck_try_recv(chan, value);
    return likely(status != WEFT_AGAIN) ? status : ck_recv_park(chan, value);
}

static enum weft_status ck_close(struct weft_chan *chan)
{
    struct ck_chan *self = ck_of(chan);
    if ((or_seq_cst(&self->senders, CK_CHAN_CLOSED) & CK_CHAN_CLOSED) != 0) {
        return WEFT_CLOSED;
    }
    ck_ec_inc(&self->items, &ck_mode);
    ck_ec_inc(&self->places, &ck_mode);
    chan_wake_all(chan);
    return WEFT_OK;
}

static size_t ck_len(const struct weft_chan *chan)
{
    return ck_ring_size(&ck_of(chan)->ring); /* from two loads: may be off while others are at work */
}

static bool ck_poll(const struct weft_chan *chan, enum weft_op op)
{
    const struct ck_chan *self = ck_of(chan);
    ck_pr_fence_memory(); /* N2: the count of waiters before the look at the ring */
    unsigned size = ck_ring_size(&self->ring);
    return (load_seq_cst(&self->senders) & CK_CHAN_CLOSED) != 0 ||
           (op == WEFT_RECV ? size != 0 : size < chan->capacity);
}

const struct chan_ops ck_ops = {
    .name = "ck",
    .summary = "Concurrency Kit: ck_ring and two ck_ec event counts",
    .caps = {.wakes_all = true,
             .capacity_min = 1,
             .multi_producer = true,
             .multi_consumer = true,
             .select = true,
             .allocates_per_message_above = sizeof(void *),
             .progress = PROGRESS_BLOCKING},
    .size = ck_size,
    .header = sizeof(struct ck_chan),
    .init = ck_init,
    .fini = ck_fini,
    .send = ck_send,
    .recv = ck_recv,
    .try_send = ck_try_send,
    .try_recv = ck_try_recv,
    .close = ck_close,
    .waiting = ck_waiting_tasks,
    .len = ck_len,
    .poll = ck_poll,
};

no_race_check_end;
