/* A timer's mailbox: put and close by the runtime against a receiver and a select of the user's. */
#include "tests/litmus/channel.h"

static struct mailbox box;
static unsigned received, closed, written;

static void count(enum weft_status status, weft_ns value)
{
    assert(written == 1);
    if (status == WEFT_OK) {
        assert(value == 5);
        received++;
    } else {
        assert(status == WEFT_CLOSED && value == 0);
        closed++;
    }
}

static struct lock counting;

static void *receiver(void *unused)
{
    (void)unused;
    weft_ns value = 0;
    litmus_enter(1);
    enum weft_status status = weft_recv(&box.chan, &value);
    lock_acquire(&counting);
    count(status, value);
    lock_release(&counting);
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    weft_ns value = 0;
    litmus_enter(2);
    struct weft_case cases[] = {{.chan = &box.chan, .op = WEFT_RECV, .value = &value}, {.chan = NULL, .op = WEFT_RECV}};
    int chosen = weft_select(cases, 2);
    assert(chosen == 0);
    (void)chosen;
    lock_acquire(&counting);
    count(cases[0].status, value);
    lock_release(&counting);
    return NULL;
}

static void *owner(void *unused)
{
    (void)unused;
    litmus_enter(3);
    written = 1;
    struct task *task = mailbox_put(&box, 5);
    if (task != NULL) {
        task_ready(task);
    }
    mailbox_close(&box);
    return NULL;
}

static void fire_nothing(void)
{
}

int main(void)
{
    struct sched_ops sched = litmus_sched;
    litmus_begin();
    sched.fire_due = fire_nothing;
    runtime.sched = &sched;
    mailbox_init(&box, sizeof(weft_ns), 0, NULL);
    litmus_start(receiver, NULL);
    litmus_start(selector, NULL);
    litmus_start(owner, NULL);
    litmus_join();
    assert(received == 1 && closed == 1);
    return 0;
}
