/* handoff: one short lock, waiters served in turn, values handed from stack to stack.
 *
 * Idea: what Go does, on this runtime, so that the design and its implementation can be told apart. All state is under
 * one lock; who finds a partner waiting completes the partner's operation himself, straight from or to its stack; a
 * select locks all its channels, looks, and queues itself in all of them, at one instant.
 * Source: the Go runtime's runtime/chan.go and select.go (D. Vyukov, K. Randall et al.).
 * Guarantees: any capacity, any element, many producers and consumers; waiters are served first come, first served, and
 * nobody overtakes them; a try fails only when it has to; a select, default included, is atomic over its cases.
 * State: all under chan->lock; closed and the buffer's numbers are read without it by tries that fail.
 * Invariants
 *   H1  Receivers wait only while the buffer is empty, senders only while it is full (capacity 0: both), but for
 *       selects that have been won by another case and are about to leave. So a put with a receiver waiting hands over,
 *       and a take from a full buffer lets the first sender's element in at the end.
 *   H2  A waiter that was taken out and claimed (wait.h) is completed under the lock: its value is copied and its
 *       status set; it never has to try again.
 *   H3  A select holds the locks of all its channels, each once, taken in the order of their addresses, from its look
 *       until its task has parked: between the look and the queueing nobody gets on. Where there is one worker
 *       (core/lock.h, weft_alone) nobody would anyway, and a select that waits goes from the look of its caller,
 *       core/select.h, to the queueing.
 *   H4  The locks of a select that has parked are released by its commit, from a list on its stack. It does not return
 *       before it has taken the lock of each channel but the one that claimed it; if that is not the last of the list
 *       it waits there for the commit, and if it is the commit is through with the list.
 * Ordering: the lock's release -> acquire, for everything; the numbers of the buffer: see chan_ops.version.
 * Deviations from the source: a select over several variants can't hold all locks and goes the way of core/select.h,
 * where a waiter that meets another select at capacity 0 pairs their words.
 * Cost: one lock an operation, n for a select over n channels, and as many again if it parks. A try that fails takes
 * none.
 * Good at: order, fairness, rendezvous, selects. Bad at: contention, since every operation serialises. */
#include "core/buffer.h"
#include "core/chan.h"
#include "core/rendezvous.h"
#include "core/select.h"

#include <stdlib.h>

struct handoff_chan {
    struct weft_chan base;
    struct buffer buffer; /* last: the elements follow it */
};

static force_inline struct buffer *handoff_buffer(const struct weft_chan *chan)
{
    return &((struct handoff_chan *)(uintptr_t)chan)->buffer;
}

static size_t handoff_size(size_t elem_size, size_t capacity)
{
    return buffer_object_size(sizeof(struct handoff_chan), elem_size, capacity);
}

/* --- under the lock --------------------------------------------------------------------------------- */

/* The first waiter that can be claimed, taken out; NULL: there is none. *woken: its task, if it has to be readied. */
static force_inline struct waiter *handoff_partner(struct waitq *queue, struct task **woken)
{
    struct waiter *waiter;
    while ((waiter = queue->head) != NULL) {
        bool parked = false;
        if (waiter_claim(queue, waiter, &parked)) {
            *woken = parked ? waiter->task : NULL;
            waiter->status = WEFT_OK; /* H2 */
            return waiter;
        }
    }
    return NULL;
}

/* *woken: who is to be readied when the lock has been released, or NULL. */
static force_inline enum weft_status handoff_put(struct weft_chan *chan, const void *value, struct task **woken)
{
    struct buffer *buffer = handoff_buffer(chan);
    *woken = NULL;
    if (unlikely(load_relaxed(&chan->closed) != 0)) { /* under the lock */
        return WEFT_CLOSED;
    }
    struct waiter *receiver = chan->recvq.head == NULL ? NULL : handoff_partner(&chan->recvq, woken);
    if (receiver != NULL) {
        elem_copy(receiver->value, value, chan->elem_size);
        return WEFT_OK;
    }
    if (buffer_count(buffer) == chan->capacity) {
        return WEFT_AGAIN;
    }
    buffer_put(buffer, chan, value);
    return WEFT_OK;
}

static force_inline enum weft_status handoff_take(struct weft_chan *chan, void *value, struct task **woken)
{
    struct buffer *buffer = handoff_buffer(chan);
    bool any = buffer_count(buffer) != 0;
    *woken = NULL;
    if (likely(any)) {
        buffer_take(buffer, chan, value);
    }
    struct waiter *sender = chan->sendq.head == NULL ? NULL : handoff_partner(&chan->sendq, woken);
    if (sender != NULL && any) {
        buffer_put(buffer, chan, sender->value); /* H1 */
    } else if (sender != NULL) {
        elem_copy(value, sender->value, chan->elem_size);
    } else if (!any && load_relaxed(&chan->closed) == 0) { /* under the lock */
        return WEFT_AGAIN;
    } else if (!any) {
        elem_zero(value, chan->elem_size);
        return WEFT_CLOSED;
    }
    return WEFT_OK;
}

static force_inline enum weft_status handoff_do(struct weft_chan *chan, enum weft_op op, void *value,
                                                struct task **woken)
{
    return op == WEFT_RECV ? handoff_take(chan, value, woken) : handoff_put(chan, value, woken);
}

/* --- one operation ---------------------------------------------------------------------------------- */

/* Without the lock: AGAIN or CLOSED if that is the answer; OK: the lock is needed. */
static force_inline enum weft_status handoff_glance(const struct weft_chan *chan, enum weft_op op, void *value)
{
    return chan->capacity == 0 ? rendezvous_glance(chan, op, value)
                               : buffer_glance(handoff_buffer(chan), chan, op, value);
}

/* Releases the lock, then readies whom the operation has served. */
static __attribute__((noinline)) void handoff_leave_ready(struct weft_chan *chan, struct task *woken)
{
    lock_release(&chan->lock);
    task_ready(woken);
}

static force_inline void handoff_leave(struct weft_chan *chan, struct task *woken)
{
    if (woken != NULL) {
        handoff_leave_ready(chan, woken);
    } else {
        lock_release(&chan->lock);
    }
}

static force_inline enum weft_status handoff_try(struct weft_chan *chan, enum weft_op op, void *value)
{
    struct task *woken;
    enum weft_status status = handoff_glance(chan, op, value);
    if (status != WEFT_OK) {
        return status;
    }
    task_lock(&chan->lock);
    status = handoff_do(chan, op, value, &woken);
    handoff_leave(chan, woken);
    return status;
}

/* Under the lock: waits to be served. */
static __attribute__((noinline)) enum weft_status handoff_wait(struct weft_chan *chan, enum weft_op op, void *value)
{
    struct waiter self = {.task = task_self(), .value = value};
    waitq_push(chan_queue(chan, op), &self);
    task_park(op == WEFT_RECV ? WAIT_RECV : WAIT_SEND, chan, park_unlock, &chan->lock, NULL);
    return self.status;
}

static force_inline enum weft_status handoff_blocking(struct weft_chan *chan, enum weft_op op, void *value)
{
    struct task *woken;
    task_lock(&chan->lock);
    enum weft_status status = handoff_do(chan, op, value, &woken);
    if (status == WEFT_AGAIN) {
        return handoff_wait(chan, op, value);
    }
    handoff_leave(chan, woken);
    return status;
}

static inline enum weft_status handoff_send(struct weft_chan *chan, const void *value)
{
    return handoff_blocking(chan, WEFT_SEND, (void *)(uintptr_t)value);
}

static inline enum weft_status handoff_recv(struct weft_chan *chan, void *value)
{
    return handoff_blocking(chan, WEFT_RECV, value);
}

static inline enum weft_status handoff_try_send(struct weft_chan *chan, const void *value)
{
    return handoff_try(chan, WEFT_SEND, (void *)(uintptr_t)value);
}

static inline enum weft_status handoff_try_recv(struct weft_chan *chan, void *value)
{
    return handoff_try(chan, WEFT_RECV, value);
}

/* --- the same where the capacity is known not to be 0 ------------------------------------------------ */

/* Under the lock, which it releases. */
static __attribute__((noinline)) enum weft_status handoff_meet(struct weft_chan *chan, enum weft_op op, void *value)
{
    struct task *woken;
    enum weft_status status = handoff_do(chan, op, value, &woken);
    if (status == WEFT_AGAIN) {
        return handoff_wait(chan, op, value);
    }
    handoff_leave(chan, woken);
    return status;
}

/* What most operations on a buffer are: nobody waits on the other side, and there is an element, or a place. Apart from
 * the others, as it takes no stack frame: half of what a call costs. */
static enum weft_status handoff_send_buffered(struct weft_chan *chan, const void *value)
{
    struct buffer *buffer = handoff_buffer(chan);
    task_lock(&chan->lock);
    if (unlikely(chan->recvq.head != NULL || buffer_count(buffer) == chan->capacity ||
                 load_relaxed(&chan->closed) != 0)) { /* under the lock */
        return handoff_meet(chan, WEFT_SEND, (void *)(uintptr_t)value);
    }
    buffer_put(buffer, chan, value);
    lock_release(&chan->lock);
    return WEFT_OK;
}

static enum weft_status handoff_recv_buffered(struct weft_chan *chan, void *value)
{
    struct buffer *buffer = handoff_buffer(chan);
    task_lock(&chan->lock);
    if (unlikely(chan->sendq.head != NULL || buffer_count(buffer) == 0)) {
        return handoff_meet(chan, WEFT_RECV, value);
    }
    buffer_take(buffer, chan, value);
    lock_release(&chan->lock);
    return WEFT_OK;
}

/* --- select ----------------------------------------------------------------------------------------- */

struct handoff_select {
    struct weft_case *cases;
    size_t count;
    const uint16_t *order;    /* of the look and of the queueing: random */
    struct weft_chan **locks; /* in the order of their addresses, each once */
    size_t lock_count;
    struct waiter *waiters;
    struct wait wait;
};

static int handoff_compare(const void *a, const void *b)
{
    uintptr_t left = (uintptr_t) * (struct weft_chan *const *)a;
    uintptr_t right = (uintptr_t) * (struct weft_chan *const *)b;
    return (left > right) - (left < right);
}

/* Enters the channel in a sorted list of `count`; returns the new count. */
static force_inline size_t handoff_insert(struct weft_chan **locks, size_t count, struct weft_chan *chan)
{
    size_t at = count;
    while (at > 0 && (uintptr_t)locks[at - 1] > (uintptr_t)chan) {
        locks[at] = locks[at - 1];
        at--;
    }
    if (likely(at == 0 || locks[at - 1] != chan)) {
        locks[at] = chan;
        return count + 1;
    }
    for (; at < count; at++) { /* what has moved goes back */
        locks[at] = locks[at + 1];
    }
    return count;
}

static force_inline void handoff_sort_few(struct handoff_select *self)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->cases[i].chan != NULL) {
            count = handoff_insert(self->locks, count, self->cases[i].chan);
        }
    }
    self->lock_count = count;
}

static cold_function void handoff_sort_many(struct handoff_select *self)
{
    size_t count = 0;
    self->lock_count = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->cases[i].chan != NULL) {
            self->locks[count++] = self->cases[i].chan;
        }
    }
    qsort(self->locks, count, sizeof *self->locks, handoff_compare);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || self->locks[i] != self->locks[self->lock_count - 1]) {
            self->locks[self->lock_count++] = self->locks[i];
        }
    }
}

static force_inline void handoff_lock_all(const struct handoff_select *self)
{
    for (size_t i = 0; i < self->lock_count; i++) {
        task_lock(&self->locks[i]->lock);
    }
}

/* The last access to the list is before the last release: H4. */
static force_inline void handoff_unlock_all(const struct handoff_select *self)
{
    struct weft_chan **locks = self->locks;
    for (size_t i = 0, count = self->lock_count; i < count; i++) {
        lock_release(&locks[i]->lock);
    }
}

static bool handoff_commit(void *arg)
{
    struct handoff_select *self = arg;
    bool parked = wait_commit(&self->wait); /* false: the deadline came first */
    handoff_unlock_all(self);
    return parked;
}

/* Under all locks: does the first case that can be done. -1: none can. */
static force_inline int handoff_look(struct handoff_select *self, struct task **woken)
{
    *woken = NULL;
    for (size_t i = 0; i < self->count; i++) {
        struct weft_case *c = &self->cases[self->order[i]];
        if (c->chan == NULL) {
            continue;
        }
        enum weft_status status = handoff_do(c->chan, c->op, c->value, woken);
        if (status != WEFT_AGAIN) {
            c->status = status;
            return (int)self->order[i];
        }
    }
    return -1;
}

/* Under all locks, which it releases: H3. */
static int handoff_select_wait(struct handoff_select *self, weft_ns deadline)
{
    struct weft_chan *only = NULL;
    bool several = false;
    wait_init(&self->wait, deadline);
    for (size_t i = 0; i < self->count; i++) {
        uint16_t index = self->order[i];
        struct weft_case *c = &self->cases[index];
        if (c->chan != NULL) {
            several = several || (only != NULL && only != c->chan);
            only = c->chan;
            waiter_init(&self->waiters[index], &self->wait, index, c->value);
            waitq_push(chan_queue(c->chan, c->op), &self->waiters[index]);
        }
    }
    task_park(WAIT_SELECT, several ? NULL : only, handoff_commit, self,
              deadline == WEFT_FOREVER ? NULL : &self->wait.timer);
    uint32_t won = load_acquire(&self->wait.claim) - CLAIM_WON; /* final */
    select_delist(self->cases, self->count, self->waiters, self->order, self->wait.parked ? won : SIZE_MAX);
    if (won == WON_TIMEOUT) {
        return -1;
    }
    self->cases[won].status = self->waiters[won].status; /* H2 */
    return (int)won;
}

static force_inline int handoff_select_locked(struct handoff_select *self, weft_ns deadline, bool wait)
{
    struct task *woken;
    handoff_lock_all(self);
    int chosen = handoff_look(self, &woken);
    if (chosen < 0 && wait) {
        return handoff_select_wait(self, deadline);
    }
    handoff_unlock_all(self);
    if (woken != NULL) {
        task_ready(woken);
    }
    return chosen;
}

static __attribute__((noinline)) int handoff_select(struct weft_case *cases, size_t count,
                                                    const struct select_room *room, weft_ns deadline, bool wait)
{
    struct handoff_select self;
    self.cases = cases;
    self.count = count;
    self.order = room->order;
    self.locks = room->chans;
    self.waiters = room->waiters;
    if (weft_alone && wait) { /* H3 */
        self.lock_count = 0;
        return handoff_select_wait(&self, deadline);
    }
    if (likely(count <= SELECT_STACK_CASES)) {
        handoff_sort_few(&self);
    } else {
        handoff_sort_many(&self);
    }
    return handoff_select_locked(&self, deadline, wait);
}

/* A case of a select over channels of several variants, which holds one lock at a time. */
static enum enlist_result handoff_enlist(struct weft_chan *chan, enum weft_op op, struct waiter *waiter)
{
    uint32_t open = CLAIM_OPEN;
    struct task *woken;
    task_lock(&chan->lock);
    if (handoff_glance(chan, op, NULL) == WEFT_AGAIN) {
        waitq_push(chan_queue(chan, op), waiter);
        lock_release(&chan->lock);
        return ENLIST_QUEUED;
    }
    if (!task_cas_acq_rel(&waiter->wait->claim, &open, CLAIM_WON + waiter->index)) { /* wait.h, C1 */
        lock_release(&chan->lock);
        return ENLIST_LOST;
    }
    waiter->status = handoff_do(chan, op, waiter->value, &woken); /* H1: capacity is not 0, so it can be done */
    handoff_leave(chan, woken);
    return ENLIST_DONE;
}

/* --- the variant ------------------------------------------------------------------------------------ */

static size_t handoff_len(const struct weft_chan *chan)
{
    return buffer_count_snapshot(handoff_buffer(chan));
}

static bool handoff_poll(const struct weft_chan *chan, enum weft_op op)
{
    return buffer_glance(handoff_buffer(chan), chan, op, NULL) != WEFT_AGAIN;
}

static uint64_t handoff_version(const struct weft_chan *chan, enum weft_op op)
{
    return chan->capacity == 0 ? rendezvous_version(chan, op) : buffer_version(handoff_buffer(chan), chan, op);
}

#define HANDOFF_OPS                                                                                                    \
    .name = "handoff",                                                                                                 \
    .summary = "one short lock, waiters served in turn, values handed from stack to stack: Go's design",               \
    .caps = {.capacity_exact = true,                                                                                   \
             .fifo_waiters = true,                                                                                     \
             .hand_off = true,                                                                                         \
             .multi_producer = true,                                                                                   \
             .multi_consumer = true,                                                                                   \
             .select = true,                                                                                           \
             .select_atomic = true,                                                                                    \
             .try_exact = true,                                                                                        \
             .allocates_per_message_above = SIZE_MAX,                                                                  \
             .progress = PROGRESS_BLOCKING},                                                                           \
    .size = handoff_size, .header = sizeof(struct handoff_chan), .try_send = handoff_try_send,                         \
    .try_recv = handoff_try_recv, .len = handoff_len, .poll = handoff_poll, .enlist = handoff_enlist,                  \
    .select = handoff_select, .version = handoff_version,                                                              \
    .close = rendezvous_close /* H1: it serves all who wait with CLOSED, whatever the capacity */

static const struct chan_ops handoff_buffered_ops = {
    HANDOFF_OPS,
    .send = handoff_send_buffered,
    .recv = handoff_recv_buffered,
};

const struct chan_ops handoff_ops = {
    HANDOFF_OPS,
    .send = handoff_send,
    .recv = handoff_recv,
    .buffered = &handoff_buffered_ops,
};
