/* Two senders and one receiver on one place: senders that wait and are signalled; a sender's values stay in order. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;

static void *sender(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + index);
    for (uint64_t i = 0; i < 2 - index; i++) {
        uint64_t value = 10 * index + i;
        enum weft_status status = weft_send(chan, &value);
        assert(status == WEFT_OK);
        (void)status;
    }
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    uint64_t sum = 0, next = 0;
    litmus_enter(3);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t value = 99;
        enum weft_status status = weft_recv(chan, &value);
        assert(status == WEFT_OK);
        assert(value == 10 || value == next);
        (void)status;
        next += value == 10 ? 0 : 1;
        sum += value;
    }
    assert(sum == 11);
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 1);
    litmus_start(sender, (void *)0);
    litmus_start(sender, (void *)1);
    litmus_start(receiver, NULL);
    litmus_join();
    weft_chan_free(chan);
    return 0;
}
