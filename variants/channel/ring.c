/* ring: a bounded ring of stamped slots.
 *
 * Idea: each slot carries a stamp that says whose turn it is: a sender's or a receiver's, and in which lap. A sender
 * claims the slot at tail by one compare-and-swap, writes the element, and publishes it by the stamp; a receiver does
 * the same at head. Nobody takes a lock while nobody waits.
 * Source: D. Vyukov, "Bounded MPMC queue" (1024cores.net, 2010); with laps and a closed mark in tail, for any capacity,
 * as in crossbeam-channel's array flavour.
 * Guarantees: any capacity, any element, many producers and consumers, select. A try that meets a slot whose owner is
 * between claim and publication waits for it, so that it fails only when it has to and the channel is a linearizable
 * FIFO; the price: an owner stopped there holds up the others, so progress is blocking. Waiters are signalled in order,
 * but a newcomer may overtake. Capacity 0: core/rendezvous.h.
 * State: a position = lap | index: index in the low bits, laps count in units of `lap`, the power of two above
 * capacity; the lowest bit of tail is the closed mark (positions are shifted left by one). 64 bits do not wrap in
 * practice.
 *   tail, head    advanced by CAS, senders' and receivers'
 *   slot.stamp    == position: free for the sender of that position; == position + STEP: holds its element; the
 *   receiver
 *                 sets position + lap, the next lap's sender's
 * Invariants
 *   R1  Between claim and publication a slot is its claimer's alone.
 *   R2  tail's closed mark is set once; no position is claimed by a sender after that.
 *   R3  A waiter that polls after it has queued itself looks at tail and head, not at stamps: they are changed by
 *       seq_cst CAS before the element is visible, hence with chan_notify's load a store -> load handshake.
 *   R4  An operation becomes possible when tail, or head, moves on (or at close): they are the versions of chan.h. A
 *       try that fails has read the position that made it fail with acquire, so that what its mover did before is seen
 *       by later looks at other channels.
 * Ordering
 *   P1 stamp release (send) -> A1 stamp acquire (recv): the element is written before it is read
 *   P2 stamp release (recv) -> A2 stamp acquire (send): it is read before it is overwritten
 *   tail and head CAS: seq_cst, R3; they order no payload.
 * Deviations: Vyukov's is not linearizable where a finished enqueue stands behind a stalled one; see above.
 * Cost: one CAS and one shared load (the other side's waiters) an operation.
 * Good at: throughput, all shapes. Bad at: more runnable threads than processors, when a claimer is preempted. */
#include "core/chan.h"
#include "core/rendezvous.h"

enum { RING_CLOSED = 1, RING_STEP = 2 };

struct ring_chan {
    struct weft_chan base;
    size_t stride;                               /* bytes from slot to slot */
    uint64_t lap;                                /* in positions: a power of two above capacity, times RING_STEP */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) tail; /* senders' */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) head; /* receivers' */
    _Alignas(CACHE_LINE) unsigned char slots[];
};

struct ring_slot {
    _Atomic(uint64_t) stamp;
    unsigned char value[];
};

static force_inline struct ring_chan *ring_of(const struct weft_chan *chan)
{
    return (struct ring_chan *)(uintptr_t)chan;
}

static force_inline uint64_t ring_index(const struct ring_chan *self, uint64_t position)
{
    return (position & (self->lap - 1)) / RING_STEP;
}

static force_inline struct ring_slot *ring_slot(struct ring_chan *self, uint64_t position)
{
    return (struct ring_slot *)(void *)(self->slots + ring_index(self, position) * self->stride);
}

/* The position after this one: the next slot, or the first of the next lap. */
static force_inline uint64_t ring_after(const struct ring_chan *self, uint64_t position)
{
    if (likely(ring_index(self, position) + 1 < self->base.capacity)) {
        return position + RING_STEP;
    }
    return (position & ~(self->lap - 1)) + self->lap;
}

static size_t ring_stride(size_t elem_size)
{
    return (sizeof(struct ring_slot) + elem_size + 7) & ~(size_t)7;
}

static size_t ring_size(size_t elem_size, size_t capacity)
{
    size_t bytes;
    if (elem_size > SIZE_MAX / 4 || capacity > SIZE_MAX / 16 ||
        __builtin_mul_overflow(ring_stride(elem_size), capacity, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct ring_chan), &bytes)) {
        return 0;
    }
    return bytes;
}

static enum weft_status ring_init(struct weft_chan *chan)
{
    struct ring_chan *self = ring_of(chan);
    self->stride = ring_stride(chan->elem_size);
    self->lap = RING_STEP;
    while (self->lap / RING_STEP <= chan->capacity) {
        self->lap *= 2;
    }
    for (size_t i = 0; i < chan->capacity; i++) {
        store_relaxed(&ring_slot(self, i * RING_STEP)->stamp, i * RING_STEP); /* nobody else knows it yet */
    }
    return WEFT_OK;
}

static inline enum weft_status ring_put(struct weft_chan *chan, const void *value)
{
    struct ring_chan *self = ring_of(chan);
    uint64_t tail = load_relaxed(&self->tail); /* CAS validates */
    for (unsigned round = 0;;) {
        if (unlikely((tail & RING_CLOSED) != 0)) {
            (void)load_acquire(&self->tail); /* what the closer did before is seen */
            return WEFT_CLOSED;
        }
        struct ring_slot *slot = ring_slot(self, tail);
        uint64_t stamp = load_acquire(&slot->stamp); /* A2 <- P2 */
        if (likely(stamp == tail)) {
            if (likely(task_cas_weak_seq_cst(&self->tail, &tail, ring_after(self, tail)))) { /* R3 */
                elem_copy(slot->value, value, chan->elem_size);
                store_release(&slot->stamp, stamp + RING_STEP); /* P1 -> A1 */
                return WEFT_OK;
            }
            stay_away(round++);
            continue;
        }
        if ((int64_t)(stamp - tail) < 0) {             /* the last lap is not done with it */
            uint64_t head = load_seq_cst(&self->head); /* full at this instant, if head is a lap behind */
            if (head + self->lap == tail) {
                (void)load_acquire(&self->tail); /* R4: what whoever filled it did before is seen */
                return WEFT_AGAIN;
            }
            backoff(round++); /* its owner of the last lap is about to pass it on */
        }
        tail = load_relaxed(&self->tail); /* CAS validates */
    }
}

static inline enum weft_status ring_take(struct weft_chan *chan, void *value)
{
    struct ring_chan *self = ring_of(chan);
    uint64_t head = load_relaxed(&self->head); /* CAS validates */
    for (unsigned round = 0;;) {
        struct ring_slot *slot = ring_slot(self, head);
        uint64_t stamp = load_acquire(&slot->stamp); /* A1 <- P1 */
        if (likely(stamp == head + RING_STEP)) {
            if (likely(task_cas_weak_seq_cst(&self->head, &head, ring_after(self, head)))) { /* R3 */
                elem_copy(value, slot->value, chan->elem_size);
                store_release(&slot->stamp, head + self->lap); /* P2 -> A2 */
                return WEFT_OK;
            }
            stay_away(round++);
            continue;
        }
        if ((int64_t)(stamp - head) <= 0) { /* nothing published in this lap */
            /* survives: acquire would find all that happened before; seq_cst: the answer has one place among all */
            uint64_t tail = load_seq_cst(&self->tail); /* empty at this instant, if tail stands here too */
            if ((tail & ~(uint64_t)RING_CLOSED) == head) {
                if ((tail & RING_CLOSED) == 0) {
                    (void)load_acquire(&self->head); /* R4: what whoever emptied it did before is seen */
                    return WEFT_AGAIN;
                }
                elem_zero(value, chan->elem_size);
                return WEFT_CLOSED;
            }
            backoff(round++); /* its sender is about to publish it */
        }
        head = load_relaxed(&self->head); /* CAS validates */
    }
}

static inline enum weft_status ring_try_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_send(chan, value);
    }
    enum weft_status status = ring_put(chan, value);
    if (likely(status == WEFT_OK)) {
        chan_notify(chan, &chan->recvq); /* N1 */
    }
    return status;
}

static inline enum weft_status ring_try_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_recv(chan, value);
    }
    enum weft_status status = ring_take(chan, value);
    if (likely(status == WEFT_OK)) {
        chan_notify(chan, &chan->sendq); /* N1 */
    }
    return status;
}

static cold_function enum weft_status ring_send_park(struct weft_chan *chan, const void *value)
{
    enum weft_status status;
    do {
        chan_wait(chan, WEFT_SEND);
        status = ring_try_send(chan, value);
    } while (status == WEFT_AGAIN);
    chan_pass_on(chan, WEFT_SEND); /* N3 */
    return status;
}

static cold_function enum weft_status ring_recv_park(struct weft_chan *chan, void *value)
{
    enum weft_status status;
    do {
        chan_wait(chan, WEFT_RECV);
        status = ring_try_recv(chan, value);
    } while (status == WEFT_AGAIN);
    chan_pass_on(chan, WEFT_RECV); /* N3 */
    return status;
}

static inline enum weft_status ring_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_send(chan, value);
    }
    enum weft_status status = ring_try_send(chan, value);
    return likely(status != WEFT_AGAIN) ? status : ring_send_park(chan, value);
}

static inline enum weft_status ring_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_recv(chan, value);
    }
    enum weft_status status = ring_try_recv(chan, value);
    return likely(status != WEFT_AGAIN) ? status : ring_recv_park(chan, value);
}

static enum weft_status ring_close(struct weft_chan *chan)
{
    if (chan->capacity == 0) {
        return rendezvous_close(chan);
    }
    /* seq_cst: against chan_wait's poll, R3 */
    /* survives: as acq_rel: chan_wake_all takes the lock of those who wait; seq_cst for a reader of R3 */
    if ((or_seq_cst(&ring_of(chan)->tail, (uint64_t)RING_CLOSED) & RING_CLOSED) != 0) {
        return WEFT_CLOSED;
    }
    chan_wake_all(chan);
    return WEFT_OK;
}

/* Elements between two positions. */
static size_t ring_distance(const struct ring_chan *self, uint64_t head, uint64_t tail)
{
    uint64_t laps = (tail & ~(self->lap - 1)) - (head & ~(self->lap - 1));
    uint64_t count = laps / self->lap * self->base.capacity + ring_index(self, tail) - ring_index(self, head);
    return count > self->base.capacity ? self->base.capacity : (size_t)count;
}

static size_t ring_len(const struct weft_chan *chan)
{
    const struct ring_chan *self = ring_of(chan);
    for (;;) {
        /* survives: as acquire: who moved tail here knew of the receives before; as relaxed: load buffering */
        uint64_t tail = load_seq_cst(&self->tail) & ~(uint64_t)RING_CLOSED;
        /* survives: as acquire: who moved head there knew of the sends before; as relaxed: load buffering */
        uint64_t head = load_seq_cst(&self->head);
        /* survives: the look at head has acquired what its mover knew of tail */
        if ((load_seq_cst(&self->tail) & ~(uint64_t)RING_CLOSED) == tail) { /* both at one instant */
            return ring_distance(self, head, tail);
        }
    }
}

static bool ring_poll(const struct weft_chan *chan, enum weft_op op)
{
    const struct ring_chan *self = ring_of(chan);
    uint64_t tail = load_seq_cst(&self->tail); /* R3 */
    uint64_t head = load_seq_cst(&self->head); /* R3 */
    if ((tail & RING_CLOSED) != 0) {
        return true;
    }
    return op == WEFT_RECV ? tail != head : head + self->lap != tail;
}

static uint64_t ring_version(const struct weft_chan *chan, enum weft_op op)
{
    const struct ring_chan *self = ring_of(chan);
    if (chan->capacity == 0) {
        return rendezvous_version(chan, op);
    }
    /* survives: a try goes by the same word, and one that fails has read it with acquire (R4) */
    uint64_t tail = load_seq_cst(&self->tail); /* R4 */
    /* survives: the same */
    return op == WEFT_RECV ? tail : load_seq_cst(&self->head) | (tail & RING_CLOSED);
}

const struct chan_ops ring_ops = {
    .name = "ring",
    .summary = "bounded ring of stamped slots, no lock while nobody waits",
    .caps = {.capacity_exact = true,
             .multi_producer = true,
             .multi_consumer = true,
             .select = true,
             .select_atomic = true,
             .try_exact = true,
             .allocates_per_message_above = SIZE_MAX,
             .progress = PROGRESS_BLOCKING},
    .size = ring_size,
    .header = sizeof(struct ring_chan),
    .init = ring_init,
    .send = ring_send,
    .recv = ring_recv,
    .try_send = ring_try_send,
    .try_recv = ring_try_recv,
    .close = ring_close,
    .len = ring_len,
    .poll = ring_poll,
    .version = ring_version,
};
