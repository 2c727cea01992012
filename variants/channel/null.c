/* null: a control, not a channel. Every operation succeeds at once and does nothing: what is measured with it is the
 * harness's own floor. Never given to programs (weft_chan_new_as refuses controls). */
#include "core/chan.h"

static size_t null_size(size_t elem_size, size_t capacity)
{
    (void)elem_size;
    (void)capacity;
    return sizeof(struct weft_chan);
}

static enum weft_status null_do(struct weft_chan *chan)
{
    (void)chan;
    return WEFT_OK;
}

static force_inline enum weft_status null_send(struct weft_chan *chan, const void *value)
{
    (void)chan;
    (void)value;
    return WEFT_OK;
}

static force_inline enum weft_status null_recv(struct weft_chan *chan, void *value)
{
    (void)chan;
    (void)value;
    return WEFT_OK;
}

static size_t null_len(const struct weft_chan *chan)
{
    (void)chan;
    return 0;
}

static bool null_poll(const struct weft_chan *chan, enum weft_op op)
{
    (void)chan;
    (void)op;
    return true;
}

const struct chan_ops null_ops = {
    .name = "null",
    .summary = "control: does nothing; the harness's floor",
    .caps = {.control = true, .allocates_per_message_above = SIZE_MAX, .progress = PROGRESS_WAIT_FREE},
    .size = null_size,
    .header = sizeof(struct weft_chan),
    .send = null_send,
    .recv = null_recv,
    .try_send = null_send,
    .try_recv = null_recv,
    .close = null_do,
    .len = null_len,
    .poll = null_poll,
};
