/* mutex: one mutex, two condition variables, a circular buffer.
 *
 * Idea: the monitor that every textbook shows. All state is under one lock; a task that can't go on waits on one of two
 * condition variables ("not empty", "not full"), which signal one waiter for each element or place.
 * Source: C. A. R. Hoare, "Monitors: an operating system structuring concept", CACM 17 (1974), the bounded buffer; with
 * the signal of B. Lampson, D. Redell, "Experience with processes and monitors in Mesa", CACM 23 (1980): a signalled
 * task tries again.
 * Guarantees: any capacity, any element, many producers and consumers, select; a try fails only when it has to. Waiters
 * are signalled first come, first served, but a newcomer may overtake a signalled one. Capacity 0: core/rendezvous.h.
 * State: all under chan->lock. The mutex is core's lock (it blocks the thread, for a few dozen instructions), the
 * condition variables are the channel's two wait queues (they park the task).
 * Invariants
 *   M1  count <= capacity; the elements are at head, head + 1, ... modulo capacity.
 *   M2  For every element there is no waiting receiver, or a receiver that was signalled and has not run yet; the same
 *       for places and senders. (chan.h, N1 to N3; here N3 has nothing to pass on, as no element becomes visible late.)
 * Ordering: the lock's release -> acquire, for everything.
 * Cost: one lock (one read-modify-write) an operation; a try that fails takes none.
 * Good at: being obviously right; one core. Bad at: contention, since every operation serialises. */
#include "core/buffer.h"
#include "core/chan.h"
#include "core/rendezvous.h"

struct mutex_chan {
    struct weft_chan base;
    struct buffer buffer; /* last: the elements follow it */
};

static force_inline struct mutex_chan *mutex_of(const struct weft_chan *chan)
{
    return (struct mutex_chan *)(uintptr_t)chan;
}

static size_t mutex_size(size_t elem_size, size_t capacity)
{
    return buffer_object_size(sizeof(struct mutex_chan), elem_size, capacity);
}

/* The condition variable's signal: takes a waiter out; the caller readies it once the lock is released. */
static force_inline struct task *mutex_signal(struct waitq *queue)
{
    while (queue->head != NULL) {
        struct waiter *waiter = queue->head;
        struct task *task = waiter->task;
        bool parked = false;
        if (waiter_claim(queue, waiter, &parked)) {
            return parked ? task : NULL;
        }
    }
    return NULL;
}

static cold_function void mutex_unlock_wake(struct weft_chan *chan, struct waitq *queue)
{
    struct task *task = mutex_signal(queue);
    lock_release(&chan->lock);
    if (task != NULL) {
        task_ready(task);
    }
}

static force_inline void mutex_unlock_signal(struct weft_chan *chan, struct waitq *queue)
{
    if (unlikely(queue->head != NULL)) {
        mutex_unlock_wake(chan, queue);
    } else {
        lock_release(&chan->lock);
    }
}

/* Under the lock, which it releases unless the answer is AGAIN. */
static force_inline enum weft_status mutex_put(struct weft_chan *chan, const void *value)
{
    struct buffer *buffer = &mutex_of(chan)->buffer;
    if (unlikely(load_relaxed(&chan->closed) != 0)) { /* under the lock */
        lock_release(&chan->lock);
        return WEFT_CLOSED;
    }
    if (buffer_count(buffer) == chan->capacity) {
        return WEFT_AGAIN;
    }
    buffer_put(buffer, chan, value);
    mutex_unlock_signal(chan, &chan->recvq);
    return WEFT_OK;
}

/* Under the lock, which it releases unless the answer is AGAIN. */
static force_inline enum weft_status mutex_take(struct weft_chan *chan, void *value)
{
    struct buffer *buffer = &mutex_of(chan)->buffer;
    if (buffer_count(buffer) == 0) {
        if (likely(load_relaxed(&chan->closed) == 0)) { /* under the lock */
            return WEFT_AGAIN;
        }
        lock_release(&chan->lock);
        elem_zero(value, chan->elem_size);
        return WEFT_CLOSED;
    }
    buffer_take(buffer, chan, value);
    mutex_unlock_signal(chan, &chan->sendq);
    return WEFT_OK;
}

/* The condition variable's wait: under the lock, which is released once the task has parked, and taken again. */
static cold_function void mutex_wait(struct weft_chan *chan, enum weft_op op)
{
    struct waiter self = {.task = task_self()};
    waitq_push(chan_queue(chan, op), &self);
    task_park(op == WEFT_RECV ? WAIT_RECV : WAIT_SEND, chan, park_unlock, &chan->lock, NULL);
    task_lock(&chan->lock);
}

static inline enum weft_status mutex_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_send(chan, value);
    }
    enum weft_status status;
    task_lock(&chan->lock);
    while ((status = mutex_put(chan, value)) == WEFT_AGAIN) {
        mutex_wait(chan, WEFT_SEND);
    }
    return status;
}

static inline enum weft_status mutex_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_recv(chan, value);
    }
    enum weft_status status;
    task_lock(&chan->lock);
    while ((status = mutex_take(chan, value)) == WEFT_AGAIN) {
        mutex_wait(chan, WEFT_RECV);
    }
    return status;
}

static inline enum weft_status mutex_try_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_send(chan, value);
    }
    enum weft_status status = buffer_glance(&mutex_of(chan)->buffer, chan, WEFT_SEND, (void *)(uintptr_t)value);
    if (status != WEFT_OK) {
        return status;
    }
    task_lock(&chan->lock);
    status = mutex_put(chan, value);
    if (status == WEFT_AGAIN) {
        lock_release(&chan->lock);
    }
    return status;
}

static inline enum weft_status mutex_try_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_recv(chan, value);
    }
    enum weft_status status = buffer_glance(&mutex_of(chan)->buffer, chan, WEFT_RECV, value);
    if (status != WEFT_OK) {
        return status;
    }
    task_lock(&chan->lock);
    status = mutex_take(chan, value);
    if (status == WEFT_AGAIN) {
        lock_release(&chan->lock);
    }
    return status;
}

static enum weft_status mutex_close(struct weft_chan *chan)
{
    if (chan->capacity == 0) {
        return rendezvous_close(chan);
    }
    task_lock(&chan->lock);
    bool was_closed = load_relaxed(&chan->closed) != 0; /* under the lock */
    store_release(&chan->closed, 1u);                   /* for those who look without it: buffer_glance */
    lock_release(&chan->lock);
    if (was_closed) {
        return WEFT_CLOSED;
    }
    chan_wake_all(chan);
    return WEFT_OK;
}

static size_t mutex_len(const struct weft_chan *chan)
{
    return buffer_count_snapshot(&mutex_of(chan)->buffer);
}

/* Exact where it matters, under the lock (N2); a hint behind an operation (N3), which has nothing to pass on here. */
static bool mutex_poll(const struct weft_chan *chan, enum weft_op op)
{
    size_t count = buffer_count(&mutex_of(chan)->buffer);
    return load_relaxed(&chan->closed) != 0 || (op == WEFT_RECV ? count != 0 : count != chan->capacity);
}

static uint64_t mutex_version(const struct weft_chan *chan, enum weft_op op)
{
    return chan->capacity == 0 ? rendezvous_version(chan, op) : buffer_version(&mutex_of(chan)->buffer, chan, op);
}

const struct chan_ops mutex_ops = {
    .name = "mutex",
    .summary = "one mutex, two condition variables, a circular buffer",
    .caps = {.capacity_exact = true,
             .multi_producer = true,
             .multi_consumer = true,
             .select = true,
             .select_atomic = true,
             .try_exact = true,
             .allocates_per_message_above = SIZE_MAX,
             .progress = PROGRESS_BLOCKING},
    .size = mutex_size,
    .header = sizeof(struct mutex_chan),
    .send = mutex_send,
    .recv = mutex_recv,
    .try_send = mutex_try_send,
    .try_recv = mutex_try_recv,
    .close = mutex_close,
    .len = mutex_len,
    .poll = mutex_poll,
    .version = mutex_version,
};
