/* @NAME@: one line that says what it is.
 *
 * Idea: three sentences.
 * Source: authors, title, venue, year, or an address.
 * Guarantees: the capability flags below, in words.
 * State: each shared word: who writes it, who reads it, its bits.
 * Invariants
 *   I1  ...
 * Ordering: release -> acquire pairs, labelled as in the code.
 * Cost: atomic read-modify-writes and shared lines an operation.
 * Good at: ... Bad at: ... */
#include "core/chan.h"
#include "core/rendezvous.h"

struct @NAME@_chan {
    struct weft_chan base;
    _Alignas(max_align_t) unsigned char buffer[];
};

static size_t @NAME@_size(size_t elem_size, size_t capacity)
{
    size_t bytes;
    if (__builtin_mul_overflow(elem_size, capacity, &bytes) ||
        __builtin_add_overflow(bytes, sizeof(struct @NAME@_chan), &bytes)) {
        return 0;
    }
    return bytes;
}

/* Everything below is to be written; until then each operation says so and ends the program. */
static enum weft_status @NAME@_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_send(chan, value);
    }
    weft_panic("channel @NAME@: send is not written yet");
}

static enum weft_status @NAME@_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_recv(chan, value);
    }
    weft_panic("channel @NAME@: recv is not written yet");
}

static enum weft_status @NAME@_try_send(struct weft_chan *chan, const void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_send(chan, value);
    }
    weft_panic("channel @NAME@: try_send is not written yet");
}

static enum weft_status @NAME@_try_recv(struct weft_chan *chan, void *value)
{
    if (chan->capacity == 0) {
        return rendezvous_try_recv(chan, value);
    }
    weft_panic("channel @NAME@: try_recv is not written yet");
}

static enum weft_status @NAME@_close(struct weft_chan *chan)
{
    if (chan->capacity == 0) {
        return rendezvous_close(chan);
    }
    weft_panic("channel @NAME@: close is not written yet");
}

static size_t @NAME@_len(const struct weft_chan *chan)
{
    (void)chan;
    weft_panic("channel @NAME@: len is not written yet");
}

static bool @NAME@_poll(const struct weft_chan *chan, enum weft_op op)
{
    (void)chan;
    (void)op;
    weft_panic("channel @NAME@: poll is not written yet");
}

const struct chan_ops @NAME@_ops = {
    .name = "@NAME@",
    .summary = "not written yet",
    .caps = {.capacity_exact = true,
             .multi_producer = true,
             .multi_consumer = true,
             .select = true,
             .try_exact = true,
             .allocates_per_message_above = SIZE_MAX,
             .progress = PROGRESS_BLOCKING},
    .size = @NAME@_size,
    .header = sizeof(struct @NAME@_chan),
    .send = @NAME@_send,
    .recv = @NAME@_recv,
    .try_send = @NAME@_try_send,
    .try_recv = @NAME@_try_recv,
    .close = @NAME@_close,
    .len = @NAME@_len,
    .poll = @NAME@_poll,
};
