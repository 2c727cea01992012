/* A channel whose poll() sees nothing: a task queues itself and parks without another look (chan.h, N2).
 * The checker must say: deadlock */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static struct chan_ops blind;

static bool see_nothing(const struct weft_chan *self, enum weft_op op)
{
    (void)self;
    (void)op;
    return false;
}

static void *first(void *unused)
{
    (void)unused;
    uint64_t value = 1;
    litmus_enter(1);
    weft_send(chan, &value);
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    litmus_enter(2);
    weft_recv(chan, &value);
    return NULL;
}

int main(void)
{
    litmus_begin();
    blind = ring_ops;
    blind.poll = see_nothing;
    chan = chan_new(&blind, sizeof(uint64_t), 1);
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_join();
    weft_chan_free(chan);
    return 0;
}
