/* migrate: a scheduler for tests: each resume is on another worker than the last.
 *
 * Idea: a shared queue for each worker, in which the tasks stand that it ran last, and from which all others take. So
 * every park, yield and wake-up of a task moves it to another thread, which real schedulers avoid as well as they can:
 * what a task, or the runtime on its behalf, wrongly keeps from the old thread (a worker's address, errno's,
 * floating-point control, a lock that must be released by its own thread) shows at once. New tasks stand in a queue of
 * their own, from which everybody takes.
 * State: all under one lock, but for `length`, a hint. A task's token: the queue that it belongs to.
 * Invariants
 *   M1  A worker sleeps only if it saw, after it had entered the list of sleepers, no task that it may take.
 *   M2  A push wakes every sleeper, as it does not know which of them may take the task. What comes from outside, or
 *       out of a call that has lost its worker, stands with the new ones.
 *   M3  A worker that has slept for PATIENCE_NS beside tasks of its own takes one: all others compute, and perhaps wait
 *       for just that.
 * With one worker there is no other: it takes from its own. */
#include "core/mn.h"
#include "tests/inject/inject.h"

#include <string.h>

no_race_check_below;

enum { QUEUES_MAX = 65, NEW = 0 /* else 1 + the worker that ran it last */, PATIENCE_NS = 5000000 };

static struct {
    _Alignas(CACHE_LINE) struct lock lock;
    struct queue {
        struct task *head, *tail;
    } queues[QUEUES_MAX];
    _Atomic(uint32_t) length; /* of all */
    unsigned turn;
} shared;

static void append(struct task *task)
{
    struct queue *queue = &shared.queues[load_relaxed(&task->token)]; /* the task's owner's */
    task->next = NULL;
    lock_acquire(&shared.lock);
    if (queue->head == NULL) {
        queue->head = task;
    } else {
        queue->tail->next = task;
    }
    queue->tail = task;
    /* seq_cst: M2's first half, before the load of idle_count */
    store_seq_cst(&shared.length, load_relaxed(&shared.length) + 1);
    lock_release(&shared.lock);
}

/* As the engine wakes one worker only. */
static void migrate_inject(struct task *task)
{
    store_relaxed(&task->token, (uint32_t)NEW); /* not published yet */
    append(task);
}

static inline void migrate_push(struct mn_worker *worker, struct task *task, enum push_kind kind)
{
    (void)worker;
    if (kind == PUSH_SPAWN) {
        store_relaxed(&task->token, (uint32_t)NEW); /* not published yet */
    }
    append(task);
    if (load_seq_cst(&mn.idle_count) != 0) { /* seq_cst: M2's second half */
        while (mn_wake_one()) {
        }
    }
}

/* Under the lock: the first task of a queue that the worker may take from, or NULL. The queues come first in turns. */
static struct task *take(unsigned own, bool own_too)
{
    unsigned count = mn.count + 1;
    unsigned first = shared.turn++;
    for (unsigned i = 0; i < count; i++) {
        struct queue *queue = &shared.queues[(first + i) % count];
        struct task *task = queue->head;
        if (task != NULL && (own_too || (first + i) % count != own)) {
            queue->head = task->next;
            return task;
        }
    }
    return NULL;
}

static struct task *pop(struct mn_worker *worker, bool own_too)
{
    unsigned own = worker->base.index + 1;
    if (load_seq_cst(&shared.length) == 0) { /* seq_cst: M1; revalidated under the lock */
        return NULL;
    }
    lock_acquire(&shared.lock);
    struct task *task = take(own, own_too || mn.count == 1);
    if (task != NULL) {
        uint32_t last = load_relaxed(&task->token);                      /* under the lock, as all here */
        store_relaxed(&shared.length, load_relaxed(&shared.length) - 1); /* one writer */
        if (last != NEW && last != own) {
            inject_count(FAULT_MIGRATE);
        }
        store_relaxed(&task->token, own);
    }
    lock_release(&shared.lock);
    return task;
}

static inline struct task *migrate_pop(struct mn_worker *worker)
{
    return pop(worker, false);
}

static struct task *migrate_find(struct mn_worker *worker)
{
    bool own_too = false;
    while (!load_relaxed(&mn.stop)) { /* looked at again after each sleep */
        mn_fire_timers(worker);
        struct task *task = pop(worker, own_too);
        if (task != NULL) {
            mn_hand_over();
            return task;
        }
        mn_idle_enter(worker); /* M1's first half */
        task = pop(worker, own_too);
        if (task != NULL || load_seq_cst(&mn.stop)) { /* seq_cst: mn_stop stores it, then wakes the list */
            mn_idle_leave(worker);                    /* chosen or not: all the others were woken too */
            mn_hand_over();
            return task;
        }
        bool some = load_seq_cst(&shared.length) != 0;
        own_too = !mn_sleep(worker, some ? weft_now() + PATIENCE_NS : WEFT_FOREVER); /* M3 */
    }
    return NULL;
}

static bool migrate_any_work(struct mn_worker *worker, bool listed)
{
    (void)worker;
    (void)listed;
    return load_seq_cst(&shared.length) != 0; /* seq_cst: M1, for a worker that is listed */
}

static void migrate_resume(struct mn_worker *worker)
{
    (void)worker;
    mn_hand_over();
}

static bool migrate_init(void)
{
    memset(shared.queues, 0, sizeof shared.queues);
    store_relaxed(&shared.length, 0u); /* no other thread yet */
    return true;
}

static void migrate_fini(void)
{
}

static void migrate_entry(struct context *from, struct context *self, struct worker *worker);

static const struct mn_policy migrate_policy = {
    .workers_max = QUEUES_MAX - 1,
    .init = migrate_init,
    .fini = migrate_fini,
    .push = migrate_push,
    .inject = migrate_inject,
    .pop = migrate_pop,
    .find = migrate_find,
    .any_work = migrate_any_work,
    .resume = migrate_resume,
    .entry = migrate_entry,
};

MN_SCHEDULER(migrate, &migrate_policy)

const struct sched_ops migrate_ops = {
    .name = "migrate",
    .summary = "for tests: each resume is on another worker than the last",
    .caps = {.spawn_cheap = true},
    .run = migrate_run,
    .spawn = migrate_spawn,
    .park = migrate_park,
    .ready = migrate_ready,
    .yield = migrate_yield,
    .arm = mn_arm,
    .fire_due = mn_fire_due,
    .poll = migrate_poll,
    .blocking = mn_blocking,
    .look = drivers_look,
    .watch = mn_watch,
    .stuck = mn_stuck,
    .exit = migrate_exit,
    .oldest_epoch = mn_oldest_epoch,
    .counters = mn_counters,
    .visit = mn_visit,
};

no_race_check_end;
