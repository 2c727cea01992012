#include "select.h"

#include <stdlib.h>

/* Registers one case. True: go on with the next; false: the wait is over. */
static bool enlist(struct weft_case *c, struct waiter *waiter)
{
    struct weft_chan *chan = c->chan;
    if (chan->capacity == 0) {
        return rendezvous_enlist(chan, c->op, waiter) == ENLIST_QUEUED;
    }
    if (chan->ops->enlist != NULL) {
        return chan->ops->enlist(chan, c->op, waiter) == ENLIST_QUEUED;
    }
    task_lock(&chan->lock);
    waitq_push_announced(chan_queue(chan, c->op), waiter);
    bool ready = chan->ops->poll(chan, c->op); /* N2 */
    lock_release(&chan->lock);
    if (!ready) {
        return true;
    }
    bool parked = false;
    wait_claim(waiter->wait, waiter->index, &parked); /* lost: another case has won; either way it is over */
    return false;
}

/* Registers the cases, in the given order, until one has won. Returns how many were registered. */
static size_t enlist_all(struct weft_case *cases, size_t count, struct wait *wait, struct waiter *waiters,
                         const uint16_t *order)
{
    size_t done = 0;
    while (done < count) {
        uint16_t index = order[done++];
        struct weft_case *c = &cases[index];
        struct waiter *waiter = &waiters[index];
        waiter_init(waiter, wait, index, c->value);
        if (c->chan != NULL && !enlist(c, waiter)) {
            break;
        }
    }
    return done;
}

void select_delist(struct weft_case *cases, size_t count, struct waiter *waiters, const uint16_t *order, size_t skip)
{
    for (size_t done = 0; done < count; done++) {
        size_t i = order[done];
        struct weft_chan *chan = cases[i].chan;
        if (chan == NULL || i == skip) {
            continue;
        }
        task_lock(&chan->lock);
        if (waiters[i].queued) {
            waitq_remove(chan_queue(chan, cases[i].op), &waiters[i]);
        }
        lock_release(&chan->lock);
    }
}

int select_wait(struct weft_case *cases, size_t count, weft_ns deadline, struct waiter *waiters, const uint16_t *order)
{
    struct wait wait;
    wait_init(&wait, deadline);
    size_t enlisted = enlist_all(cases, count, &wait, waiters, order);
    if (load_acquire(&wait.claim) < CLAIM_WON) { /* the commit's CAS revalidates */
        task_park(count == 0 ? WAIT_SLEEP : WAIT_SELECT, count == 1 ? cases[0].chan : NULL, wait_commit, &wait,
                  deadline == WEFT_FOREVER ? NULL : &wait.timer);
    }
    uint32_t won = load_acquire(&wait.claim) - CLAIM_WON; /* final */
    select_delist(cases, enlisted, waiters, order, wait.parked ? won : SIZE_MAX);
    if (won == WON_TIMEOUT) {
        return -1;
    }
    struct weft_case *c = &cases[won];
    if (waiters[won].status != WEFT_AGAIN) { /* done on our behalf */
        c->status = waiters[won].status;
        return (int)won;
    }
    enum weft_status status = case_try(NULL, c);
    if (status == WEFT_AGAIN) {
        return SELECT_RETRY;
    }
    c->status = status;
    if (c->chan->capacity != 0) {
        chan_pass_on(c->chan, c->op); /* N3 */
    }
    return (int)won;
}

void select_shuffle_many(uint16_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t pick = random_below(worker_self(), (uint32_t)i + 1);
        order[i] = order[pick];
        order[pick] = (uint16_t)i;
    }
}

/* Waiters, and behind them 16 bytes and an index a case. */
static struct waiter *select_memory(size_t count)
{
    if (count > UINT16_MAX) {
        weft_panic("select with %zu cases: at most %u are served", count, UINT16_MAX);
    }
    struct waiter *waiters = malloc(count * (sizeof *waiters + 2 * sizeof(uint64_t) + sizeof(uint16_t)));
    if (waiters == NULL) {
        weft_panic("select: no memory for %zu cases", count);
    }
    return waiters;
}

cold_function int select_large(const struct chan_ops *ops, struct weft_case *cases, size_t count, weft_ns deadline,
                               bool wait)
{
    struct waiter *waiters = select_memory(count);
    uint64_t *versions = (uint64_t *)(void *)(waiters + count);
    uint16_t *order = (uint16_t *)(void *)(versions + 2 * count);
    /* the versions are a default's, which needs the channels only when they are of no more use */
    struct select_room room = {order, waiters, (struct weft_chan **)(void *)versions};
    int chosen;
    do {
        select_shuffle_many(order, count);
        chosen = wait ? select_poll(ops, cases, count, order) : select_poll_atomic(ops, cases, count, &room, versions);
        if (chosen < 0 && wait) {
            const struct chan_ops *variant = select_variant(ops, cases, count);
            chosen = variant != NULL ? variant->select(cases, count, &room, deadline, true)
                                     : select_wait(cases, count, deadline, waiters, order);
        }
    } while (chosen == SELECT_RETRY);
    free(waiters);
    return chosen;
}

static void check_cases(const struct weft_case *cases, size_t count)
{
    task_self(); /* panics outside of a task */
    task_enter();
    if (cases == NULL && count != 0) {
        weft_panic("select: %zu cases at a null address", count);
    }
}

int weft_select(struct weft_case *cases, size_t count)
{
    check_cases(cases, count);
    return select_until(NULL, cases, count, WEFT_FOREVER);
}

int weft_select_until(struct weft_case *cases, size_t count, weft_ns deadline)
{
    check_cases(cases, count);
    return select_until(NULL, cases, count, deadline);
}

int weft_try_select(struct weft_case *cases, size_t count)
{
    check_cases(cases, count);
    return select_try(NULL, cases, count);
}
