/* A select that waits over channels of two variants, so that handoff does or queues its case one at a time: of two
 * senders each is received from once. */
#include "tests/litmus/channel.h"

#include "variants/channel/handoff.c"

static struct weft_chan *chans[2];
static unsigned written[2];

static void *sender(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    uint64_t value = 1 + me;
    litmus_enter(1 + me);
    written[me] = 1;
    enum weft_status status = weft_send(chans[me], &value);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    unsigned received = 0;
    litmus_enter(3);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t value = 0;
        struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &value},
                                    {.chan = chans[1], .op = WEFT_RECV, .value = &value}};
        int chosen = weft_select(cases, 2);
        assert(cases[chosen].status == WEFT_OK && value == 1 + (unsigned)chosen && written[chosen] == 1);
        received |= 1u << chosen;
    }
    assert(received == 3);
    (void)received;
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_enter(0);
    litmus_threads[3].random = litmus_choose(2);
    chans[0] = chan_new(&handoff_ops, sizeof(uint64_t), 1);
    chans[1] = chan_new(&variant_ops, sizeof(uint64_t), 1);
    litmus_start(sender, (void *)0);
    litmus_start(sender, (void *)1);
    litmus_start(selector, NULL);
    litmus_join();
    for (unsigned i = 0; i < 2; i++) {
        assert(load_relaxed(&chans[i]->recvq.count) == 0); /* W2 */
        weft_chan_free(chans[i]);
    }
    return 0;
}
