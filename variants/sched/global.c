/* global: M:N, one queue under one lock.
 *
 * Idea: every runnable task stands in one first-in-first-out queue that all workers share. A push wakes one sleeping
 * worker. Nothing is ever in the wrong place, at the price of one lock that everybody takes.
 * Source: the design of Go's first scheduler (before 1.1), as described in D. Vyukov, "Scalable Go Scheduler Design
 * Doc" (2012), section "Current state and its problems".
 * Guarantees: fair (a runnable task runs after those that were runnable before it); no runnable task waits while a
 * worker sleeps: a pusher that finds a sleeper wakes it.
 * State: head, tail: under the lock. length: written under the lock, read as a hint by pop.
 * Invariants
 *   G1  A worker sleeps only if it saw the queue empty after it had entered the list of sleepers.
 *   G2  A push that makes the queue longer looks for sleepers after it has released the lock.
 * Ordering: the queue's lock, release -> acquire, orders a task's context and data before whoever pops it. G1 and G2
 * are a store -> load handshake: push stores length, then loads idle_count; find enters (seq_cst), then loads length;
 * both pairs are seq_cst.
 * Cost: two read-modify-writes on one shared line a park/ready pair, and the switch.
 * Good at: few workers, coarse tasks, fairness. Bad at: many workers, short tasks. */
#include "core/mn.h"

#include <stdlib.h>
#include <string.h>

no_race_check_below;

struct global_queue {
    _Alignas(CACHE_LINE) struct lock lock;
    _Atomic(uint32_t) length;
    struct task *head, *tail;
};

static struct global_queue *global_shared(const struct mn_worker *worker)
{
    return worker->local;
}

static inline void global_append(struct global_queue *queue, struct task *task)
{
    task->next = NULL;
    lock_acquire(&queue->lock);
    if (queue->head == NULL) {
        queue->head = task;
    } else {
        queue->tail->next = task;
    }
    queue->tail = task;
    /* seq_cst: G2's first half, before the load of idle_count */
    store_seq_cst(&queue->length, load_relaxed(&queue->length) + 1);
    lock_release(&queue->lock);
}

static void global_inject(struct task *task)
{
    global_append(global_shared(&mn.workers[0]), task);
}

static inline void global_push(struct mn_worker *worker, struct task *task, enum push_kind kind)
{
    (void)kind;
    global_append(global_shared(worker), task);
    if (load_seq_cst(&mn.idle_count) != 0) { /* seq_cst: G2's second half */
        mn_wake_one();
    }
}

static inline struct task *global_pop(struct mn_worker *worker)
{
    struct global_queue *queue = global_shared(worker);
    if (load_seq_cst(&queue->length) == 0) { /* seq_cst: G1's second half; revalidated under the lock */
        return NULL;
    }
    lock_acquire(&queue->lock);
    struct task *task = queue->head;
    if (task != NULL) {
        queue->head = task->next;
        store_relaxed(&queue->length, load_relaxed(&queue->length) - 1); /* under the lock: one writer */
    }
    lock_release(&queue->lock);
    return task;
}

static struct task *global_find(struct mn_worker *worker)
{
    while (!load_relaxed(&mn.stop)) { /* looked at again after each sleep */
        mn_fire_timers(worker);
        struct task *task = global_pop(worker);
        if (task != NULL) {
            mn_hand_over();
            return task;
        }
        mn_idle_enter(worker); /* G1's first half */
        task = global_pop(worker);
        if (task != NULL || load_seq_cst(&mn.stop)) { /* seq_cst: mn_stop stores it, then wakes the list */
            if (!mn_idle_leave(worker) && load_seq_cst(&global_shared(worker)->length) != 0) {
                mn_wake_one(); /* chosen for another task than the one it has: passes that wake-up on */
            }
            mn_hand_over();
            return task;
        }
        if (mn_sleep(worker, WEFT_FOREVER) && load_seq_cst(&global_shared(worker)->length) == 0) {
            count_up(&worker->counters.futile_wakes, 1);
        }
    }
    return NULL;
}

static bool global_any_work(struct mn_worker *worker, bool listed)
{
    (void)listed;
    return load_seq_cst(&global_shared(worker)->length) !=
           0; /* seq_cst: G1's second half, for a worker that is listed */
}

static void global_resume(struct mn_worker *worker)
{
    (void)worker;
    mn_hand_over();
}

static bool global_init(void)
{
    struct global_queue *queue = aligned_alloc(CACHE_LINE, sizeof *queue);
    if (queue == NULL) {
        return false;
    }
    memset(queue, 0, sizeof *queue);
    for (unsigned i = 0; i < mn.count; i++) {
        mn.workers[i].local = queue;
    }
    return true;
}

static void global_fini(void)
{
    free(mn.workers[0].local);
}

static void global_entry(struct context *from, struct context *self, struct worker *worker);

static const struct mn_policy global_policy = {
    .init = global_init,
    .fini = global_fini,
    .push = global_push,
    .inject = global_inject,
    .pop = global_pop,
    .find = global_find,
    .any_work = global_any_work,
    .resume = global_resume,
    .entry = global_entry,
};

MN_SCHEDULER(global, &global_policy)

const struct sched_ops global_ops = {
    .name = "global",
    .summary = "M:N, one queue under one lock",
    .caps = {.fair = true, .spawn_cheap = true},
    .run = global_run,
    .spawn = global_spawn,
    .park = global_park,
    .ready = global_ready,
    .yield = global_yield,
    .arm = mn_arm,
    .fire_due = mn_fire_due,
    .poll = global_poll,
    .blocking = mn_blocking,
    .look = drivers_look,
    .watch = mn_watch,
    .stuck = mn_stuck,
    .exit = global_exit,
    .oldest_epoch = mn_oldest_epoch,
    .counters = mn_counters,
    .visit = mn_visit,
};

no_race_check_end;
