/* A select's default over two mailboxes: one is emptied only when the other one has been filled, or closed. So at each
 * instant one of them could be received from, and the select must not take its default. */
#include "tests/litmus/channel.h"

static struct mailbox from, to;

static void *mover(void *arg)
{
    litmus_enter(1);
    if (arg == NULL) {
        struct task *task = mailbox_put(&to, 5);
        assert(task == NULL); /* nobody waits */
        (void)task;
    } else {
        mailbox_close(&to);
    }
    if (litmus_self->random == 0) {
        mailbox_drain(&from);
    } else {
        weft_ns value;
        enum weft_status status = weft_try_recv(&from.chan, &value); /* the select may have been first */
        (void)status;
    }
    return NULL;
}

static void *selector(void *unused)
{
    (void)unused;
    weft_ns value = 0;
    litmus_enter(2);
    struct weft_case cases[] = {{.chan = &to.chan, .op = WEFT_RECV, .value = &value},
                                {.chan = &from.chan, .op = WEFT_RECV, .value = &value}};
    int chosen = weft_try_select(cases, 2);
    assert(chosen >= 0 && (value == 5 || (chosen == 0 && cases[0].status == WEFT_CLOSED)));
    (void)chosen;
    return NULL;
}

static void fire_nothing(void)
{
}

int main(void)
{
    struct sched_ops sched = litmus_sched;
    bool closes = litmus_choose(2) != 0;
    litmus_begin();
    sched.fire_due = fire_nothing;
    runtime.sched = &sched;
    litmus_threads[1].random = litmus_choose(2);
    litmus_threads[2].random = litmus_choose(2);
    mailbox_init(&from, sizeof(weft_ns), 0, NULL);
    mailbox_init(&to, sizeof(weft_ns), 0, NULL);
    mailbox_put(&from, 5);
    litmus_start(mover, closes ? &to : NULL);
    litmus_start(selector, NULL);
    litmus_join();
    return 0;
}
