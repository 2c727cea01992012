/* Two selects that name the same two rendezvous in opposite roles and opposite order: they meet in one of them, and
 * both say which. */
#include "tests/litmus/channel.h"

static struct weft_chan *a, *b;
static uint64_t sent[2], received[2];
static int chosen[2];

static void *selector(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + me);
    sent[me] = me + 1;
    struct weft_case cases[] = {{.chan = me == 0 ? a : b, .op = WEFT_SEND, .value = &sent[me]},
                                {.chan = me == 0 ? b : a, .op = WEFT_RECV, .value = &received[me]}};
    chosen[me] = weft_select(cases, 2);
    assert(chosen[me] >= 0 && cases[chosen[me]].status == WEFT_OK);
    return NULL;
}

int main(void)
{
    litmus_begin();
    for (unsigned i = 1; i <= 2; i++) {
        litmus_threads[i].random = litmus_choose(2);
    }
    a = weft_chan_new(sizeof(uint64_t), 0);
    b = weft_chan_new(sizeof(uint64_t), 0);
    litmus_start(selector, (void *)0);
    litmus_start(selector, (void *)1);
    litmus_join();
    assert(chosen[0] != chosen[1]); /* one sends what the other receives */
    assert(received[0] == (chosen[0] == 1 ? 2 : 0) && received[1] == (chosen[1] == 1 ? 1 : 0));
    weft_chan_free(a);
    weft_chan_free(b);
    return 0;
}
