#include "mn.h"

#include "blocking.h"
#include "futex.h"
#include "monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

no_race_check_below;

struct mn mn;

enum { BIND_ATTEMPTS = 1000 }; /* a millisecond each */
static const weft_ns trim_period_ns = 100000000;
static const weft_ns coarse_margin_ns = 250000000;
static const weft_ns hog_poll_ns = 10000000; /* one tick of the monitor */

/* --- sleeping and waking ---------------------------------------------------------------------------- */

void mn_idle_enter(struct mn_worker *worker)
{
    lock_acquire(&drivers.lock);
    store_relaxed(&worker->wake, 0u); /* others write it under the lock, and only while the worker is in the list */
    worker->idle = true;
    worker->idle_next = mn.idle_first;
    mn.idle_first = worker;
    add_seq_cst(&mn.idle_count, 1u); /* then the worker looks at the queues once more: see the policies */
    lock_release(&drivers.lock);
}

bool mn_idle_leave(struct mn_worker *worker)
{
    lock_acquire(&drivers.lock);
    bool was_idle = worker->idle;
    if (was_idle) {
        struct mn_worker **link = &mn.idle_first;
        while (*link != worker) {
            link = &(*link)->idle_next;
        }
        *link = worker->idle_next;
        worker->idle = false;
        sub_seq_cst(&mn.idle_count, 1u);
    }
    bool missed = drivers_missed();
    lock_release(&drivers.lock);
    if (unlikely(missed)) {
        monitor_look_soon();
    }
    return was_idle;
}

static weft_ns next_timer(void)
{
    weft_ns first = WEFT_FOREVER;
    for (unsigned i = 0; i < mn.count; i++) {
        weft_ns when = load_seq_cst(&mn.workers[i].timers.first);
        first = when < first ? when : first;
    }
    return first;
}

/* Does a sleeper look at the timers at `when` or before? */
static bool timer_is_watched(weft_ns when)
{
    for (unsigned i = 0; i < mn.count; i++) {
        if (load_seq_cst(&mn.workers[i].sleeps_until) <= when) {
            return true;
        }
    }
    return false;
}

bool mn_timer_is_left(void)
{
    weft_ns timer = next_timer();
    return timer != WEFT_FOREVER && !timer_is_watched(timer);
}

/* Deep stacks that came back are trimmed when their worker has nothing else to do, but not all the time. Returns an
 * instant by which the worker must be here again. */
static weft_ns trim_stacks(struct mn_worker *worker)
{
    if (worker->buried == 0) {
        return WEFT_FOREVER;
    }
    weft_ns now = clock_now();
    if (now - worker->trimmed_at < trim_period_ns) {
        return worker->trimmed_at + trim_period_ns;
    }
    stacks_trim(&worker->stacks);
    worker->buried = 0;
    worker->trimmed_at = now;
    return WEFT_FOREVER;
}

bool mn_sleep(struct mn_worker *worker, weft_ns latest)
{
    weft_ns trim = trim_stacks(worker);
    latest = trim < latest ? trim : latest;
    add_seq_cst(&mn.asleep, 1u); /* read by mn_stuck */
    /* seq_cst: "look at the timers, then say until when this worker sleeps", against mn_timer_armed, "arm, then look
     * who watches". If this worker missed the new timer, the arming one sees WEFT_FOREVER or a later instant, and
     * wakes. */
    weft_ns timer = next_timer();
    if (timer_is_watched(timer)) { /* one sleeper is enough; when it goes to work it hands over, if timers are left */
        timer = WEFT_FOREVER;
    }
    weft_ns deadline = timer < latest ? timer : latest;
    store_seq_cst(&worker->sleeps_until, deadline);
    store_release(&worker->base.epoch, LIMBO_ASLEEP); /* E1 */
    timer = next_timer();
    if (timer < deadline &&
        !timer_is_watched(timer)) { /* armed between the two: nobody may have seen this worker yet */
        deadline = 0;
    }
    bool chosen = true;
    while (load_acquire(&worker->wake) == 0) { /* A1 <- R1 (mn_wake_one) */
        count_up(&worker->counters.futex_calls, 1);
        if (futex_wait(&worker->wake, 0, deadline) == FUTEX_TIMED_OUT && mn_idle_leave(worker)) {
            chosen = false;
            break;
        }
    }
    sub_seq_cst(&mn.asleep, 1u); /* it has left the list of the idle before */
    store_seq_cst(&worker->sleeps_until, WEFT_FOREVER);
    limbo_quiet(&worker->base.epoch);
    return chosen;
}

void mn_hand_over(void)
{
    /* seq_cst: against mn_sleep, "enter the list, then look who watches"; this worker has taken itself back as a
     * watcher before */
    if (load_seq_cst(&mn.idle_count) != 0 && mn_timer_is_left()) {
        mn_wake_one();
    }
}

struct mn_worker *mn_choose_sleeper(void)
{
    struct mn_worker *worker = mn.idle_first;
    if (worker != NULL) {
        mn.idle_first = worker->idle_next;
        worker->idle = false;
        sub_seq_cst(&mn.idle_count, 1u);
        /* R1 -> A1: what the waker published before. Under the lock: a worker that finds itself chosen may enter the
         * list again at once, and must not be woken by then for the time before. */
        store_release(&worker->wake, 1u);
    }
    return worker;
}

bool mn_wake_one(void)
{
    struct driver *driver = NULL;
    bool lacking = false;
    lock_acquire(&drivers.lock);
    struct mn_worker *worker = mn_choose_sleeper();
    if (unlikely(worker == NULL && mn.listed_first != NULL && !load_relaxed(&mn.stop))) {
        driver = driver_give_listed();
        lacking = driver == NULL;
    }
    bool missed = drivers_missed();
    lock_release(&drivers.lock);
    if (unlikely(lacking)) {
        drivers_lack();
    }
    if (unlikely(missed)) {
        monitor_look_soon();
    }
    if (worker == NULL && driver == NULL) {
        return false;
    }
    struct mn_worker *self = mn_self();
    if (self != NULL) {
        count_up(&self->counters.wakes, 1);
        count_up(&self->counters.futex_calls, 1);
    }
    if (worker != NULL) {
        futex_wake(&worker->wake, 1); /* late is harmless: the sleeper looks at the word */
    } else {
        driver_wake(driver);
    }
    return true;
}

void mn_stop(void)
{
    store_seq_cst(&mn.stop, true);    /* before the wake-ups; a worker that enters the list later looks at it */
    store_seq_cst(&drivers.over, 1u); /* before drivers_join looks who is in a call */
    while (mn_wake_one()) {
    }
    futex_wake(&drivers.over, 1);
}

/* --- timers ----------------------------------------------------------------------------------------- */

bool mn_fire_timers(struct mn_worker *worker)
{
    if (next_timer() == WEFT_FOREVER) {
        return false;
    }
    bool fired = false;
    weft_ns now = weft_now(); /* which a scheduler may define */
    for (unsigned i = 0; i < mn.count; i++) {
        struct task *task = NULL;
        while (timers_expire_one(&mn.workers[i].timers, now, &task)) {
            fired = true;
            if (task != NULL) {
                race_release(task);
                mn.policy->push(worker, task, PUSH_TIMER);
            }
        }
    }
    return fired;
}

void mn_fire_at_work(struct mn_worker *worker)
{
    if (mn_fire_timers(worker)) {
        mn_hand_over();
    }
}

void mn_timer_armed(weft_ns when)
{
    /* seq_cst: against mn_sleep */
    if (load_seq_cst(&mn.idle_count) != 0 && !timer_is_watched(when)) {
        mn_wake_one();
    }
}

void mn_arm(struct timer *timer)
{
    weft_ns when = timer->when; /* once armed it may expire, and be gone */
    if (timer_arm(&mn_self()->timers, timer)) {
        mn_timer_armed(when);
    }
}

void mn_fire_due(void)
{
    /* Who looks at a timer in a loop must not pay for the clock each time. The coarse time is 10 ms old, 100 ms behind
     * a sleep of all workers, or, where the monitor gets no processor, as late as everything else then. */
    if (runtime.sched->now == NULL && next_timer() - load_relaxed(&runtime.coarse_now) > coarse_margin_ns) {
        return;
    }
    mn_fire_at_work(mn_self());
}

/* --- the monitor's ---------------------------------------------------------------------------------- */

/* A worker that has made no scheduling decision for one tick of the monitor runs one task all the time. */
static void say_hog(struct mn_worker *worker, weft_ns kept)
{
    struct task *task = load_relaxed(&worker->base.current);
    if (mn.hog_ns == 0 || kept < mn.hog_ns || worker->hog_said || task == NULL) {
        return;
    }
    char fn[256];
    const char *name = load_relaxed(&task->name);
    worker->hog_said = true;
    task_describe_fn(fn, sizeof fn, load_relaxed(&task->fn));
    dprintf(STDERR_FILENO,
            "weft: task %llu \"%s\" fn %s has kept worker %u for %lld ms; weft_poll() in its loop, or weft_blocking() "
            "around "
            "what blocks, lets others run\n",
            (unsigned long long)task->number, name == NULL ? "" : name, fn, worker->base.index,
            (long long)(kept / 1000000));
}

bool mn_watch(weft_ns now)
{
    unsigned busy = 0;
    bool moved = false;
    drivers_retry();
    for (unsigned i = 0; i < mn.count; i++) {
        struct mn_worker *worker = &mn.workers[i];
        uint32_t tick = load_relaxed(&worker->tick); /* hints, here and below */
        /* one in a call that is not listed is at work: its task may make one after the other; or it is blocked by it,
         * beside tasks of its own */
        bool asleep = load_relaxed(&worker->base.epoch) == LIMBO_ASLEEP && !driver_in_call(worker) &&
                      !load_relaxed(&worker->blocked);
        busy += asleep ? 0 : 1;
        moved = moved || tick != worker->tick_seen;
        if (asleep || tick != worker->tick_seen) {
            worker->tick_seen = tick;
            worker->tick_since = now;
            worker->hog_said = false;
        } else if (now - worker->tick_since >= hog_poll_ns) {
            if (load_relaxed(&worker->base.preempt) == PREEMPT_NONE) {
                store_relaxed(&worker->hog_tick, tick); /* hint */
                store_relaxed(&worker->base.preempt, (uint8_t)PREEMPT_HOG);
                count_up(&mn.hogs, 1);
            }
            worker->turn_at = now;
            say_hog(worker, now - worker->tick_since);
        }
        if (!asleep && now - worker->turn_at >= hog_poll_ns && mn.policy->any_hog != NULL && mn.policy->any_hog()) {
            store_relaxed(&worker->base.preempt, (uint8_t)PREEMPT_TURN);
            worker->turn_at = now;
        }
    }
    if (busy != 0 && mn_any_idle() && mn.policy->is_watched != NULL && !mn.policy->is_watched()) {
        mn_wake_one();
    }
    /* Or somebody has been, and others slept: who goes to work again and again would else wake the monitor each time
     * that it has become slow (monitor_hurry), on the way to his task. */
    return busy != 0 || (moved && mn.count > 1);
}

/* All workers are in the list of the idle, so nobody has been chosen, and within mn_sleep, so nobody has a task at
 * hand: they looked at the queues after the last push. What else could wake one is looked at under the lock, too:
 * before it, a task that has come back since could have armed a timer, and sleep by now. */
bool mn_stuck(void)
{
    if (load_seq_cst(&mn.stop)) {
        return false;
    }
    lock_acquire(&drivers.lock);
    bool all = drivers.out == 0 && load_seq_cst(&mn.idle_count) == mn.count && load_seq_cst(&mn.asleep) == mn.count &&
               blocking_out() == 0 && next_timer() == WEFT_FOREVER;
    lock_release(&drivers.lock);
    return all;
}

/* --- from outside ----------------------------------------------------------------------------------- */

no_race_check void mn_inject(struct task *task)
{
    mn.policy->inject(task);
    /* Whoever enters the list of the idle takes its lock after this, and then looks at the queues. */
    mn_wake_one();
}

no_race_check enum weft_status mn_spawn_outside(const char *name, task_fn fn, void *arg)
{
    lock_acquire(&mn.outside_lock);
    struct task *task = pool_get(&task_pool, &mn.outside_tasks);
    uint64_t spawns = load_relaxed(&mn.outside_spawns);
    if (task != NULL) {
        store_relaxed(&mn.outside_spawns, spawns + 1);
    }
    lock_release(&mn.outside_lock);
    if (task == NULL) {
        return WEFT_NOMEM;
    }
    mn_new_task(task, spawns * (mn.count + 1) + mn.count + 1, name, fn, arg);
    mn_inject(task);
    return WEFT_OK;
}

/* --- tasks ------------------------------------------------------------------------------------------ */

no_race_check void mn_bind(struct mn_worker *worker, struct task *task)
{
    for (unsigned attempt = 0; (task->stack = stack_get(&worker->stacks)) == NULL && attempt < BIND_ATTEMPTS;
         attempt++) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000},
                  NULL); /* the task exists: it can't be refused, and others may free some */
    }
    if (task->stack == NULL) {
        fatal("no memory for a stack of %zu bytes", runtime.options.stack_size);
    }
    race_acquire(task->stack); /* from mn_bury: what its last task did there */
    /* Tops of neighbouring stacks lie 64 bytes apart in their pages, so that they do not fight for one cache set:
     * Fibonacci hashing of the address. */
    size_t colour = (((uintptr_t)task->stack >> 12) * 0x9E3779B97F4A7C15u >> 60) * CACHE_LINE;
    context_init(&task->context, stack_low(task->stack), stack_usable() - colour, mn.policy->entry);
}

no_race_check bool mn_bury(void *arg)
{
    struct task *task = arg;
    struct mn_worker *worker = mn_self();
    context_fini(&task->context);
    race_release(task->stack);
    pool_put(&stack_pool, &worker->stacks, task->stack);
    worker->buried++;
    store_relaxed(&task->state, (uint8_t)TASK_FREE);
    pool_put(&task_pool, &worker->tasks, task);
    return true;
}

/* --- the run ---------------------------------------------------------------------------------------- */

/* The next task, for a driver that has none at hand; NULL: the run has ended. */
no_race_check static struct task *next_task(const struct mn_policy *policy, struct mn_worker *worker)
{
    struct task *task = worker->chosen ? NULL : mn_next(policy, worker);
    if (task == NULL) {
        task = policy->find(worker);
        worker->chosen = false; /* which concerns the first search only */
    } else {
        mn_hand_over(); /* as find() does: see mn_park */
    }
    return task;
}

/* In the first context of each driver. */
no_race_check bool mn_drive(struct driver *driver)
{
    struct task *task = NULL; /* at hand */
    if (driver->worker == NULL) {
        if (!driver_call_waiting(driver, &task)) {
            return false;
        }
    } else {
        worker_set_self(&driver->worker->base);
        limbo_quiet(&driver->worker->base.epoch);
    }
    struct mn_worker *worker = driver->worker;
    const struct mn_policy *policy =
        mn.policy; /* the worker is this run's, and as long as the thread has one, so will the next be */
    while (!load_relaxed(&mn.stop)) { /* relaxed: looked at again and again */
        if (task == NULL && driver->call != NULL) {
            if (!driver_call(driver, &task)) {
                return false;
            }
            worker = driver->worker;
        } else if (task == NULL && (task = next_task(policy, worker)) == NULL) {
            break;
        }
        if (task != NULL) {
            worker->previous = NULL;
            mn_switch(policy, worker, &driver->loop, task, false);
            task = NULL;
        }
    }
    race_acquire(worker); /* all that its tasks did: the run's end frees what they used */
    worker_set_self(NULL);
    return true;
}

/* The task leaves its stack, as a thread may have to do that goes on without it: see driver_call. */
no_race_check void mn_blocking(task_fn fn, void *arg)
{
    task_poll(); /* one call after the other is no decision */
    struct mn_worker *worker = mn_self();
    struct task *self = load_relaxed(&worker->base.current); /* owner only */
    struct call call = {.fn = fn, .arg = arg, .task = self};
    store_relaxed(&self->wait_object, (const void *)(uintptr_t)fn); /* for reports, like the next two */
    store_relaxed(&self->since, load_relaxed(&runtime.coarse_now));
    store_relaxed(&self->wait_reason, (uint8_t)WAIT_BLOCKING);
    load_relaxed(&worker->driver)->call = &call; /* its own */
    worker->previous = NULL;
    race_release(self);
    mn_switch(mn.policy, worker, &self->context, NULL, false);
    race_acquire(self);
    store_relaxed(&self->wait_reason, (uint8_t)WAIT_NONE);
}

static void worker_init(struct mn_worker *worker, unsigned index, uint64_t seed)
{
    worker->base.index = index;
    blocks_keep(&worker->base.blocks);
    limbo_quiet(&worker->base.epoch);
    store_relaxed(&worker->base.random, random_seed(seed, index)); /* no other thread yet */
    timers_init(&worker->timers);
    store_relaxed(&worker->sleeps_until, WEFT_FOREVER); /* no other thread yet */
}

/* The main task: its return, not its exit, ends the run. */
static void main_task(void *unused)
{
    (void)unused;
    weft_call(mn.main_fn, mn.main_arg); /* a panic that is recovered in it is a return */
    if (unlikely(worker_self() == NULL)) {
        task_lost();
    }
    mn_stop();
}

static enum weft_status spawn_main(void)
{
    worker_set_self(&mn.workers[0].base); /* this thread is about to drive that worker */
    enum weft_status status = mn_spawn(mn.policy, "main", main_task, NULL);
    worker_set_self(NULL);
    return status;
}

/* On the thread of weft_run's caller: drives the first worker, until the run has ended. */
static void drive_first(void)
{
    struct signal_stack signal_stack;
    signal_stack_install(&signal_stack, drivers.caller->signal_stack);
    context_init_thread(&drivers.caller->loop);
    if (!mn_drive(drivers.caller)) { /* a call has moved the worker to another thread */
        while (load_acquire(&drivers.over) == 0) {
            futex_wait(&drivers.over, 0, WEFT_FOREVER);
        }
    }
    signal_stack_remove(&signal_stack);
}

enum weft_status mn_run(const struct mn_policy *policy, const struct weft_options *options, task_fn fn, void *arg)
{
    if (policy->workers_max != 0 && options->workers > policy->workers_max) {
        runtime.options.workers = policy->workers_max; /* no other thread yet */
    }
    lock_acquire(&drivers.lock); /* a thread that is in a call of an older run may look for somebody to wake */
    mn = (struct mn){.policy = policy, .count = runtime.options.workers, .main_fn = fn, .main_arg = arg};
    lock_release(&drivers.lock);
    mn.float_control = float_control_read();
    mn.hog_ns = options_hog_ns();
    task_pools_reset(options->stack_size);
    enum weft_status status = WEFT_NOMEM;
    size_t size = sizeof(struct mn_worker) * mn.count;
    mn.workers = aligned_alloc(CACHE_LINE, size);
    if (mn.workers == NULL || !drivers_begin()) {
        free(mn.workers);
        return WEFT_NOMEM;
    }
    memset(mn.workers, 0, size);
    for (unsigned i = 0; i < mn.count; i++) {
        worker_init(&mn.workers[i], i, options->seed);
    }
    if (policy->init()) {
        run_observable(true);
        unsigned started = drivers_start(mn.count);
        if (started == mn.count) {
            status = spawn_main(); /* not before all threads are there: a run that fails has done nothing */
        }
        if (status == WEFT_OK) {
            drive_first();
        } else {
            mn_stop();
        }
        drivers_join(started);
        run_observable(false);
        for (unsigned i = 0; i < mn.count; i++) {
            limbo_retire(&mn.workers[i].base.limbo);
            blocks_drain(&mn.workers[i].base.blocks);
        }
        bool helped = blocking_end_run(); /* each for the schedulers that use it */
        if (drivers_end() || helped) {
            stacks_abandon();
        }
        policy->fini();
    } else {
        drivers_end();
    }
    task_pools_reset(options->stack_size);
    free(mn.workers);
    mn.workers = NULL;
    return status;
}

void mn_counters(struct sched_counters *counters)
{
    *counters = (struct sched_counters){0};
    for (unsigned i = 0; i < mn.count; i++) {
        struct mn_counters *worker = &mn.workers[i].counters;
        counters->spawns += load_relaxed(&worker->spawns);
        counters->exits += load_relaxed(&worker->exits);
        counters->switches += load_relaxed(&worker->switches);
        counters->parks += load_relaxed(&worker->parks);
        counters->wakes += load_relaxed(&worker->wakes);
        counters->futile_wakes += load_relaxed(&worker->futile_wakes);
        counters->steals_tried += load_relaxed(&worker->steals_tried);
        counters->steals_won += load_relaxed(&worker->steals_won);
        counters->futex_calls += load_relaxed(&worker->futex_calls);
    }
    counters->spawns += load_relaxed(&mn.outside_spawns);
    counters->hogs = load_relaxed(&mn.hogs);
}

uint64_t mn_oldest_epoch(void)
{
    uint64_t oldest = LIMBO_ASLEEP;
    for (unsigned i = 0; i < mn.count; i++) {
        uint64_t epoch = load_acquire(&mn.workers[i].base.epoch); /* E1 */
        oldest = epoch < oldest ? epoch : oldest;
    }
    return oldest;
}

void mn_visit(void (*visit)(struct task *task, void *arg), void *arg)
{
    task_pool_visit(visit, arg);
}

no_race_check_end;
