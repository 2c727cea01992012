/* The length is that of one instant: one element is always in the channel, and never more than two, while another one
 * comes and goes. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;

static void *mover(void *unused)
{
    (void)unused;
    uint64_t value = 1;
    litmus_enter(1);
    for (unsigned i = 0; i < 2; i++) {
        enum weft_status status = weft_try_send(chan, &value);
        assert(status == WEFT_OK);
        status = weft_try_recv(chan, &value);
        assert(status == WEFT_OK);
        (void)status;
    }
    return NULL;
}

static void *observer(void *unused)
{
    (void)unused;
    litmus_enter(2);
    size_t length = weft_chan_len(chan);
    assert(length == 1 || length == 2);
    (void)length;
    return NULL;
}

int main(void)
{
    uint64_t value = 1;
    litmus_begin();
    litmus_enter(0);
    chan = weft_chan_new(sizeof(uint64_t), 2);
    weft_try_send(chan, &value);
    if (chan->ops->caps.capacity_exact) {
        litmus_start(mover, NULL);
        litmus_start(observer, NULL);
        litmus_join();
        assert(weft_chan_len(chan) == 1);
    }
    weft_chan_free(chan);
    return 0;
}
