/* A select over two channels, twice, against a sender on each: it receives both values, each once. */
#include "tests/litmus/channel.h"

static struct weft_chan *chans[2];

static void *sender(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    uint64_t value = index + 1;
    litmus_enter(1 + index);
    enum weft_status status = weft_send(chans[index], &value);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    uint64_t sum = 0;
    litmus_enter(3);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t values[2] = {0, 0};
        struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV, .value = &values[0]},
                                    {.chan = chans[1], .op = WEFT_RECV, .value = &values[1]}};
        int chosen = weft_select(cases, 2);
        assert(chosen >= 0 && cases[chosen].status == WEFT_OK && values[chosen] == (uint64_t)chosen + 1);
        assert(values[1 - chosen] == 0);
        sum += values[chosen];
    }
    assert(sum == 3);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_threads[3].random = litmus_choose(2);
    chans[0] = weft_chan_new(sizeof(uint64_t), 1);
    chans[1] = weft_chan_new(sizeof(uint64_t), 1);
    litmus_start(sender, (void *)0);
    litmus_start(sender, (void *)1);
    litmus_start(selector, NULL);
    litmus_join();
    weft_chan_free(chans[0]);
    weft_chan_free(chans[1]);
    return 0;
}
