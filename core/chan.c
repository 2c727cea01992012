#include "chan.h"

#include "limbo.h"
#include "registry.h"
#include "rendezvous.h"
#include "select.h"

#include <stdlib.h>

/* --- waiting ---------------------------------------------------------------------------------------- */

cold_function void chan_wake_one(struct weft_chan *chan, struct waitq *queue)
{
    struct task *task = NULL;
    task_lock(&chan->lock);
    while (queue->head != NULL && task == NULL) {
        struct waiter *waiter = queue->head;
        bool parked = false;
        if (waiter_claim(queue, waiter, &parked)) {
            if (parked) {
                task = waiter->task;
            }
            break;
        }
    }
    lock_release(&chan->lock);
    if (task != NULL) {
        task_ready(task);
    }
}

cold_function void chan_wake_all(struct weft_chan *chan)
{
    struct task *list = NULL; /* through the descriptors: see rendezvous.c, drain() */
    task_lock(&chan->lock);
    for (int side = 0; side < 2; side++) {
        struct waitq *queue = side == 0 ? &chan->recvq : &chan->sendq;
        while (queue->head != NULL) {
            struct waiter *waiter = queue->head;
            bool parked = false;
            if (waiter_claim(queue, waiter, &parked) && parked) {
                struct task *task = waiter->task;
                task->next = list;
                list = task;
            }
        }
    }
    lock_release(&chan->lock);
    while (list != NULL) {
        struct task *next = list->next; /* before ready: it then is in a queue */
        task_ready(list);
        list = next;
    }
}

void chan_wait(struct weft_chan *chan, enum weft_op op)
{
    struct waitq *queue = chan_queue(chan, op);
    struct waiter self = {.task = task_self()};
    task_lock(&chan->lock);
    waitq_push_announced(queue, &self);
    if (chan->ops->poll(chan, op)) {
        waitq_remove(queue, &self);
        lock_release(&chan->lock);
        return;
    }
    task_park(op == WEFT_RECV ? WAIT_RECV : WAIT_SEND, chan, park_unlock, &chan->lock, NULL);
}

const char *chan_progress_name(enum chan_progress progress)
{
    static const char *const names[] = {"blocking", "lock-free", "wait-free"};
    return names[progress];
}

/* --- the public functions --------------------------------------------------------------------------- */

static struct weft_chan *chan_new(const struct chan_ops *ops, size_t elem_size, size_t capacity)
{
    const struct chan_caps *caps = &ops->caps;
    if (caps->control || capacity < caps->capacity_min || capacity == WEFT_UNBOUNDED ||
        (caps->elem_size_max != 0 && elem_size > caps->elem_size_max)) {
        return NULL;
    }
    size_t size = ops->size(elem_size, capacity);
    if (size == 0 || size > SIZE_MAX / 2) {
        return NULL;
    }
    struct worker *worker = worker_self(); /* block_new() in line, where there is one: 13.7 -> 8.8 ns with the rest */
    size = block_size(size);
    struct weft_chan *chan = likely(worker != NULL) ? blocks_take(&worker->blocks, size) : NULL;
    if (unlikely(chan == NULL) && (chan = block_new(&size)) == NULL) {
        return NULL;
    }
    memset(chan, 0, ops->header);
    chan->ops = capacity != 0 && ops->buffered != NULL ? ops->buffered : ops;
    chan->elem_size = elem_size;
    chan->capacity = capacity;
    chan->bytes = size;
    if (ops->init != NULL && ops->init(chan) != WEFT_OK) {
        block_free(chan, size);
        return NULL;
    }
    return chan;
}

struct weft_chan *weft_chan_new(size_t elem_size, size_t capacity)
{
    const struct chan_ops *ops = runtime.chan != NULL ? runtime.chan : registry_default_channel();
    return ops == NULL ? NULL : chan_new(ops, elem_size, capacity);
}

struct weft_chan *weft_chan_new_as(const char *variant, size_t elem_size, size_t capacity)
{
    const struct chan_ops *ops = registry_channel(variant);
    return ops == NULL ? NULL : chan_new(ops, elem_size, capacity);
}

/* By a thread outside: limbo looks at the workers, which must be there meanwhile; when there are none, nobody is in an
 * operation. */
static cold_function void release_outside(struct weft_chan *chan)
{
    if (run_hold()) {
        limbo_free(chan);
        run_let_go();
    } else {
        block_free(chan, chan->bytes);
    }
}

void chan_release_memory(struct weft_chan *chan)
{
    struct worker *worker = worker_self();
    if (unlikely(worker == NULL)) {
        release_outside(chan);
    } else if (run_needs_limbo()) {
        limbo_free(chan);
    } else {
        race_acquire(worker); /* it is the only one: what its other tasks did on the channel came before */
        block_free(chan, chan->bytes);
    }
}

/* A run may begin and end under a thread outside. */
static bool run_is_on(void)
{
    bool held = worker_self() == NULL && run_hold();
    if (held) {
        run_let_go();
    }
    return held || worker_self() != NULL;
}

static cold_function void waited_for(const struct weft_chan *chan, size_t waiting)
{
    if (run_is_on()) { /* what a run abandoned stays in the queues, but then it is over */
        weft_panic("free of the channel %p, on which %zu tasks wait", (const void *)chan, waiting);
    }
}

static force_inline void check_unused(const struct weft_chan *chan)
{
    size_t waiting = load_relaxed(&chan->recvq.count) + load_relaxed(&chan->sendq.count); /* the caller's order */
    waiting += chan->ops->waiting == NULL ? 0 : chan->ops->waiting(chan);
    if (unlikely(waiting != 0)) {
        waited_for(chan, waiting);
    }
}

void chan_check_unused(const struct weft_chan *chan)
{
    check_unused(chan);
}

void weft_chan_free(struct weft_chan *chan)
{
    if (chan == NULL) {
        return;
    }
    check_unused(chan);
    if (chan->ops->fini != NULL) {
        chan->ops->fini(chan);
    }
    struct worker *worker = worker_self();
    if (worker == NULL || !weft_alone || unlikely(!blocks_put(&worker->blocks, chan, chan->bytes))) {
        chan_release_memory(chan);
    }
}

static cold_function __attribute__((noreturn)) void park_for_ever(void)
{
    for (;;) {
        task_park(WAIT_FOREVER, NULL, park_stay, NULL, NULL);
    }
}

static cold_function enum weft_status send_slow(struct weft_chan *chan, const void *value)
{
    task_enter();
    if (chan == NULL) {
        park_for_ever();
    }
    return chan->ops->send(chan, value);
}

static cold_function enum weft_status recv_slow(struct weft_chan *chan, void *value)
{
    task_enter();
    if (chan == NULL) {
        park_for_ever();
    }
    return chan->ops->recv(chan, value);
}

static cold_function enum weft_status try_send_slow(struct weft_chan *chan, const void *value)
{
    task_enter();
    return chan == NULL ? WEFT_AGAIN : chan->ops->try_send(chan, value);
}

static cold_function enum weft_status try_recv_slow(struct weft_chan *chan, void *value)
{
    task_enter();
    return chan == NULL ? WEFT_AGAIN : chan->ops->try_recv(chan, value);
}

/* Two tail calls each: no stack frame. */
enum weft_status weft_send(struct weft_chan *chan, const void *value)
{
    return likely(task_entered() && chan != NULL) ? chan->ops->send(chan, value) : send_slow(chan, value);
}

enum weft_status weft_recv(struct weft_chan *chan, void *value)
{
    return likely(task_entered() && chan != NULL) ? chan->ops->recv(chan, value) : recv_slow(chan, value);
}

enum weft_status weft_try_send(struct weft_chan *chan, const void *value)
{
    return likely(task_entered() && chan != NULL) ? chan->ops->try_send(chan, value) : try_send_slow(chan, value);
}

enum weft_status weft_try_recv(struct weft_chan *chan, void *value)
{
    return likely(task_entered() && chan != NULL) ? chan->ops->try_recv(chan, value) : try_recv_slow(chan, value);
}

static enum weft_status one_until(struct weft_chan *chan, enum weft_op op, void *value, weft_ns deadline)
{
    struct weft_case only = {.chan = chan, .op = op, .value = value};
    return weft_select_until(&only, 1, deadline) < 0 ? WEFT_TIMEOUT : only.status;
}

enum weft_status weft_send_until(struct weft_chan *chan, const void *value, weft_ns deadline)
{
    return one_until(chan, WEFT_SEND, (void *)(uintptr_t)value, deadline);
}

enum weft_status weft_recv_until(struct weft_chan *chan, void *value, weft_ns deadline)
{
    return one_until(chan, WEFT_RECV, value, deadline);
}

enum weft_status weft_close(struct weft_chan *chan)
{
    task_enter();
    if (chan == NULL) {
        weft_panic("close of a null channel");
    }
    return chan->ops->close(chan);
}

size_t weft_chan_len(const struct weft_chan *chan)
{
    return chan == NULL || chan->capacity == 0 ? 0 : chan->ops->len(chan);
}

size_t weft_chan_cap(const struct weft_chan *chan)
{
    return chan == NULL || chan->ops->caps.mailbox ? 0 : chan->capacity;
}
