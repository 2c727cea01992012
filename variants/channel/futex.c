/* futex: everything that waits, waits on a 32-bit word.
 *
 * Idea: the channel as one writes it on bare futexes. A three-state mutex word guards a circular buffer; two event
 * words count signals ("an element came", "a place came free"); whoever can't go on remembers the event word under the
 * mutex and waits until it changes. On OS threads the wait is the futex system call, on M:N schedulers core's parking
 * lot.
 * Source: U. Drepper, "Futexes Are Tricky" (2011): mutex2, and the condition variable by a sequence counter.
 * Guarantees: any capacity, any element, many producers and consumers, select; a try fails only when it has to. Nothing
 * is promised about the order in which waiters are served. Capacity 0: core/rendezvous.h.
 * State
 *   mutex           0 free, 1 held, 2 held and somebody may wait for it
 *   buffer          under the mutex (its count is read without by len)
 *   *_event         32 bits, changed under the mutex at each signal; wraps, compared for equality only: a waiter would
 *   have
 *                   to miss exactly 2^32 signals between its unlock and its wait
 *   *_waiting       under the mutex: how many have registered and not been signalled; may be too high (after a spurious
 *                   return), which costs a futile wake, never too low
 *   inside          changed under the mutex: exact, for the check at free
 *   closed          written under the mutex
 * Invariants
 *   F1  An element put while recv_waiting > 0 changes recv_event and wakes one that waits on it; the same for places.
 *   F2  Selects stand in the channel's wait queues beside, and are signalled for each element too (chan_notify): the
 *       two populations can't take each other's signals, at the price of one wake-up too many where both wait.
 *   F3  A select that has queued itself polls under the mutex. Of its section and a publisher's one is first: either it
 *       sees the publication, or its place in the queue happens before the publisher's chan_notify.
 * Ordering: R1 mutex release -> A1 mutex acquire, for everything.
 * Cost: two read-modify-writes an operation; a system call a wait and a wake on OS threads.
 * Good at: OS threads. Bad at: contention on one word. */
#include "core/buffer.h"
#include "core/chan.h"
#include "core/lot.h"
#include "core/rendezvous.h"

#ifndef FUTEX_SPIN /* a litmus client spins less */
#define FUTEX_SPIN 100
#endif

struct futex_chan {
    struct weft_chan base;
    _Atomic(uint32_t) mutex;
    _Atomic(uint32_t) recv_event, send_event;
    uint32_t recv_waiting, send_waiting;
    _Atomic(uint32_t) inside; /* tasks in futex_wait_event */
    struct buffer buffer;     /* last: the elements follow it */
};

static force_inline struct futex_chan *futex_of(const struct weft_chan *chan)
{
    return (struct futex_chan *)(uintptr_t)chan;
}

static size_t futex_size(size_t elem_size, size_t capacity)
{
    return buffer_object_size(sizeof(struct futex_chan), elem_size, capacity);
}

/* --- the mutex -------------------------------------------------------------------------------------- */

static cold_function void futex_lock_contended(struct futex_chan *self)
{
    for (unsigned spin = 0; spin < FUTEX_SPIN; spin++) {
        uint32_t free = 0;
        if (task_cas_weak_acquire(&self->mutex, &free, 1u)) { /* A1 <- R1 */
            return;
        }
        cpu_relax();
    }
    /* From here on this task takes the mutex as 2, as it can't know whether others wait: a wake-up too many at the
     * most. */
    while (exchange_acquire(&self->mutex, 2u) != 0) { /* A1 <- R1 */
        lot_wait(&self->mutex, 2);
    }
}

static force_inline void futex_lock(struct futex_chan *self)
{
    uint32_t free = 0;
    if (unlikely(!task_cas_acquire(&self->mutex, &free, 1u))) { /* A1 <- R1 */
        futex_lock_contended(self);
    }
}

/* For operations that must not park: blocks the thread, for the length of somebody's section. */
static force_inline void futex_lock_spinning(struct futex_chan *self)
{
    for (unsigned round = 0;; round++) {
        uint32_t free = 0;
        if (likely(task_cas_acquire(&self->mutex, &free, 1u))) { /* A1 <- R1 */
            return;
        }
        backoff(round);
    }
}

static force_inline void futex_unlock(struct futex_chan *self)
{
    if (weft_alone) { /* nobody waits for it: see core/lock.h */
        store_relaxed(&self->mutex, 0u);
        return;
    }
    /* survives: as release: the lock of the parking lot orders the waiter before lot_wake */
    if (unlikely(exchange_acq_rel(&self->mutex, 0u) == 2)) { /* R1 -> A1 */
        lot_wake(&self->mutex, 1);
    }
}

/* --- the events ------------------------------------------------------------------------------------- */

static force_inline _Atomic(uint32_t) *futex_event(struct futex_chan *self, enum weft_op op)
{
    return op == WEFT_RECV ? &self->recv_event : &self->send_event;
}

static force_inline uint32_t *futex_waiting(struct futex_chan *self, enum weft_op op)
{
    return op == WEFT_RECV ? &self->recv_waiting : &self->send_waiting;
}

/* Under the mutex, which it releases: F1 and F2 for those that wait to do `op`. */
static force_inline void futex_unlock_signal(struct futex_chan *self, enum weft_op op)
{
    bool signal = *futex_waiting(self, op) != 0;
    if (unlikely(signal)) {
        --*futex_waiting(self, op);
        add_relaxed(futex_event(self, op), 1u); /* under the mutex */
    }
    futex_unlock(self);
    if (unlikely(signal)) {
        lot_wake(futex_event(self, op), 1);
    }
    chan_notify(&self->base, chan_queue(&self->base, op));
}

/* Under the mutex, which is released while the task waits and then taken again. */
static cold_function void futex_wait_event(struct futex_chan *self, enum weft_op op)
{
    uint32_t seen = load_relaxed(futex_event(self, op)); /* under the mutex */
    ++*futex_waiting(self, op);
    count_up(&self->inside, 1u); /* under the mutex: one writer */
    futex_unlock(self);
    lot_wait(futex_event(self, op), seen);
    futex_lock(self);
    count_up(&self->inside, -1u); /* under the mutex: one writer */
}

/* --- operations ------------------------------------------------------------------------------------- */

/* Under the mutex, which it releases unless the answer is AGAIN. */
static force_inline enum weft_status futex_put(struct futex_chan *self, const void *value)
{
    if (unlikely(load_relaxed(&self->base.closed) != 0)) { /* under the mutex */
        futex_unlock(self);
        return WEFT_CLOSED;
    }
    if (buffer_count(&self->buffer) == self->base.capacity) {
        return WEFT_AGAIN;
    }
    buffer_put(&self->buffer, &self->base, value);
    futex_unlock_signal(self, WEFT_RECV);
    return WEFT_OK;
}

/* Under the mutex, which it releases unless the answer is AGAIN. */
static force_inline enum weft_status futex_take(struct futex_chan *self, void *value)
{
    if (buffer_count(&self->buffer) == 0) {
        if (likely(load_relaxed(&self->base.closed) == 0)) { /* under the mutex */
            return WEFT_AGAIN;
        }
        futex_unlock(self);
        elem_zero(value, self->base.elem_size);
        return WEFT_CLOSED;
    }
    buffer_take(&self->buffer, &self->base, value);
    futex_unlock_signal(self, WEFT_SEND);
    return WEFT_OK;
}

static inline enum weft_status futex_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_send(chan, value);
    }
    struct futex_chan *self = futex_of(chan);
    enum weft_status status;
    futex_lock(self);
    while ((status = futex_put(self, value)) == WEFT_AGAIN) {
        futex_wait_event(self, WEFT_SEND);
    }
    return status;
}

static inline enum weft_status futex_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_recv(chan, value);
    }
    struct futex_chan *self = futex_of(chan);
    enum weft_status status;
    futex_lock(self);
    while ((status = futex_take(self, value)) == WEFT_AGAIN) {
        futex_wait_event(self, WEFT_RECV);
    }
    return status;
}

static inline enum weft_status futex_try_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_send(chan, value);
    }
    struct futex_chan *self = futex_of(chan);
    futex_lock_spinning(self);
    enum weft_status status = futex_put(self, value);
    if (status == WEFT_AGAIN) {
        futex_unlock(self);
    }
    return status;
}

static inline enum weft_status futex_try_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_recv(chan, value);
    }
    struct futex_chan *self = futex_of(chan);
    futex_lock_spinning(self);
    enum weft_status status = futex_take(self, value);
    if (status == WEFT_AGAIN) {
        futex_unlock(self);
    }
    return status;
}

static enum weft_status futex_close(struct weft_chan *chan)
{
    if (chan->capacity == 0) {
        return rendezvous_close(chan);
    }
    struct futex_chan *self = futex_of(chan);
    futex_lock_spinning(self);
    bool was_closed = load_relaxed(&chan->closed) != 0; /* under the mutex */
    store_relaxed(&chan->closed, 1u);
    self->recv_waiting = self->send_waiting = 0;
    add_relaxed(&self->recv_event, 1u); /* under the mutex */
    add_relaxed(&self->send_event, 1u);
    futex_unlock(self);
    if (was_closed) {
        return WEFT_CLOSED;
    }
    lot_wake(&self->recv_event, UINT32_MAX);
    lot_wake(&self->send_event, UINT32_MAX);
    chan_wake_all(chan);
    return WEFT_OK;
}

static size_t futex_len(const struct weft_chan *chan)
{
    return buffer_count_snapshot(&futex_of(chan)->buffer);
}

static size_t futex_waiting_inside(const struct weft_chan *chan)
{
    /* the caller's order; who was woken by close waits no more */
    return load_relaxed(&chan->closed) != 0 || chan->capacity == 0 ? 0 : load_relaxed(&futex_of(chan)->inside);
}

static bool futex_poll(const struct weft_chan *chan, enum weft_op op)
{
    struct futex_chan *self = futex_of(chan);
    futex_lock_spinning(self); /* F3 */
    size_t count = buffer_count(&self->buffer);
    bool closed = load_relaxed(&chan->closed) != 0;
    futex_unlock(self);
    return closed || (op == WEFT_RECV ? count != 0 : count != chan->capacity);
}

static uint64_t futex_version(const struct weft_chan *chan, enum weft_op op)
{
    return chan->capacity == 0 ? rendezvous_version(chan, op) : buffer_version(&futex_of(chan)->buffer, chan, op);
}

const struct chan_ops futex_ops = {
    .name = "futex",
    .summary = "futex mutex and event words; real futexes on OS threads, a parking lot elsewhere",
    .caps = {.capacity_exact = true,
             .multi_producer = true,
             .multi_consumer = true,
             .select = true,
             .select_atomic = true,
             .try_exact = true,
             .allocates_per_message_above = SIZE_MAX,
             .progress = PROGRESS_BLOCKING},
    .size = futex_size,
    .header = sizeof(struct futex_chan),
    .send = futex_send,
    .recv = futex_recv,
    .try_send = futex_try_send,
    .try_recv = futex_try_recv,
    .close = futex_close,
    .len = futex_len,
    .poll = futex_poll,
    .version = futex_version,
    .waiting = futex_waiting_inside,
};
