/* The engine of the M:N schedulers: workers, stacks bound at first run, the direct switch from task to task.
 *
 * A scheduler variant brings a `struct mn_policy`: where runnable tasks wait and who is woken when. Everything else is
 * here, inlined over the policy, so that a variant's park, ready and spawn have no indirect call but commit's.
 *
 * Of the two ways that the contract (sched.h) allows, this is the second: the parking task switches directly to the
 * next one (or to its worker's loop), and the context that goes on runs the commit. A task that ends hands its stack to
 * a next task that has none: a chain of short tasks runs on one warm stack without a single switch.
 *
 * The thread that runs a worker's tasks is its driver, and may be another one after a call that blocks: driver.h.
 *
 * State of a worker: its owner's only, but for `wake` (written under drivers.lock), `sleeps_until` (read by all),
 * `timers` (its own lock) and the counters (relaxed, one writer). mn.stop: set once, by the main task when it
 * returns. */
#ifndef CORE_MN_H
#define CORE_MN_H

#include "driver.h"
#include "panic.h"
#include "sched.h"

struct mn_counters {
    _Atomic(uint64_t) spawns, exits, switches, parks, wakes, futile_wakes, steals_tried, steals_won, futex_calls;
};

struct mn_worker {
    struct worker base; /* first: worker_self() points here */
    /* the pending commit of the task that this worker has just left */
    struct task *previous;
    park_commit commit;
    void *commit_arg;
    bool preempted;         /* it was made to give way as a hog */
    _Atomic(uint32_t) tick; /* counts scheduling decisions, for what is done now and then; read by the monitor */
    struct context *loop;   /* the driver's */
    _Atomic(struct driver *) driver; /* written under drivers.lock */
    uint32_t call_seen;              /* its state at the monitor's last look */
    bool chosen; /* mn_wake_one() has taken the worker from a call: the first thing that its new driver sees */
    /* By a call, as there is no other thread for it: see driver.h, D4. The owner writes, a hint for the monitor. */
    _Atomic(bool) blocked;
    struct magazine tasks, stacks;
    void *local; /* the policy's */
    struct timers timers;
    struct mn_worker *idle_next; /* of the list that it is in; under drivers.lock */
    bool idle;                   /* in the list of sleepers; under drivers.lock */
    _Atomic(uint32_t) wake;      /* futex word: 1 once the worker has been chosen; written under drivers.lock */
    _Atomic(weft_ns)
        sleeps_until; /* while it sleeps: when it will look at the timers, unless others do; else WEFT_FOREVER */
    struct mn_counters counters;
    unsigned buried;    /* stacks that came back since the last trim */
    weft_ns trimmed_at; /* when that was */
    /* the monitor's */
    weft_ns turn_at;            /* when a hog last had a turn */
    _Atomic(uint32_t) hog_tick; /* whom PREEMPT_HOG means: who runs at this tick */
    uint32_t tick_seen;
    weft_ns tick_since; /* when it was first seen so */
    bool hog_said;      /* of the task that keeps it now */
} __attribute__((aligned(CACHE_LINE)));

enum push_kind {
    PUSH_SPAWN, /* a new task */
    PUSH_READY, /* was parked, readied by a task of this worker */
    PUSH_YIELD, /* gives way to the others */
    PUSH_HOG,   /* was made to, after a time slice: goes on when nobody else can, or all have had one */
    PUSH_TIMER, /* slept, and its time has come */
};

struct mn_policy {
    unsigned workers_max; /* 0: any number */
    bool (*init)(void);   /* before the workers start; false: no memory */
    void (*fini)(void);
    void (*push)(struct mn_worker *worker, struct task *task, enum push_kind kind);
    /* From a thread that is no worker, which wakes somebody by itself. Maybe under drivers.lock: wakes nobody. */
    void (*inject)(struct task *task);
    struct task *(*pop)(struct mn_worker *worker);  /* never waits; NULL: nothing at hand */
    struct task *(*find)(struct mn_worker *worker); /* searches, sleeps; NULL: the run has ended */
    /* For calls that may block their thread: see driver.h, D2. Is there anything to do, for this worker or for any? A
     * hint, but for what is the worker's own, or came from outside. `listed`: no, if somebody is looking for work
     * already. */
    bool (*any_work)(struct mn_worker *worker, bool listed);
    /* NULL, or: called in the worker's stead, puts its tasks where all find them. Under drivers.lock. */
    void (*leave)(struct mn_worker *worker);
    void (*resume)(struct mn_worker *worker); /* it goes back to work, with a task that was in a call */
    /* The longest waiting hog; NULL: there is none, or no difference is made between them and others. */
    struct task *(*pop_hog)(struct mn_worker *worker);
    bool (*any_hog)(void); /* a hint */
    /* NULL, or: looks a sleeper after what waits on busy workers? If not, the monitor wakes one. A hint. */
    bool (*is_watched)(void);
    /* NULL, or: `preempt` is set, does the task give way? It stays set. */
    bool (*gives_way)(struct mn_worker *worker);
    context_entry entry; /* a function that calls mn_task_main with this policy */
};

enum { TICKS_PER_TIMER_CHECK = 64 };

struct mn {
    const struct mn_policy *policy;
    struct mn_worker *workers;
    unsigned count;
    task_fn main_fn;
    void *main_arg;
    uint64_t float_control; /* what every task starts with */
    _Atomic(bool) stop;
    /* workers that sleep or are about to, and such as are in long calls: under drivers.lock */
    _Alignas(CACHE_LINE) struct mn_worker *idle_first;
    struct mn_worker *listed_first;
    _Atomic(unsigned) idle_count; /* of both; written under the lock; read as a hint */
    _Atomic(unsigned) asleep;     /* workers within mn_sleep() or listed: they have no task at hand */
    /* threads outside that spawn */
    struct lock outside_lock;
    struct magazine outside_tasks;
    _Atomic(uint64_t) outside_spawns; /* written under outside_lock */
    _Atomic(uint64_t) hogs;           /* the monitor's */
    weft_ns hog_ns;                   /* after how long the monitor says so on stderr; 0: never */
};
extern struct mn mn;

enum weft_status mn_run(const struct mn_policy *policy, const struct weft_options *options, task_fn fn, void *arg);
void mn_stop(void);
void mn_counters(struct sched_counters *counters);
uint64_t mn_oldest_epoch(void);
void mn_visit(void (*visit)(struct task *task, void *arg), void *arg);

/* Fires what is due, of all workers' timers; the tasks go to `worker`'s queue. False: nothing was. */
bool mn_fire_timers(struct mn_worker *worker);
/* The same, by a worker that has a task: a timer that goes on (a ticker) may be left without anybody who watches it. */
void mn_fire_at_work(struct mn_worker *worker);
/* After a timer was armed that is earlier than any other of its worker. */
void mn_timer_armed(weft_ns when);
/* The ops table's: see sched.h. */
void mn_arm(struct timer *timer);
void mn_fire_due(void);
bool mn_watch(weft_ns now);
bool mn_stuck(void);
enum weft_status mn_spawn_outside(const char *name, task_fn fn, void *arg);
void mn_inject(struct task *task);
void mn_blocking(task_fn fn, void *arg);
/* Drives driver->worker until the run ends (true), or until the thread has lost it (false). */
bool mn_drive(struct driver *driver);

/* Enters the worker in the list of sleepers; from now on mn_wake_one() may choose it. */
void mn_idle_enter(struct mn_worker *worker);
/* Takes it out again; false: it was chosen, and `wake` is 1 already. */
bool mn_idle_leave(struct mn_worker *worker);
/* Sleeps, once entered, until woken, until a timer is due that no other sleeper watches, or until the instant `latest`.
 * True: woken. Either way it is out of the list. */
bool mn_sleep(struct mn_worker *worker, weft_ns latest);
/* Wakes one sleeper, or else gives a worker that is in a long call to a thread; false if there is none. */
bool mn_wake_one(void);
/* Under drivers.lock: takes a sleeper from the list, which is then to be woken by its `wake`; or NULL. */
struct mn_worker *mn_choose_sleeper(void);
/* Is a timer armed that no sleeper watches? */
bool mn_timer_is_left(void);
/* For a worker that goes back to work: wakes a sleeper if there is a timer that no sleeper watches. */
void mn_hand_over(void);

/* A stack for a task that has none. Panics when there is no memory. */
void mn_bind(struct mn_worker *worker, struct task *task);
/* Commit for a task that has ended: its stack and descriptor go back to the pools. */
bool mn_bury(void *task);

static force_inline struct mn_worker *mn_self(void)
{
    return (struct mn_worker *)(void *)worker_self();
}

/* What a policy's push() may wake for: is anybody asleep? A hint. */
static force_inline bool mn_any_idle(void)
{
    return load_relaxed(&mn.idle_count) != 0;
}

/* Counts a scheduling decision. */
static force_inline uint32_t mn_tick(struct mn_worker *worker)
{
    uint32_t tick = load_relaxed(&worker->tick) + 1; /* owner writes */
    store_relaxed(&worker->tick, tick);
    return tick;
}

/* The commit of the task that this worker left to get here. */
no_race_check static force_inline void mn_arrived(const struct mn_policy *policy, struct mn_worker *worker)
{
    struct task *previous = worker->previous;
    if (previous == NULL) {
        return;
    }
    worker->previous = NULL;
    race_acquire(previous);
    park_commit commit = worker->commit;
    if (likely(commit == park_unlock)) { /* by far the most frequent: spare the indirect call */
        lock_release(worker->commit_arg);
    } else if (!commit(worker->commit_arg)) {
        race_release(previous);
        policy->push(worker, previous, worker->preempted ? PUSH_HOG : PUSH_YIELD);
        worker->preempted = false;
    }
    if (unlikely(mn_tick(worker) % TICKS_PER_TIMER_CHECK == 0)) { /* not before: the task left behind may hold a lock */
        mn_fire_at_work(worker);
    }
}

/* Goes on with `next`, or with the worker's loop if it is NULL. Returns, when `from` is resumed, the worker that it
 * woke up on, its commit done. */
no_race_check static force_inline struct mn_worker *mn_switch(const struct mn_policy *policy, struct mn_worker *worker,
                                                              struct context *from, struct task *next, bool dying)
{
    struct context *to;
    limbo_quiet(&worker->base.epoch);
    store_relaxed(&worker->base.current, next); /* owner only */
    if (next != NULL) {
        if (next->stack == NULL) {
            mn_bind(worker, next);
        }
        to = &next->context;
        count_up(&worker->counters.switches, 1);
    } else {
        to = worker->loop;
    }
    race_release(worker); /* -> the end of worker_loop */
    worker = (struct mn_worker *)(void *)context_switch(from, to, &worker->base, dying);
    mn_arrived(policy, worker);
    return worker;
}

no_race_check static force_inline struct task *mn_next(const struct mn_policy *policy, struct mn_worker *worker)
{
    if (unlikely(load_relaxed(&mn.stop))) { /* relaxed: the end of the run is not urgent */
        return NULL;
    }
    return policy->pop(worker);
}

no_race_check static force_inline void mn_park(const struct mn_policy *policy, park_commit commit, void *arg,
                                               struct timer *timer)
{
    struct mn_worker *worker = mn_self();
    struct task *self = load_relaxed(&worker->base.current); /* owner only */
    bool first = unlikely(timer != NULL) && timer_arm(&worker->timers, timer);
    count_up(&worker->counters.parks, 1);
    worker->previous = self;
    worker->commit = commit;
    worker->commit_arg = arg;
    race_release(self);
    struct task *next = mn_next(policy, worker);
    if (unlikely(first) && next != NULL) { /* else this worker looks for work, and watches the timers itself */
        mn_timer_armed(timer->when);
    }
    mn_switch(policy, worker, &self->context, next, false);
    race_acquire(self);
    if (unlikely(timer != NULL)) {
        timer_disarm(timer);
    }
}

static inline bool mn_commit_yield(void *unused)
{
    (void)unused;
    return false;
}

/* Goes on with `next`; the caller is runnable. */
no_race_check static force_inline void mn_yield_to(const struct mn_policy *policy, struct mn_worker *worker,
                                                   struct task *next)
{
    struct task *self = load_relaxed(&worker->base.current); /* owner only */
    worker->previous = self;
    worker->commit = mn_commit_yield;
    race_release(self);
    mn_switch(policy, worker, &self->context, next, false);
    race_acquire(self);
}

no_race_check static force_inline void mn_yield(const struct mn_policy *policy)
{
    struct mn_worker *worker = mn_self();
    struct task *next = mn_next(policy, worker);
    if (next == NULL && likely(!load_relaxed(&mn.stop))) {
        if (unlikely(mn_tick(worker) % TICKS_PER_TIMER_CHECK == 0)) {
            mn_fire_at_work(worker); /* who yields in a loop may wait for one */
        }
        return; /* nobody to give way to */
    }
    mn_yield_to(policy, worker, next);
}

no_race_check static force_inline void mn_poll(const struct mn_policy *policy)
{
    struct mn_worker *worker = mn_self();
    uint8_t why = load_relaxed(&worker->base.preempt);
    if (policy->gives_way == NULL) {
        store_relaxed(&worker->base.preempt, (uint8_t)PREEMPT_NONE); /* the monitor sets it again if need be */
    } else if (!policy->gives_way(worker)) {
        return;
    }
    if (policy->gives_way == NULL && why == PREEMPT_HOG &&
        load_relaxed(&worker->hog_tick) != load_relaxed(&worker->tick)) { /* hints */
        return;                                                           /* meant for a task that has gone */
    }
    mn_fire_at_work(worker);
    if (policy->pop_hog == NULL) {
        mn_yield(policy);
        return;
    }
    struct task *next = why == PREEMPT_TURN ? policy->pop_hog(worker) : mn_next(policy, worker);
    if (next != NULL) {
        worker->preempted = why == PREEMPT_HOG;
        mn_yield_to(policy, worker, next);
    } else if (load_relaxed(&mn.stop)) {
        mn_yield(policy);
    }
}

no_race_check static force_inline void mn_ready(const struct mn_policy *policy, struct task *task)
{
    struct mn_worker *worker = mn_self();
    if (unlikely(worker == NULL)) {
        mn_inject(task);
        return;
    }
    policy->push(worker, task, PUSH_READY);
}

/* Fills in a descriptor that came from the pool. */
no_race_check static force_inline void mn_new_task(struct task *task, uint64_t number, const char *name, task_fn fn,
                                                   void *arg)
{
    task->arg = arg;
    task->stack = NULL;
    task->frames = NULL;
    task->panics = NULL;
    task->recovered = NULL;
    task->number = number;
    store_relaxed(&task->fn, fn);
    store_relaxed(&task->name, name);
    store_relaxed(&task->wait_reason, (uint8_t)WAIT_NONE);
    store_relaxed(&task->state, (uint8_t)TASK_NEW);
    race_release(task);
}

no_race_check static force_inline enum weft_status mn_spawn(const struct mn_policy *policy, const char *name,
                                                            task_fn fn, void *arg)
{
    struct mn_worker *worker = mn_self();
    if (unlikely(worker == NULL)) {
        return mn_spawn_outside(name, fn, arg);
    }
    struct task *task = pool_get(&task_pool, &worker->tasks);
    if (unlikely(task == NULL)) {
        return WEFT_NOMEM;
    }
    uint64_t spawns = load_relaxed(&worker->counters.spawns) + 1;
    store_relaxed(&worker->counters.spawns, spawns);
    /* workers and threads outside number their own in turns */
    mn_new_task(task, (spawns - 1) * (mn.count + 1) + worker->base.index + 1, name, fn, arg);
    policy->push(worker, task, PUSH_SPAWN);
    return WEFT_OK;
}

/* The calling task ends here. `stack_is_empty`: only its first frame is left, so that a task without a stack may go on
 * in it: the function then returns. */
no_race_check static force_inline void mn_end(const struct mn_policy *policy, bool stack_is_empty)
{
    struct mn_worker *worker = mn_self();
    struct task *self = load_relaxed(&worker->base.current); /* owner only */
    count_up(&worker->counters.exits, 1);
    struct task *next = mn_next(policy, worker);
    if (stack_is_empty && next != NULL && next->stack == NULL) {
        next->stack = self->stack;
        next->context = self->context;
        race_release(worker);                       /* as mn_switch does */
        store_relaxed(&worker->base.current, next); /* owner only */
        limbo_quiet(&worker->base.epoch);
        store_relaxed(&self->state, (uint8_t)TASK_FREE);
        pool_put(&task_pool, &worker->tasks, self);
        if (unlikely(mn_tick(worker) % TICKS_PER_TIMER_CHECK == 0)) {
            mn_fire_at_work(worker);
        }
        return;
    }
    worker->previous = self;
    worker->commit = mn_bury;
    worker->commit_arg = self;
    race_release(self);
    mn_switch(policy, worker, &self->context, next, true);
    __builtin_unreachable();
}

/* The body of every stack. */
no_race_check static force_inline void mn_task_main(const struct mn_policy *policy, struct worker *started_on)
{
    context_started();
    mn_arrived(policy, (struct mn_worker *)(void *)started_on);
    for (;;) {
        struct task *self = load_relaxed(&worker_self()->current); /* owner only */
        race_acquire(self);
        if (unlikely(((float_control_read() ^ mn.float_control) & FLOAT_CONTROL_MASK) != 0)) {
            float_control_write(mn.float_control); /* the stack's last task had changed it */
        }
        store_relaxed(&self->state, (uint8_t)TASK_STARTED);
        load_relaxed (&self->fn)(self->arg);
        if (unlikely(worker_self() == NULL)) {
            task_lost();
        }
        if (unlikely(self->frames != NULL || self->recovered != NULL)) {
            frames_finish(self);
        }
        mn_end(policy, true);
    }
}

/* The functions of a scheduler's ops table, instantiated for its policy. */
#define MN_SCHEDULER(name, policy)                                                                                     \
    static void name##_entry(struct context *from, struct context *self, struct worker *worker)                        \
    {                                                                                                                  \
        (void)from;                                                                                                    \
        (void)self;                                                                                                    \
        mn_task_main(policy, worker);                                                                                  \
    }                                                                                                                  \
    static enum weft_status name##_run(const struct weft_options *options, task_fn fn, void *arg)                      \
    {                                                                                                                  \
        return mn_run(policy, options, fn, arg);                                                                       \
    }                                                                                                                  \
    no_race_check static inline enum weft_status name##_spawn(const char *label, task_fn fn, void *arg)                \
    {                                                                                                                  \
        return mn_spawn(policy, label, fn, arg);                                                                       \
    }                                                                                                                  \
    no_race_check static void name##_park(park_commit commit, void *arg, struct timer *timer)                          \
    {                                                                                                                  \
        mn_park(policy, commit, arg, timer);                                                                           \
    }                                                                                                                  \
    no_race_check static void name##_ready(struct task *task)                                                          \
    {                                                                                                                  \
        mn_ready(policy, task);                                                                                        \
    }                                                                                                                  \
    no_race_check static void name##_yield(void)                                                                       \
    {                                                                                                                  \
        mn_yield(policy);                                                                                              \
    }                                                                                                                  \
    no_race_check static void name##_poll(void)                                                                        \
    {                                                                                                                  \
        mn_poll(policy);                                                                                               \
    }                                                                                                                  \
    no_race_check static void __attribute__((noreturn)) name##_exit(void)                                              \
    {                                                                                                                  \
        mn_end(policy, false);                                                                                         \
        __builtin_unreachable();                                                                                       \
    }

#endif
