/* A select's default over two rendezvous: a sender waits on one; only once another one waits on the other is the first
 * one served. So at each instant a case was ready, and the select must not take its default. */
#include "tests/litmus/channel.h"

static struct weft_chan *from, *to;

static void *sender(void *arg)
{
    uint64_t value = 1;
    litmus_enter(arg == NULL ? 1 : 2);
    enum weft_status status = weft_send(arg == NULL ? from : to, &value);
    (void)status; /* or closed, at the end */
    return NULL;
}

static _Atomic(bool) done;

/* Or until the select has been there. An arrival has happened once it is counted; the length of the queue comes before
 * it. */
static void wait_for_sender(struct weft_chan *chan)
{
    while (load_acquire(&chan->sendq.arrivals) == 0 && !load_acquire(&done)) {
        cpu_relax();
    }
}

static void *taker(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    litmus_enter(3);
    wait_for_sender(to);
    enum weft_status status = weft_try_recv(from, &value); /* the select may have been first */
    (void)status;
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    litmus_enter(4);
    struct weft_case cases[] = {{.chan = to, .op = WEFT_RECV, .value = &value},
                                {.chan = from, .op = WEFT_RECV, .value = &value}};
    int chosen = weft_try_select(cases, 2);
    assert(chosen >= 0 && value == 1);
    (void)chosen;
    store_release(&done, true);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_threads[4].random = litmus_choose(2);
    from = weft_chan_new(sizeof(uint64_t), 0);
    to = weft_chan_new(sizeof(uint64_t), 0);
    litmus_start(sender, NULL);
    wait_for_sender(from);
    litmus_start(sender, &done);
    litmus_start(taker, NULL);
    litmus_start(selector, NULL);
    litmus_enter(0);
    pthread_join(litmus_ids[2], NULL);
    pthread_join(litmus_ids[3], NULL);
    weft_close(from);
    weft_close(to);
    pthread_join(litmus_ids[0], NULL);
    pthread_join(litmus_ids[1], NULL);
    weft_chan_free(from);
    weft_chan_free(to);
    return 0;
}
