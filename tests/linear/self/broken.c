/* Method: variants/channel/mutex.c once more, with its two accesses to the buffer in our hands, and its operations
 * wrapped where that is simpler. What is done wrongly now and then is done so every so many times, counted over all
 * channels. */
#include "broken.h"

#include "core/buffer.h"
#include "core/rendezvous.h"

#include <sched.h>

enum { SELDOM = 20, PASSAGES_PER_STOP = 4, STOP_YIELDS = 3 };
static _Atomic(unsigned) events;

static bool seldom(void)
{
    return add_relaxed(&events, 1u) % SELDOM == 0; /* a count */
}

void stop_now_and_then(void)
{
    static _Atomic(unsigned) passages;
    if (add_relaxed(&passages, 1u) % PASSAGES_PER_STOP == 0) { /* a count */
        for (int i = 0; i < STOP_YIELDS; i++) {
            sched_yield();
        }
    }
}

static void broken_put(struct buffer *buffer, const struct weft_chan *chan, const void *value);
static void broken_take(struct buffer *buffer, const struct weft_chan *chan, void *value);
extern const struct chan_ops base_ops;

#define buffer_put broken_put
#define buffer_take broken_take
#define mutex_ops base_ops
#include "variants/channel/mutex.c"
#undef buffer_put
#undef buffer_take
#undef mutex_ops

static bool is(const struct weft_chan *chan, const char *name)
{
    return strcmp(chan->ops->name, name) == 0;
}

static void broken_put(struct buffer *buffer, const struct weft_chan *chan, const void *value)
{
    if (!is(chan, "loses_values") || !seldom()) {
        buffer_put(buffer, chan, value);
    }
}

/* Brings the newest element to where the oldest stands. */
static void newest_first(struct buffer *buffer, const struct weft_chan *chan)
{
    unsigned char other[64];
    size_t newest = (buffer->head + buffer_count(buffer) - 1) % chan->capacity;
    unsigned char *a = buffer->elements + newest * chan->elem_size,
                  *b = buffer->elements + buffer->head * chan->elem_size;
    memcpy(other, a, chan->elem_size);
    memmove(a, b, chan->elem_size);
    memcpy(b, other, chan->elem_size);
}

static void broken_take(struct buffer *buffer, const struct weft_chan *chan, void *value)
{
    if (is(chan, "newest_first")) {
        newest_first(buffer, chan);
    }
    size_t head = buffer->head;
    buffer_take(buffer, chan, value);
    if (is(chan, "doubles_values") && seldom()) {
        buffer->head = head;
        store_release(&buffer->takes, load_relaxed(&buffer->takes) - 1); /* as buffer_take, back again */
    }
}

/* --- one too many --- */

static size_t one_more_size(size_t elem_size, size_t capacity)
{
    return mutex_size(elem_size, capacity + 1);
}

static enum weft_status one_more_init(struct weft_chan *chan)
{
    chan->capacity++; /* a rendezvous becomes a buffer, too */
    return WEFT_OK;
}

/* --- close --- */

static enum weft_status discarding_close(struct weft_chan *chan)
{
    struct buffer *buffer = &mutex_of(chan)->buffer;
    lock_acquire(&chan->lock);
    store_release(&buffer->takes, load_relaxed(&buffer->puts)); /* under the lock */
    lock_release(&chan->lock);
    return mutex_close(chan);
}

static bool is_closed(struct weft_chan *chan)
{
    lock_acquire(&chan->lock);
    bool closed = load_relaxed(&chan->closed) != 0; /* under the lock */
    lock_release(&chan->lock);
    return closed;
}

static enum weft_status hasty_try_recv(struct weft_chan *chan, void *value)
{
    if (is_closed(chan)) {
        elem_zero(value, chan->elem_size);
        return WEFT_CLOSED;
    }
    return mutex_try_recv(chan, value);
}

static enum weft_status hasty_recv(struct weft_chan *chan, void *value)
{
    return is_closed(chan) ? hasty_try_recv(chan, value) : mutex_recv(chan, value);
}

static enum weft_status deaf_try_send(struct weft_chan *chan, const void *value)
{
    return is_closed(chan) ? WEFT_OK : mutex_try_send(chan, value);
}

static enum weft_status deaf_send(struct weft_chan *chan, const void *value)
{
    return is_closed(chan) ? WEFT_OK : mutex_send(chan, value);
}

static enum weft_status untidy_try_recv(struct weft_chan *chan, void *value)
{
    enum weft_status status = mutex_try_recv(chan, value);
    if (status == WEFT_CLOSED && value != NULL) {
        memset(value, 1, chan->elem_size);
    }
    return status;
}

static enum weft_status forgetful_close(struct weft_chan *chan)
{
    mutex_close(chan);
    return WEFT_OK;
}

/* --- tries and wake-ups --- */

static enum weft_status shy_try_send(struct weft_chan *chan, const void *value)
{
    return seldom() ? WEFT_AGAIN : mutex_try_send(chan, value);
}

static enum weft_status shy_try_recv(struct weft_chan *chan, void *value)
{
    return seldom() ? WEFT_AGAIN : mutex_try_recv(chan, value);
}

/* Puts the value, and tells nobody. */
static enum weft_status quiet_send(struct weft_chan *chan, const void *value)
{
    struct buffer *buffer = &mutex_of(chan)->buffer;
    lock_acquire(&chan->lock);
    bool room = load_relaxed(&chan->closed) == 0 && buffer_count(buffer) < chan->capacity; /* under the lock */
    if (room) {
        buffer_put(buffer, chan, value);
    }
    lock_release(&chan->lock);
    return room ? WEFT_OK : mutex_send(chan, value);
}

/* --- what is wrong with each --- */

static void one_more(struct chan_ops *ops)
{
    ops->size = one_more_size;
    ops->init = one_more_init;
}

static void discards_at_close(struct chan_ops *ops)
{
    ops->close = discarding_close;
}

static void closed_too_early(struct chan_ops *ops)
{
    ops->recv = hasty_recv;
    ops->try_recv = hasty_try_recv;
}

static void sends_after_close(struct chan_ops *ops)
{
    ops->send = deaf_send;
    ops->try_send = deaf_try_send;
}

static void leaves_value_at_close(struct chan_ops *ops)
{
    ops->try_recv = untidy_try_recv;
}

static void closes_twice(struct chan_ops *ops)
{
    ops->close = forgetful_close;
}

static void tries_fail(struct chan_ops *ops)
{
    ops->try_send = shy_try_send;
    ops->try_recv = shy_try_recv;
}

static void wakes_nobody(struct chan_ops *ops)
{
    ops->send = quiet_send;
}

static void nothing_more(struct chan_ops *ops)
{
    (void)ops; /* broken_put and broken_take go by the name */
}

static void claims_order(struct chan_ops *ops)
{
    ops->caps.fifo_waiters = true;
}

static void claims_hand_off(struct chan_ops *ops)
{
    ops->caps.hand_off = true;
}

static void claims_exact_capacity(struct chan_ops *ops)
{
    *ops = stopping_ck_ops;
    ops->caps.capacity_exact = true;
}

static void is_vyukovs(struct chan_ops *ops)
{
    *ops = vyukov_ops;
}

static const struct kind {
    const char *name;
    void (*spoil)(struct chan_ops *ops);
    bool by_chance;
} kinds[] = {
    {"one_more", one_more, false},
    {"newest_first", nothing_more, false},
    {"loses_values", nothing_more, false},
    {"doubles_values", nothing_more, false},
    {"discards_at_close", discards_at_close, false},
    {"closed_too_early", closed_too_early, false},
    {"sends_after_close", sends_after_close, false},
    {"leaves_value_at_close", leaves_value_at_close, false},
    {"closes_twice", closes_twice, false},
    {"tries_fail", tries_fail, false},
    {"wakes_nobody", wakes_nobody, false},
    {"claims_order", claims_order, false},
    {"claims_hand_off", claims_hand_off, false},
    {"claims_exact_capacity", claims_exact_capacity, true},
    {"vyukov", is_vyukovs, true},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

size_t broken_count(void)
{
    return KINDS;
}

const struct chan_ops *broken_variant(size_t index, bool *by_chance)
{
    static struct chan_ops tables[KINDS];
    tables[index] = base_ops;
    kinds[index].spoil(&tables[index]);
    tables[index].name = kinds[index].name;
    *by_chance = kinds[index].by_chance;
    return &tables[index];
}

const struct chan_ops *ordered_variant(void)
{
    static struct chan_ops table;
    table = base_ops;
    table.name = "ordered";
    table.caps.fifo_waiters = table.caps.hand_off = true;
    return &table;
}
