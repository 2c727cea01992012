/* A rendezvous with a deadline on both sides, and the clock: they meet, or both give up; nobody touches a wait that is
 * over. */
#include "tests/litmus/channel.h"

static struct weft_chan *chan;
static enum weft_status sent, received;
static uint64_t value;

static void *sender(void *unused)
{
    (void)unused;
    uint64_t one = 1;
    litmus_enter(1);
    sent = weft_send_until(chan, &one, 10);
    return NULL;
}

static void *receiver(void *unused)
{
    (void)unused;
    litmus_enter(2);
    received = weft_recv_until(chan, &value, 10);
    return NULL;
}

/* Until both have had their time, if they still wait. */
static void *watch(void *unused)
{
    (void)unused;
    litmus_enter(3);
    for (unsigned i = 0; i < 2; i++) {
        struct task *task = NULL;
        while (!timers_expire_one(&litmus_timers, 10, &task) && load_acquire(&chan->closed) == 0) {
            cpu_relax();
        }
        if (task != NULL) {
            task_ready(task);
        }
    }
    return NULL;
}

static pthread_t watching;

int main(void)
{
    litmus_begin();
    chan = weft_chan_new(sizeof(uint64_t), 0);
    litmus_start(sender, NULL);
    litmus_start(receiver, NULL);
    pthread_create(&watching, NULL, watch, NULL);
    litmus_join();
    weft_close(chan);
    pthread_join(watching, NULL);
    assert(sent == received && (sent == WEFT_OK ? value == 1 : sent == WEFT_TIMEOUT && value == 0));
    weft_chan_free(chan);
    return 0;
}
