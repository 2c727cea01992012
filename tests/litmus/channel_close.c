/* Close against send: what was sent is received, what was not is not; the receiver then sees CLOSED, and so does the
 * sender, and whoever sees it sees what the closer wrote before. Each tries first, which some variants do without their
 * lock. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static unsigned sent, received, written;

static void *sender(void *unused)
{
    (void)unused;
    litmus_enter(1);
    for (uint64_t i = 1; i <= 2; i++) {
        enum weft_status status = weft_try_send(chan, &i);
        status = status == WEFT_AGAIN ? weft_send(chan, &i) : status;
        assert(status == WEFT_OK || (status == WEFT_CLOSED && written == 1));
        sent += status == WEFT_OK ? 1 : 0;
    }
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    litmus_enter(2);
    for (;;) {
        enum weft_status status = weft_try_recv(chan, &value);
        status = status == WEFT_AGAIN ? weft_recv(chan, &value) : status;
        if (status != WEFT_OK) {
            assert(status == WEFT_CLOSED && written == 1);
            break;
        }
        received++;
        assert(value == received);
    }
    assert(value == 0);
    return NULL;
}

static void *closer(void *unused)
{
    (void)unused;
    litmus_enter(3);
    written = 1;
    enum weft_status status = weft_close(chan);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 1);
    litmus_start(sender, NULL);
    litmus_start(receiver, NULL);
    litmus_start(closer, NULL);
    litmus_join();
    assert(sent == received);
    weft_chan_free(chan);
    return 0;
}
