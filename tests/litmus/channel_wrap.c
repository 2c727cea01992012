/* One sender, one receiver, one place: three values in order, both sides wait in turns, the positions wrap around. */
#include "tests/litmus/channel.h"

enum { VALUES = 3 };

static struct weft_chan *chan;

static void *sender(void *unused)
{
    (void)unused;
    litmus_enter(1);
    for (uint64_t i = 1; i <= VALUES; i++) {
        enum weft_status status = weft_send(chan, &i);
        assert(status == WEFT_OK);
        (void)status;
    }
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    litmus_enter(2);
    for (uint64_t i = 1; i <= VALUES; i++) {
        uint64_t value = 0;
        enum weft_status status = weft_recv(chan, &value);
        assert(status == WEFT_OK && value == i);
        (void)status;
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 1);
    litmus_start(sender, NULL);
    litmus_start(receiver, NULL);
    litmus_join();
    weft_chan_free(chan);
    return 0;
}
