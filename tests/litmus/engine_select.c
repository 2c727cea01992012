/* A select that parks on the M:N engine, on two workers: its commit, which releases the channel's locks, runs on the
 * next context's side while the task may already be resumed, and return, on the other worker (handoff.c, H4). One task
 * selects over two channels, another one sends on the second. */
#ifndef SCHED
#define SCHED global
#endif
#include "tests/litmus/fibers.h"

#include "tests/litmus/scheduler.h"

/* It searches a hundred times before it sleeps: some executions are longer than the checker goes. */
#define LITMUS_SEARCHES_steal 1
#if LITMUS_PASTE(LITMUS_SEARCHES_, SCHED)
extern const unsigned litmus_expects_cut;
const unsigned litmus_expects_cut = 1;
#endif

#include "core/chan.c"
#include "core/lot.c"
#include "core/mailbox.c"
#include "core/rendezvous.c"
#include "core/select.c"

#ifndef VARIANT
#define VARIANT handoff
#endif
/* a path has no spaces */
/* clang-format off */
#include LITMUS_STRING(variants/channel/VARIANT.c)
/* clang-format on */
#define variant_ops LITMUS_PASTE(VARIANT, _ops)

const struct chan_ops *registry_channel(const char *name)
{
    (void)name;
    return &variant_ops;
}

const struct chan_ops *registry_default_channel(void)
{
    return &variant_ops;
}

static struct weft_chan *chans[2];
static _Atomic(unsigned) ended;

/* The end of a task: its worker goes on in its loop. */
static void leave(void)
{
    if (add_acq_rel(&ended, 1u) == 1) {
        mn_stop();
    }
    struct mn_worker *worker = mn_self();
    worker->previous = NULL;
    litmus_resume(worker->loop, &worker->base);
}

/* A function of its own: what its frame held is gone when it returns. */
static __attribute__((noinline)) int receive(uint64_t *value)
{
    struct weft_case cases[] = {{.chan = chans[0], .op = WEFT_RECV, .value = value},
                                {.chan = chans[1], .op = WEFT_RECV, .value = value}};
    return weft_select(cases, 2);
}

static void selector(struct context *from, struct context *self, struct worker *worker)
{
    (void)from;
    (void)self;
    mn_arrived(&sched_policy, (struct mn_worker *)(void *)worker);
    uint64_t value = 0;
    int chosen = receive(&value);
    assert(chosen == 1 && value == 5);
    leave();
}

static void sender(struct context *from, struct context *self, struct worker *worker)
{
    (void)from;
    (void)self;
    mn_arrived(&sched_policy, (struct mn_worker *)(void *)worker);
    uint64_t value = 5;
    enum weft_status status = weft_send(chans[1], &value);
    assert(status == WEFT_OK);
    (void)status;
    leave();
}

static void *work(void *arg)
{
    unsigned index = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + index);
    litmus_drive(index);
    return NULL;
}

int main(void)
{
    litmus_begin_workers(2);
    runtime.sched = &engine_ops;
    context_entry entries[2] = {selector, sender};
    struct mn_worker *first = litmus_work(0);
    chans[0] = weft_chan_new(sizeof(uint64_t), 0);
    chans[1] = weft_chan_new(sizeof(uint64_t), 0);
    for (unsigned i = 0; i < 2; i++) {
        litmus_tasks[i].stack = (char *)&litmus_tasks[i]; /* it has one */
        context_init(&litmus_tasks[i].context, NULL, 0, entries[i]);
        sched_policy.push(first, &litmus_tasks[i], PUSH_SPAWN);
    }
    pthread_t workers[2];
    for (uintptr_t i = 0; i < 2; i++) {
        pthread_create(&workers[i], NULL, work, (void *)i);
    }
    pthread_join(workers[0], NULL);
    pthread_join(workers[1], NULL);
    litmus_join_contexts();
    assert(load_relaxed(&ended) == 2);
    for (unsigned i = 0; i < 2; i++) {
        assert(load_relaxed(&chans[i]->recvq.count) == 0); /* W2 */
        free(chans[i]);
    }
    litmus_end_workers();
    return 0;
}
