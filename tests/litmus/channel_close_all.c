/* Close wakes all: two receivers and a select that wait, or are about to, see CLOSED. What the closer wrote before is
 * seen. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan, *never;
static unsigned written;

static void *receiver(void *unused)
{
    (void)unused;
    uint64_t value = 5;
    litmus_enter(1);
    enum weft_status status = weft_recv(chan, &value);
    assert(status == WEFT_CLOSED && value == 0 && written == 1);
    (void)status;
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    uint64_t value = 5;
    litmus_enter(2);
    struct weft_case cases[] = {{.chan = chan, .op = WEFT_RECV, .value = &value},
                                {.chan = never, .op = WEFT_RECV, .value = &value}};
    int chosen = weft_select(cases, 2);
    assert(chosen == 0 && cases[0].status == WEFT_CLOSED && value == 0 && written == 1);
    (void)chosen;
    return NULL;
}

static void *closer(void *unused)
{
    (void)unused;
    litmus_enter(3);
    written = 1;
    enum weft_status status = weft_close(chan);
    assert(status == WEFT_OK && weft_close(chan) == WEFT_CLOSED);
    (void)status;
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_threads[2].random = litmus_choose(2);
    chan = weft_chan_new(sizeof(uint64_t), 1);
    never = weft_chan_new(sizeof(uint64_t), 1);
    litmus_start(receiver, NULL);
    litmus_start(selector, NULL);
    litmus_start(closer, NULL);
    litmus_join();
    weft_chan_free(chan);
    weft_chan_free(never);
    return 0;
}
