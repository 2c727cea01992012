/* migrate: a scheduler for tests: each resume is on another worker than the last.
 *
 * Idea: the queue of `global`, from which no worker takes a task that it ran last. So every park, yield and wake-up of a task moves it to
 * another thread, which real schedulers avoid as well as they can: what a task, or the runtime on its behalf, wrongly keeps from the old
 * thread (a worker's address, errno's, floating-point control, a lock that must be released by its own thread) shows at once.
 * State: all under the queue's lock, but for `length`, a hint. A task's token: 1 + the worker that ran it last; 0: none yet.
 * Invariants
 *   M1  A worker sleeps only if it saw, after it had entered the list of sleepers, no task that it may take.
 *   M2  A push wakes every sleeper, as it does not know which of them may take the task.
 *   M3  With one worker there is no other: the rule does not hold then.
 * A task that waits for another without ever parking may wait for ever, if only its own worker may run that one. Tests do not do that, as they
 * run with one worker too. */
#include "core/blocking.h"
#include "core/mn.h"
#include "tests/inject/inject.h"

#include <string.h>

no_race_check_below;

static struct {
    _Alignas(CACHE_LINE) struct lock lock;
    struct task *head, *tail;
    _Atomic(uint32_t) length;
} queue;

/* Under the lock, or the task's owner's. */
static bool may_take(const struct mn_worker *worker, struct task *task)
{
    return mn.count == 1 || load_relaxed(&task->token) != worker->base.index + 1;
}

static void append(struct task *task)
{
    task->next = NULL;
    lock_acquire(&queue.lock);
    if (queue.head == NULL) {
        queue.head = task;
    } else {
        queue.tail->next = task;
    }
    queue.tail = task;
    /* seq_cst: M2's first half, before the load of idle_count */
    store_seq_cst(&queue.length, load_relaxed(&queue.length) + 1);
    lock_release(&queue.lock);
    if (load_seq_cst(&mn.idle_count) != 0) { /* seq_cst: M2's second half */
        while (mn_wake_one()) {
        }
    }
}

static void migrate_inject(struct task *task)
{
    if (load_relaxed(&task->state) == TASK_NEW) {
        store_relaxed(&task->token, 0u); /* not published yet */
    }
    append(task);
}

static inline void migrate_push(struct mn_worker *worker, struct task *task, enum push_kind kind)
{
    (void)worker;
    if (kind == PUSH_SPAWN) {
        store_relaxed(&task->token, 0u); /* not published yet */
    }
    append(task);
}

static inline struct task *migrate_pop(struct mn_worker *worker)
{
    if (load_seq_cst(&queue.length) == 0) { /* seq_cst: M1; revalidated under the lock */
        return NULL;
    }
    lock_acquire(&queue.lock);
    struct task *before = NULL, *task = queue.head;
    while (task != NULL && !may_take(worker, task)) {
        before = task;
        task = task->next;
    }
    if (task != NULL) {
        if (before == NULL) {
            queue.head = task->next;
        } else {
            before->next = task->next;
        }
        queue.tail = queue.tail == task ? before : queue.tail;
        store_relaxed(&queue.length, load_relaxed(&queue.length) - 1); /* under the lock: one writer */
        if (load_relaxed(&task->token) != 0 && mn.count > 1) {
            inject_count(FAULT_MIGRATE);
        }
        store_relaxed(&task->token, worker->base.index + 1); /* under the lock */
    }
    lock_release(&queue.lock);
    return task;
}

static struct task *migrate_find(struct mn_worker *worker)
{
    while (!load_relaxed(&mn.stop)) { /* looked at again after each sleep */
        mn_fire_timers(worker);
        struct task *task = migrate_pop(worker);
        if (task != NULL) {
            mn_hand_over();
            return task;
        }
        mn_idle_enter(worker); /* M1's first half */
        task = migrate_pop(worker);
        if (task != NULL || load_seq_cst(&mn.stop)) { /* seq_cst: mn_stop stores it, then wakes the list */
            mn_idle_leave(worker);                    /* chosen or not: all the others were woken too */
            mn_hand_over();
            return task;
        }
        mn_sleep(worker, WEFT_FOREVER);
    }
    return NULL;
}

static bool migrate_init(void)
{
    queue.head = queue.tail = NULL;
    store_relaxed(&queue.length, 0u); /* no other thread yet */
    return true;
}

static void migrate_fini(void)
{
}

static void migrate_entry(struct context *from, struct context *self, struct worker *worker);

static const struct mn_policy migrate_policy = {
    .init = migrate_init,
    .fini = migrate_fini,
    .push = migrate_push,
    .inject = migrate_inject,
    .pop = migrate_pop,
    .find = migrate_find,
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
    .blocking = blocking_run,
    .watch = mn_watch,
    .stuck = mn_stuck,
    .exit = migrate_exit,
    .oldest_epoch = mn_oldest_epoch,
    .counters = mn_counters,
    .visit = mn_visit,
};

no_race_check_end;
