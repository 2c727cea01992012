/* A try fails only when it has to: of two sends one is finished, and the taker has heard of it, so it finds an element,
 * whatever the other send is about (a ring whose first slot is claimed but not published must not look empty). Then
 * there is room for one more. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static _Atomic(unsigned) told;

static void *other(void *unused)
{
    (void)unused;
    uint64_t value = 1;
    litmus_enter(1);
    enum weft_status status = weft_try_send(chan, &value);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

static void *sender(void *unused)
{
    (void)unused;
    uint64_t value = 2;
    litmus_enter(2);
    enum weft_status status = weft_try_send(chan, &value);
    assert(status == WEFT_OK);
    (void)status;
    store_release(&told, 1u);
    return NULL;
}

static void *taker(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    litmus_enter(3);
    if (load_acquire(&told) != 0) {
        enum weft_status status = weft_try_recv(chan, &value);
        assert(status == WEFT_OK && (value == 1 || value == 2));
        value = 3;
        status = weft_try_send(chan, &value);
        assert(status == WEFT_OK);
        (void)status;
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 2);
    if (chan->ops->caps.try_exact) {
        litmus_start(other, NULL);
        litmus_start(sender, NULL);
        litmus_start(taker, NULL);
        litmus_join();
    }
    weft_chan_free(chan);
    return 0;
}
