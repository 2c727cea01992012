/* A rendezvous (capacity 0): two senders and a receiver that takes both values; a send returns only once its value was
 * received. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static unsigned received[2]; /* by the receiver's own account */
static unsigned sums;

static void *sender(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    uint64_t value = index + 1;
    litmus_enter(1 + index);
    enum weft_status status = weft_send(chan, &value);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    litmus_enter(3);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t value = 0;
        enum weft_status status = weft_recv(chan, &value);
        assert(status == WEFT_OK && (value == 1 || value == 2));
        (void)status;
        received[value - 1]++;
        sums++;
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 0);
    if (chan == NULL) {
        return 0; /* the variant has no rendezvous */
    }
    litmus_start(sender, (void *)0);
    litmus_start(sender, (void *)1);
    litmus_start(receiver, NULL);
    litmus_join();
    assert(received[0] == 1 && received[1] == 1 && sums == 2);
    weft_chan_free(chan);
    return 0;
}
