/* Four selects in a circle, each of which may send to the next or receive from the one before: whoever is BUSY with one
 * neighbour while that one is with the next must step back somewhere. They end in two pairs. */
#include "tests/litmus/channel.h"

static struct weft_chan *chans[4];
static uint64_t sent[4], received[4];
static int chosen[4];

static void *selector(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + me);
    sent[me] = me + 1;
    struct weft_case cases[] = {{.chan = chans[me], .op = WEFT_SEND, .value = &sent[me]},
                                {.chan = chans[(me + 3) % 4], .op = WEFT_RECV, .value = &received[me]}};
    chosen[me] = weft_select(cases, 2);
    assert(chosen[me] >= 0 && cases[chosen[me]].status == WEFT_OK);
    return NULL;
}

int main(void)
{
    litmus_begin();
    for (unsigned i = 0; i < 4; i++) {
        litmus_threads[1 + i].random = litmus_choose(2);
        chans[i] = weft_chan_new(sizeof(uint64_t), 0);
    }
    for (uintptr_t i = 0; i < 4; i++) {
        litmus_start(selector, (void *)i);
    }
    litmus_join();
    for (unsigned i = 0; i < 4; i++) {
        unsigned before = (i + 3) % 4;
        assert((chosen[i] == 1) == (chosen[before] == 0));
        assert(received[i] == (chosen[i] == 1 ? before + 1 : 0));
        weft_chan_free(chans[i]);
    }
    return 0;
}
