/* faa: a control, not a channel. Every operation is one fetch-and-add on the position that its side shares: no queue
 * with shared positions can be faster on this machine. A receive yields the number of its ticket, so that a workload
 * that sends 0, 1, 2, ... can count and sum up what came. Never given to programs (weft_chan_new_as refuses
 * controls). */
#include "core/chan.h"

struct faa_chan {
    struct weft_chan base;
    _Alignas(CACHE_LINE) _Atomic(uint64_t) tail; /* senders' */
    _Alignas(CACHE_LINE) _Atomic(uint64_t) head; /* receivers' */
};

static size_t faa_size(size_t elem_size, size_t capacity)
{
    (void)elem_size;
    (void)capacity;
    return sizeof(struct faa_chan);
}

static enum weft_status faa_do(struct weft_chan *chan)
{
    (void)chan;
    return WEFT_OK;
}

static force_inline enum weft_status faa_send(struct weft_chan *chan, const void *value)
{
    (void)value;
    add_seq_cst(&((struct faa_chan *)(void *)chan)->tail, 1u); /* as strong as a queue would need */
    return WEFT_OK;
}

static force_inline enum weft_status faa_recv(struct weft_chan *chan, void *value)
{
    uint64_t ticket = add_seq_cst(&((struct faa_chan *)(void *)chan)->head, 1u); /* the same */
    if (chan->elem_size == sizeof ticket) {
        elem_copy(value, &ticket, sizeof ticket);
    }
    return WEFT_OK;
}

static size_t faa_len(const struct weft_chan *chan)
{
    const struct faa_chan *self = (const struct faa_chan *)(const void *)chan;
    return (size_t)(load_relaxed(&self->tail) - load_relaxed(&self->head)); /* a snapshot */
}

static bool faa_poll(const struct weft_chan *chan, enum weft_op op)
{
    (void)chan;
    (void)op;
    return true;
}

const struct chan_ops faa_ops = {
    .name = "faa",
    .summary = "control: one fetch-and-add an operation; the hardware's floor",
    .caps = {.control = true,
             .multi_producer = true,
             .multi_consumer = true,
             .allocates_per_message_above = SIZE_MAX,
             .progress = PROGRESS_WAIT_FREE},
    .size = faa_size,
    .header = sizeof(struct faa_chan),
    .send = faa_send,
    .recv = faa_recv,
    .try_send = faa_send,
    .try_recv = faa_recv,
    .close = faa_do,
    .len = faa_len,
    .poll = faa_poll,
};
