/* A receive with a deadline against a sender and the clock: either it has the value, or it is left in the channel;
 * never both, and nobody touches the wait once it is over. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static bool timed_out;

static void *sender(void *unused)
{
    (void)unused;
    uint64_t value = 1;
    litmus_enter(1);
    enum weft_status status = weft_send(chan, &value);
    assert(status == WEFT_OK);
    (void)status;
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    litmus_enter(2);
    enum weft_status status = weft_recv_until(chan, &value, 10);
    assert(status == WEFT_TIMEOUT || (status == WEFT_OK && value == 1));
    timed_out = status == WEFT_TIMEOUT;
    return NULL;
}

static void *watch(void *unused)
{
    (void)unused;
    struct task *task = NULL;
    litmus_enter(3);
    if (timers_expire_one(&litmus_timers, 10, &task) && task != NULL) {
        task_ready(task);
    }
    return NULL;
}

int main(void)
{
    uint64_t value = 0;
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 1);
    litmus_start(sender, NULL);
    litmus_start(receiver, NULL);
    litmus_start(watch, NULL);
    litmus_join();
    litmus_enter(0);
    enum weft_status left = weft_try_recv(chan, &value);
    assert(timed_out ? left == WEFT_OK && value == 1 : left == WEFT_AGAIN);
    (void)left;
    weft_chan_free(chan);
    return 0;
}
