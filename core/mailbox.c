#include "mailbox.h"

#include "limbo.h"

#include <stdlib.h>

static struct mailbox *mailbox_of(const struct weft_chan *chan)
{
    return (struct mailbox *)(uintptr_t)chan;
}

/* Under the lock. */
static enum weft_status take(struct mailbox *mailbox, void *value)
{
    if (load_relaxed(&mailbox->full)) {       /* under the lock */
        store_release(&mailbox->full, false); /* as in mailbox_drain */
        elem_copy(value, &mailbox->value, mailbox->chan.elem_size);
        return WEFT_OK;
    }
    if (load_relaxed(&mailbox->chan.closed) != 0) { /* under the lock */
        elem_zero(value, mailbox->chan.elem_size);
        return WEFT_CLOSED;
    }
    return WEFT_AGAIN;
}

static enum weft_status locked_take(struct weft_chan *chan, void *value)
{
    task_lock(&chan->lock);
    enum weft_status status = take(mailbox_of(chan), value);
    lock_release(&chan->lock);
    return status;
}

static enum weft_status mailbox_recv(struct weft_chan *chan, void *value)
{
    enum weft_status status;
    while ((status = locked_take(chan, value)) == WEFT_AGAIN) {
        chan_wait(chan, WEFT_RECV);
    }
    return status;
}

/* Without the lock, as a hint: or, under it, exact. */
static bool has_any(const struct weft_chan *chan)
{
    return load_acquire(&mailbox_of(chan)->full) || load_acquire(&chan->closed) != 0;
}

bool mailbox_ready(struct weft_chan *chan)
{
    if (has_any(chan)) {
        return true;
    }
    runtime.sched->fire_due();
    return has_any(chan);
}

static enum weft_status mailbox_try_recv(struct weft_chan *chan, void *value)
{
    return mailbox_ready(chan) ? locked_take(chan, value) : WEFT_AGAIN;
}

static enum weft_status mailbox_send(struct weft_chan *chan, const void *value)
{
    (void)value;
    weft_panic("send to channel %p, which belongs to a timer or a context", (void *)chan);
}

static enum weft_status mailbox_user_close(struct weft_chan *chan)
{
    weft_panic("close of channel %p, which belongs to a timer or a context", (void *)chan);
}

static size_t mailbox_len(const struct weft_chan *chan)
{
    (void)chan;
    return 0;
}

static bool mailbox_poll(const struct weft_chan *chan, enum weft_op op)
{
    return op == WEFT_RECV && has_any(chan);
}

static uint64_t mailbox_version(const struct weft_chan *chan, enum weft_op op)
{
    (void)op;
    return load_seq_cst(&mailbox_of(chan)->puts) << 1 | load_seq_cst(&chan->closed);
}

static void mailbox_fini(struct weft_chan *chan)
{
    struct mailbox *mailbox = mailbox_of(chan);
    if (mailbox->release == NULL) {
        weft_panic("free of channel %p, which belongs to a timer or a context", (void *)chan);
    }
    mailbox->release(mailbox);
}

static const struct chan_ops mailbox_ops = {
    .name = "mailbox",
    .summary = "the channel of a timer or a context",
    .caps = {.mailbox = true,
             .capacity_min = 1,
             .capacity_exact = true,
             .multi_producer = true,
             .multi_consumer = true,
             .select = true,
             .select_atomic = true,
             .try_exact = true,
             .allocates_per_message_above = SIZE_MAX,
             .progress = PROGRESS_BLOCKING},
    .fini = mailbox_fini,
    .send = mailbox_send,
    .recv = mailbox_recv,
    .try_send = mailbox_send,
    .try_recv = mailbox_try_recv,
    .close = mailbox_user_close,
    .len = mailbox_len,
    .poll = mailbox_poll,
    .version = mailbox_version,
};

void mailbox_init(struct mailbox *mailbox, size_t elem_size, size_t bytes, void (*release)(struct mailbox *mailbox))
{
    *mailbox = (struct mailbox){.chan = {.ops = &mailbox_ops, .elem_size = elem_size, .capacity = 1, .bytes = bytes},
                                .release = release};
}

struct task *mailbox_put(struct mailbox *mailbox, weft_ns value)
{
    struct waitq *queue = &mailbox->chan.recvq;
    struct task *task = NULL;
    task_lock(&mailbox->chan.lock);
    if (!load_relaxed(&mailbox->full) && load_relaxed(&mailbox->chan.closed) == 0) { /* under the lock */
        store_release(&mailbox->full, true);                                         /* for those who look without it */
        store_release(&mailbox->puts, load_relaxed(&mailbox->puts) + 1);             /* under the lock: one writer */
        mailbox->value = value;
        while (queue->head != NULL) {
            struct waiter *waiter = queue->head;
            struct task *waiting = waiter->task; /* before the claim: an OPEN waiter may leave behind it */
            bool parked = false;
            if (waiter_claim(queue, waiter, &parked)) {
                task = parked ? waiting : NULL;
                break;
            }
        }
    }
    lock_release(&mailbox->chan.lock);
    return task;
}

bool mailbox_drain(struct mailbox *mailbox)
{
    task_lock(&mailbox->chan.lock);
    bool was_full = load_relaxed(&mailbox->full); /* under the lock */
    /* release: who looks without the lock and fails for it sees what this task did before (chan_ops.version) */
    store_release(&mailbox->full, false);
    lock_release(&mailbox->chan.lock);
    return was_full;
}

void mailbox_close(struct mailbox *mailbox)
{
    task_lock(&mailbox->chan.lock);
    store_release(&mailbox->chan.closed, 1u); /* for those who look without the lock */
    lock_release(&mailbox->chan.lock);
    chan_wake_all(&mailbox->chan);
}

void mailbox_free(struct mailbox *mailbox)
{
    chan_release_memory(&mailbox->chan);
}
