/* A select's default is taken only if at one instant no case was ready: an element moves from one channel to the other,
 * first into the second, then out of the first, so one of them always has it; or a place moves likewise. */
#include "tests/litmus/channel.h"

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

int main(void)
{
    uint64_t value = 3;
    bool place = litmus_choose(2) != 0;
    litmus_begin();
    from = weft_chan_new(sizeof(uint64_t), 1);
    to = weft_chan_new(sizeof(uint64_t), 1);
    if (from->ops->caps.select_atomic) {
        litmus_enter(0);
        litmus_threads[2].random = litmus_choose(2);
        weft_try_send(place ? to : from, &value);
        litmus_start(place ? filler : mover, NULL);
        litmus_start(selector, place ? &value : NULL);
        litmus_join();
    }
    weft_chan_free(from);
    weft_chan_free(to);
    return 0;
}
