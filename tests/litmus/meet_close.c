/* Close of a rendezvous against a sender and a select that would receive: they meet, or both see CLOSED, and then what
 * the closer wrote. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan, *never;
static enum weft_status sent, received;
static uint64_t value = 9;
static unsigned written;

static void *sender(void *unused)
{
    (void)unused;
    uint64_t one = 1;
    litmus_enter(1);
    sent = weft_try_send(chan, &one);
    sent = sent == WEFT_AGAIN ? weft_send(chan, &one) : sent;
    assert(sent == WEFT_OK || written == 1);
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    litmus_enter(2);
    struct weft_case cases[] = {{.chan = chan, .op = WEFT_RECV, .value = &value},
                                {.chan = never, .op = WEFT_SEND, .value = &value}};
    int chosen = weft_select(cases, 2);
    assert(chosen == 0);
    (void)chosen;
    received = cases[0].status;
    assert(received == WEFT_OK || written == 1);
    return NULL;
}

static void *closer(void *unused)
{
    (void)unused;
    litmus_enter(3);
    written = 1;
    weft_close(chan);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_threads[2].random = litmus_choose(2);
    chan = weft_chan_new(sizeof(uint64_t), 0);
    never = weft_chan_new(sizeof(uint64_t), 0);
    litmus_start(sender, NULL);
    litmus_start(selector, NULL);
    litmus_start(closer, NULL);
    litmus_join();
    assert(sent == received && value == (sent == WEFT_OK ? 1 : 0));
    weft_chan_free(chan);
    weft_chan_free(never);
    return 0;
}
