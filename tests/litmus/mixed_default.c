/* channel_default.c with channels of two variants: what the ring's failing try has synchronised with must show in the
 * other one's version. */
#include "tests/litmus/channel.h"

#include "variants/channel/mutex.c"

static struct weft_chan *from, *to;

static void *mover(void *unused)
{
    (void)unused;
    uint64_t value = 7;
    litmus_enter(1);
    enum weft_status status = weft_try_send(to, &value);
    assert(status == WEFT_OK);
    status = weft_try_recv(from, &value);
    (void)status;
    return NULL;
}

static void *filler(void *unused)
{
    (void)unused;
    uint64_t value = 7;
    litmus_enter(1);
    enum weft_status status = weft_try_recv(to, &value);
    assert(status == WEFT_OK);
    status = weft_try_send(from, &value);
    (void)status;
    return NULL;
}

static void *selector(void *arg)
{
    uint64_t value = 3;
    enum weft_op op = arg == NULL ? WEFT_RECV : WEFT_SEND;
    litmus_enter(2);
    struct weft_case cases[] = {{.chan = to, .op = op, .value = &value}, {.chan = from, .op = op, .value = &value}};
    int chosen = weft_try_select(cases, 2);
    assert(chosen >= 0 && value != 0);
    (void)chosen;
    return NULL;
}

/* An element moves from one to the other, or a place does. */
int main(void)
{
    uint64_t value = 3;
    bool swap = litmus_choose(2) != 0, place = litmus_choose(2) != 0;
    litmus_begin();
    litmus_enter(0);
    litmus_threads[2].random = litmus_choose(2);
    from = chan_new(swap ? &mutex_ops : &variant_ops, sizeof(uint64_t), 1);
    to = chan_new(swap ? &variant_ops : &mutex_ops, sizeof(uint64_t), 1);
    weft_try_send(place ? to : from, &value);
    litmus_start(place ? filler : mover, NULL);
    litmus_start(selector, place ? &value : NULL);
    litmus_join();
    weft_chan_free(from);
    weft_chan_free(to);
    return 0;
}
