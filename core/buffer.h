/* A circular buffer of elements, for channels that guard it by a lock: under that lock, but for the numbers of elements
 * that were put and taken so far, which may be read without: their difference as a snapshot, each of them as a version
 * (chan.h). */
#ifndef CORE_BUFFER_H
#define CORE_BUFFER_H

#include "chan.h"

struct buffer {
    size_t head;            /* index of the oldest element */
    _Atomic(uint64_t) puts; /* release: see chan_ops.version; under the lock relaxed loads will do */
    _Atomic(uint64_t) takes;
    _Alignas(max_align_t) unsigned char elements[];
};

/* Bytes of an object that is `before` bytes long up to and including its struct buffer; 0: overflow. */
static inline size_t buffer_object_size(size_t before, size_t elem_size, size_t capacity)
{
    size_t bytes;
    if (__builtin_mul_overflow(elem_size, capacity, &bytes) || __builtin_add_overflow(bytes, before, &bytes)) {
        return 0;
    }
    return bytes;
}

static force_inline size_t buffer_count(const struct buffer *buffer)
{
    return (size_t)(load_relaxed(&buffer->puts) - load_relaxed(&buffer->takes));
}

/* The same without the lock, as it was at one instant: when puts was read, between two looks at takes that found the
 * same. From one look at each the difference can be one that never was, as both move on in between. Repeated only if
 * somebody else got on. */
static inline size_t buffer_count_snapshot(const struct buffer *buffer)
{
    uint64_t takes = load_acquire(&buffer->takes);
    for (;;) {
        uint64_t count = load_acquire(&buffer->puts) - takes;
        uint64_t again = load_acquire(&buffer->takes);
        if (again == takes) {
            return (size_t)count;
        }
        takes = again;
    }
}

/* chan_ops.version. */
static force_inline uint64_t buffer_version(const struct buffer *buffer, const struct weft_chan *chan, enum weft_op op)
{
    uint64_t changes = op == WEFT_RECV ? load_seq_cst(&buffer->puts) : load_seq_cst(&buffer->takes);
    return changes * 2 + load_seq_cst(&chan->closed);
}

/* A try, without the lock: AGAIN or CLOSED if that is the answer at an instant of this call; OK: the lock must be taken
 * to tell, or to do it.
 * Of two numbers the one that may only grow meanwhile is read last, so that their difference was true then. */
static force_inline enum weft_status buffer_glance(const struct buffer *buffer, const struct weft_chan *chan,
                                                   enum weft_op op, void *value)
{
    if (op == WEFT_RECV) {
        uint64_t takes = load_acquire(&buffer->takes); /* what its mover did before is seen: chan_ops.version */
        if (load_acquire(&buffer->puts) != takes) {
            return WEFT_OK;
        }
        if (likely(load_acquire(&chan->closed) == 0)) { /* hence open then, too */
            return WEFT_AGAIN;
        }
        takes = load_relaxed(&buffer->takes); /* closed: no more puts, and their last number is seen */
        if (load_relaxed(&buffer->puts) != takes) {
            return WEFT_OK;
        }
        elem_zero(value, chan->elem_size);
        return WEFT_CLOSED;
    }
    uint64_t puts = load_acquire(&buffer->puts);
    if (puts - load_acquire(&buffer->takes) != chan->capacity) {
        return WEFT_OK;
    }
    return load_acquire(&chan->closed) == 0 ? WEFT_AGAIN : WEFT_CLOSED;
}

/* The buffer is not full. */
static force_inline void buffer_put(struct buffer *buffer, const struct weft_chan *chan, const void *value)
{
    size_t count = buffer_count(buffer);
    size_t index = buffer->head + count;
    index = index >= chan->capacity ? index - chan->capacity : index;
    elem_copy(buffer->elements + index * chan->elem_size, value, chan->elem_size);
    store_release(&buffer->puts, load_relaxed(&buffer->puts) + 1);
}

/* The buffer is not empty. */
static force_inline void buffer_take(struct buffer *buffer, const struct weft_chan *chan, void *value)
{
    elem_copy(value, buffer->elements + buffer->head * chan->elem_size, chan->elem_size);
    buffer->head = buffer->head + 1 == chan->capacity ? 0 : buffer->head + 1;
    store_release(&buffer->takes, load_relaxed(&buffer->takes) + 1);
}

#endif
