#include "rendezvous.h"

static force_inline enum weft_op opposite(enum weft_op op)
{
    return op == WEFT_RECV ? WEFT_SEND : WEFT_RECV;
}

/* Copies between the caller's value and that of a waiter that was claimed. */
static force_inline void transfer(struct weft_chan *chan, enum weft_op op, void *value, struct waiter *waiter)
{
    if (op == WEFT_SEND) {
        elem_copy(waiter->value, value, chan->elem_size);
    } else {
        elem_copy(value, waiter->value, chan->elem_size);
    }
    waiter->status = WEFT_OK;
}

/* Under the lock, which it releases if it returns true: meets the first waiter of the other side. */
static force_inline bool meet(struct weft_chan *chan, enum weft_op op, void *value)
{
    struct waitq *others = chan_queue(chan, opposite(op));
    struct waiter *waiter;
    while ((waiter = others->head) != NULL) {
        bool parked = false;
        if (!waiter_claim(others, waiter, &parked)) {
            continue; /* a select that another channel has won */
        }
        transfer(chan, op, value, waiter);
        struct task *task = waiter->task; /* read before the lock goes: an OPEN waiter may leave then */
        lock_release(&chan->lock);
        if (parked) {
            task_ready(task);
        }
        return true;
    }
    return false;
}

static force_inline enum weft_status meet_or_park(struct weft_chan *chan, enum weft_op op, void *value)
{
    task_lock(&chan->lock);
    /* closed: written under the lock */
    if (likely(load_relaxed(&chan->closed) == 0)) {
        if (meet(chan, op, value)) {
            return WEFT_OK;
        }
        struct waiter self = {.task = task_self(), .value = value};
        waitq_push(chan_queue(chan, op), &self);
        task_park(op == WEFT_RECV ? WAIT_RECV : WAIT_SEND, chan, park_unlock, &chan->lock, NULL);
        if (likely(self.status == WEFT_OK)) {
            return WEFT_OK;
        }
    } else {
        lock_release(&chan->lock);
    }
    if (op == WEFT_RECV) {
        elem_zero(value, chan->elem_size);
    }
    return WEFT_CLOSED;
}

enum weft_status rendezvous_send(struct weft_chan *chan, const void *value)
{
    return meet_or_park(chan, WEFT_SEND, (void *)(uintptr_t)value);
}

enum weft_status rendezvous_recv(struct weft_chan *chan, void *value)
{
    return meet_or_park(chan, WEFT_RECV, value);
}

enum weft_status rendezvous_try_slow(struct weft_chan *chan, enum weft_op op, void *value)
{
    task_lock(&chan->lock);
    if (load_relaxed(&chan->closed) != 0) { /* written under the lock */
        lock_release(&chan->lock);
        if (op == WEFT_RECV) {
            elem_zero(value, chan->elem_size);
        }
        return WEFT_CLOSED;
    }
    if (meet(chan, op, value)) {
        return WEFT_OK;
    }
    lock_release(&chan->lock);
    return WEFT_AGAIN;
}

/* Takes all that can be claimed out of the queue, with status CLOSED; returns those to be readied as a list. It is
 * linked through the descriptors, which lie close together and are needed next; the waiters are on stacks, each a page
 * of its own. */
static struct task *drain(struct weft_chan *chan, enum weft_op op, struct task *list)
{
    struct waitq *queue = chan_queue(chan, op);
    struct waiter *waiter;
    while ((waiter = queue->head) != NULL) {
        bool parked = false;
        if (!waiter_claim(queue, waiter, &parked)) {
            continue;
        }
        if (op == WEFT_RECV) {
            elem_zero(waiter->value, chan->elem_size);
        }
        waiter->status = WEFT_CLOSED;
        if (parked) {
            struct task *task = waiter->task;
            task->next = list; /* it has parked, so it is in no queue */
            list = task;
        }
    }
    return list;
}

uint64_t rendezvous_version(const struct weft_chan *chan, enum weft_op op)
{
    const struct waitq *others = op == WEFT_RECV ? &chan->sendq : &chan->recvq;
    return (uint64_t)load_seq_cst(&others->arrivals) << 1 | load_seq_cst(&chan->closed);
}

enum weft_status rendezvous_close(struct weft_chan *chan)
{
    task_lock(&chan->lock);
    if (load_relaxed(&chan->closed) != 0) { /* written under the lock */
        lock_release(&chan->lock);
        return WEFT_CLOSED;
    }
    store_seq_cst(&chan->closed, 1u); /* seq_cst: a try after this close sees it */
    struct task *list = drain(chan, WEFT_SEND, drain(chan, WEFT_RECV, NULL));
    lock_release(&chan->lock);
    while (list != NULL) {
        struct task *next = list->next; /* before ready: it then is in a queue */
        task_ready(list);
        list = next;
    }
    return WEFT_OK;
}

/* --- select ----------------------------------------------------------------------------------------- */

enum pair_result { PAIR_DONE, PAIR_SELF_LOST, PAIR_OTHER_LOST };

/* Both selects win, or neither changes. The caller holds the lock of the channel in which they meet; `other` may
 * be trying the same with a third one under another channel's lock, and so on in a circle: a task that finds the
 * other BUSY steps back if its own word has the lower address, and waits for it to step back otherwise, hence one
 * task of each circle steps back. */
static enum pair_result pair(struct wait *self, uint32_t self_index, struct wait *other, uint32_t other_index,
                             bool *parked)
{
    for (unsigned round = 0;; round++) {
        uint32_t mine = CLAIM_OPEN;
        if (!task_cas_acq_rel(&self->claim, &mine, CLAIM_BUSY)) {
            return PAIR_SELF_LOST;
        }
        uint32_t theirs = load_relaxed(&other->claim); /* the CAS validates */
        while (theirs == CLAIM_BUSY && (uintptr_t)self > (uintptr_t)other) {
            backoff(round++);
            theirs = load_relaxed(&other->claim);
        }
        if (theirs == CLAIM_OPEN || theirs == CLAIM_PARKED) {
            *parked = theirs == CLAIM_PARKED;
            if (task_cas_acq_rel(&other->claim, &theirs, CLAIM_WON + other_index)) {
                store_release(&self->claim, CLAIM_WON + self_index);
                return PAIR_DONE;
            }
        }
        store_release(&self->claim, CLAIM_OPEN);
        if (theirs >= CLAIM_WON) {
            return PAIR_OTHER_LOST;
        }
        backoff(round);
    }
}

enum enlist_result rendezvous_enlist(struct weft_chan *chan, enum weft_op op, struct waiter *self)
{
    struct waitq *others = chan_queue(chan, opposite(op));
    uint32_t open = CLAIM_OPEN;
    task_lock(&chan->lock);
    if (load_relaxed(&chan->closed) != 0) { /* written under the lock */
        bool won = task_cas_acq_rel(&self->wait->claim, &open, CLAIM_WON + self->index);
        lock_release(&chan->lock);
        if (won) {
            self->status = WEFT_CLOSED;
            if (op == WEFT_RECV) {
                elem_zero(self->value, chan->elem_size);
            }
        }
        return won ? ENLIST_DONE : ENLIST_LOST;
    }
    struct waiter *next;
    for (struct waiter *waiter = others->head; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->wait == self->wait) {
            continue; /* the other side of the same select: no self-delivery */
        }
        bool parked = true;
        enum pair_result result;
        if (waiter->wait == NULL) {
            open = CLAIM_OPEN;
            result = task_cas_acq_rel(&self->wait->claim, &open, CLAIM_WON + self->index) ? PAIR_DONE : PAIR_SELF_LOST;
        } else {
            result = pair(self->wait, self->index, waiter->wait, waiter->index, &parked);
        }
        if (result == PAIR_SELF_LOST) {
            lock_release(&chan->lock);
            return ENLIST_LOST;
        }
        waitq_remove(others, waiter);
        if (result == PAIR_DONE) {
            transfer(chan, op, self->value, waiter);
            self->status = WEFT_OK;
            struct task *task = waiter->task;
            lock_release(&chan->lock);
            if (parked) {
                task_ready(task);
            }
            return ENLIST_DONE;
        }
    }
    waitq_push(chan_queue(chan, op), self);
    lock_release(&chan->lock);
    return ENLIST_QUEUED;
}
