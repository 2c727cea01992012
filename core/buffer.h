/* A circular buffer of elements, for channels that guard it by a lock: under that lock, but for the count, which may be
 * read without as a snapshot. */
#ifndef CORE_BUFFER_H
#define CORE_BUFFER_H

#include "chan.h"

struct buffer {
    size_t head;           /* index of the oldest element */
    _Atomic(size_t) count; /* relaxed: the lock orders it */
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
    return load_relaxed(&buffer->count);
}

/* The buffer is not full. */
static force_inline void buffer_put(struct buffer *buffer, const struct weft_chan *chan, const void *value)
{
    size_t count = buffer_count(buffer);
    size_t index = buffer->head + count;
    index = index >= chan->capacity ? index - chan->capacity : index;
    elem_copy(buffer->elements + index * chan->elem_size, value, chan->elem_size);
    store_relaxed(&buffer->count, count + 1);
}

/* The buffer is not empty. */
static force_inline void buffer_take(struct buffer *buffer, const struct weft_chan *chan, void *value)
{
    elem_copy(value, buffer->elements + buffer->head * chan->elem_size, chan->elem_size);
    buffer->head = buffer->head + 1 == chan->capacity ? 0 : buffer->head + 1;
    store_relaxed(&buffer->count, buffer_count(buffer) - 1);
}

#endif
