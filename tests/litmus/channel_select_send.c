/* A select that sends on either of two full channels, against a receiver on each: nothing is lost, nothing doubled, and
 * whoever was signalled in vain passes the signal on. */
#include "tests/litmus/channel.h"

static struct weft_chan *chans[2];
static uint64_t sums[2];

static void *receiver(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    uint64_t value = 0;
    litmus_enter(1 + index);
    enum weft_status status = weft_recv(chans[index], &value);
    assert(status == WEFT_OK && value == 1);
    (void)status;
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    uint64_t value = 2;
    litmus_enter(3);
    struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_SEND, .value = &value},
                                {.chan = chans[1], .op = WEFT_SEND, .value = &value}};
    int chosen = weft_select(cases, 2);
    assert(chosen >= 0 && cases[chosen].status == WEFT_OK);
    sums[chosen] += 2;
    return NULL;
}

int main(void)
{
    uint64_t value = 1;
    litmus_begin();
    litmus_enter(0);
    litmus_threads[3].random = litmus_choose(2);
    for (unsigned i = 0; i < 2; i++) {
        chans[i] = weft_chan_new(sizeof(uint64_t), 1);
        enum weft_status status = weft_try_send(chans[i], &value);
        assert(status == WEFT_OK);
        (void)status;
    }
    litmus_start(receiver, (void *)0);
    litmus_start(receiver, (void *)1);
    litmus_start(selector, NULL);
    litmus_join();
    for (unsigned i = 0; i < 2; i++) {
        while (weft_try_recv(chans[i], &value) == WEFT_OK) {
            sums[i] -= value;
        }
        assert(sums[i] == 0);
        weft_chan_free(chans[i]);
    }
    return 0;
}
