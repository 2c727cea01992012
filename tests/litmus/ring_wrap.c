/* The ring's positions just below 2^64: two senders and a receiver go through the wrap. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;

static void *sender(void *arg)
{
    uint64_t value = (uint64_t)(uintptr_t)arg;
    litmus_enter((unsigned)value);
    enum weft_status status = weft_send(chan, &value);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    uint64_t sum = 0;
    litmus_enter(3);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t value = 0;
        enum weft_status status = weft_recv(chan, &value);
        assert(status == WEFT_OK);
        (void)status;
        sum += value;
    }
    assert(sum == 3);
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 1);
    struct ring_chan *ring = ring_of(chan);
    uint64_t last = (uint64_t)0 - ring->lap; /* the last lap */
    store_relaxed(&ring->tail, last);
    store_relaxed(&ring->head, last);
    store_relaxed(&ring_slot(ring, last)->stamp, last);
    litmus_start(sender, (void *)1);
    litmus_start(sender, (void *)2);
    litmus_start(receiver, NULL);
    litmus_join();
    assert(weft_chan_len(chan) == 0);
    weft_chan_free(chan);
    return 0;
}
