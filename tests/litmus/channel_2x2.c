/* Two senders, two receivers, two places, a value each: receivers that wait, and one element that becomes visible
 * behind another (N3). Each value is received once. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static uint64_t received[2];

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

static void *receiver(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    litmus_enter(3 + index);
    enum weft_status status = weft_recv(chan, &received[index]);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 2);
    for (uintptr_t i = 0; i < 2; i++) {
        litmus_start(receiver, (void *)i);
        litmus_start(sender, (void *)i);
    }
    litmus_join();
    assert(received[0] + received[1] == 3 && received[0] != received[1]);
    weft_chan_free(chan);
    return 0;
}
