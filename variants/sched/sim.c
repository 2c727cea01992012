/* sim: a scheduler for tests: one worker, every choice from the seed, virtual time.
 *
 * Idea: whatever a scheduler is free to decide is decided by a generator: which task is next, whether a task gives way
 * at a public operation, and, as the generator of select is seeded too, which ready case. The clock moves a little with
 * each decision and each look at it, and jumps to the next timer when nobody can run. So a run is a function of its
 * seed: what fails once fails again, and sleeping costs nothing.
 * Source: random walk; and PCT: S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte, "A randomized scheduler with
 * probabilistic guarantees of finding bugs" (ASPLOS 2010): tasks have random priorities, the highest runs, and at a few
 * random moments the one that runs falls to the lowest. $WEFT_SIM is "random" or "pct"; else the seed chooses.
 * Guarantees: the same seed and program give the same trace (sched_counters.trace), as long as nothing from outside
 * decides: threads that spawn, files, addresses. A blocking call is awaited for up to 200 ms, every 64 decisions, so a
 * quick one always returns at the same point.
 * State: all the worker's own, but for `injected` (under its lock), `now` (written by the worker, read by all) and
 * `idle` (read by the monitor).
 * Invariants
 *   V1  heap[0 .. count) are the runnable tasks. PCT: a binary heap by task.token, the priority; random walk: in any
 *       order.
 *   V2  Who yields, and who is made to give way, gets a priority lower than any before, so that a loop of yields lets
 *       all others run.
 *   V3  idle is true only while nothing is runnable and no timer is armed.
 * Deviation from PCT: the number of steps is not known, so the moments come at random intervals, whose mean is chosen
 * by the seed between 8 and 8192.
 * Good at: finding orders that real schedulers rarely produce, and again. Bad at: everything else; it can't see weak
 * memory or races within an operation. */
#include "core/blocking.h"
#include "core/futex.h"
#include "core/mn.h"

#include <stdlib.h>
#include <string.h>

no_race_check_below;

enum { COMPLETION_PERIOD = 64, FIRST_INSTANT = 1000000000 };
static const weft_ns completion_ns = 200000000;
static const weft_ns outside_ns = 1000000;

static struct {
    struct task **heap;
    size_t count, room;
    struct worker dice; /* the generator of the scheduler's choices */
    bool pct;
    uint32_t interval;     /* mean number of chances between two moments at which a task has to give way */
    uint32_t until_moment; /* chances left */
    uint32_t lowest;       /* V2 */
    uint32_t decisions;
    _Atomic(uint64_t) trace;
    _Atomic(weft_ns) now;
    _Atomic(bool) idle;
    /* from outside */
    struct lock lock;
    struct task *injected_first, *injected_last;
    _Atomic(uint32_t) injections; /* futex word: counts them */
} sim;

/* --- choices ---------------------------------------------------------------------------------------- */

static uint32_t sim_below(uint32_t bound)
{
    return random_below(&sim.dice, bound);
}

static void sim_pass(uint32_t most_ns)
{
    /* the worker is the one writer */
    store_relaxed(&sim.now, load_relaxed(&sim.now) + 1 + (weft_ns)sim_below(most_ns));
}

static weft_ns sim_now(void)
{
    if (worker_self() != NULL) { /* a thread outside decides nothing */
        sim_pass(40);
    }
    return load_relaxed(&sim.now);
}

static uint32_t sim_next_interval(void)
{
    return 1 + sim_below(2 * sim.interval);
}

static void sim_note(uint64_t what)
{
    /* FNV-1a, a word at a time */
    store_relaxed(&sim.trace, (load_relaxed(&sim.trace) ^ what) * 0x100000001B3u);
}

/* --- the runnable ----------------------------------------------------------------------------------- */

static void sim_swap(size_t i, size_t j)
{
    struct task *task = sim.heap[i];
    sim.heap[i] = sim.heap[j];
    sim.heap[j] = task;
}

static uint32_t sim_priority(size_t i)
{
    return load_relaxed(&sim.heap[i]->token); /* the worker's own */
}

static void sim_add(struct task *task)
{
    if (sim.count == sim.room) {
        size_t room = sim.room == 0 ? 64 : 2 * sim.room;
        struct task **heap = realloc(sim.heap, room * sizeof(struct task *));
        if (heap == NULL) {
            fatal("sim: no memory for %zu runnable tasks", room);
        }
        sim.heap = heap;
        sim.room = room;
    }
    size_t i = sim.count++;
    sim.heap[i] = task;
    while (sim.pct && i > 0 && sim_priority(i) > sim_priority((i - 1) / 2)) {
        sim_swap(i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

static struct task *sim_take(size_t index)
{
    struct task *task = sim.heap[index];
    sim.heap[index] = sim.heap[--sim.count];
    for (size_t i = index; sim.pct;) { /* PCT takes the root only */
        size_t largest = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
            if (child < sim.count && sim_priority(child) > sim_priority(largest)) {
                largest = child;
            }
        }
        if (largest == i) {
            break;
        }
        sim_swap(i, largest);
        i = largest;
    }
    return task;
}

static void sim_push(struct mn_worker *worker, struct task *task, enum push_kind kind)
{
    (void)worker;
    if (kind == PUSH_SPAWN) {
        store_relaxed(&task->token, UINT32_MAX / 2 + sim_below(UINT32_MAX / 2)); /* the worker's own */
    } else if (kind == PUSH_YIELD) {
        store_relaxed(&task->token, --sim.lowest); /* V2 */
    }
    sim_add(task);
}

/* --- from outside ----------------------------------------------------------------------------------- */

static void sim_inject(struct task *task)
{
    task->next = NULL;
    lock_acquire(&sim.lock);
    if (sim.injected_first == NULL) {
        sim.injected_first = task;
    } else {
        sim.injected_last->next = task;
    }
    sim.injected_last = task;
    add_release(&sim.injections, 1u);
    lock_release(&sim.lock);
    futex_wake(&sim.injections, 1);
}

static void sim_take_injected(struct mn_worker *worker)
{
    lock_acquire(&sim.lock);
    struct task *task = sim.injected_first;
    sim.injected_first = NULL;
    lock_release(&sim.lock);
    while (task != NULL) {
        struct task *next = task->next;
        sim_push(worker, task,
                 load_relaxed(&task->state) == TASK_NEW ? PUSH_SPAWN : PUSH_READY); /* its owner is the worker now */
        task = next;
    }
}

/* --- decisions -------------------------------------------------------------------------------------- */

static struct task *sim_pop(struct mn_worker *worker)
{
    sim_pass(200);
    store_relaxed(&runtime.coarse_now, load_relaxed(&sim.now)); /* for reports */
    if (++sim.decisions % COMPLETION_PERIOD == 0) {
        if (blocking_out() != 0) {
            blocking_wait(blocking_returned(), clock_now() + completion_ns);
        }
        sim_take_injected(worker);
    }
    if (sim.count == 0) {
        return NULL;
    }
    struct task *task = sim_take(sim.pct ? 0 : sim_below((uint32_t)sim.count));
    sim_note(task->number);
    return task;
}

/* At a public operation: does the task give way? */
static bool sim_gives_way(struct mn_worker *worker)
{
    (void)worker;
    if (--sim.until_moment != 0) {
        return false;
    }
    sim.until_moment = sim_next_interval();
    return true;
}

/* Nobody is runnable: time passes, or somebody outside must help. */
static struct task *sim_find(struct mn_worker *worker)
{
    struct task *task = NULL;
    while (!load_relaxed(&mn.stop)) {
        uint32_t seen = load_acquire(&sim.injections);
        uint32_t returned = blocking_returned();
        bool out =
            blocking_out() != 0; /* before the look: what has come back by now is found, what has not is waited for */
        sim_take_injected(worker);
        if (sim.count == 0 && out) {
            blocking_wait(returned, clock_now() + completion_ns); /* a quick call comes before any timer */
            sim_take_injected(worker);
        }
        weft_ns first = load_relaxed(&worker->timers.first); /* the worker's own */
        if (sim.count == 0 && first != WEFT_FOREVER) {
            weft_ns now = load_relaxed(&sim.now);
            store_relaxed(&sim.now, first > now ? first : now);
            mn_fire_timers(worker);
        }
        if (sim.count != 0) { /* else nothing is decided: how often it looks depends on the real time */
            task = sim_pop(worker);
            break;
        }
        if (load_relaxed(&worker->timers.first) == WEFT_FOREVER) {
            store_seq_cst(&sim.idle, true); /* V3; against sim_stuck */
            futex_wait(&sim.injections, seen, clock_now() + outside_ns);
            store_seq_cst(&sim.idle, false);
        }
    }
    return task;
}

/* --- the variant ------------------------------------------------------------------------------------ */

static bool sim_watch(weft_ns now)
{
    (void)now;
    return !load_relaxed(&sim.idle); /* hint */
}

static bool sim_stuck(void)
{
    if (blocking_out() != 0) { /* first: what returns is injected before it is no longer out */
        return false;
    }
    lock_acquire(&sim.lock);
    bool stuck = sim.injected_first == NULL && load_seq_cst(&sim.idle) && !load_relaxed(&mn.stop);
    lock_release(&sim.lock);
    return stuck;
}

static bool sim_init(void)
{
    const char *strategy = getenv("WEFT_SIM");
    memset(&sim, 0, sizeof sim);
    store_relaxed(&sim.dice.random, random_seed(runtime.options.seed, 7)); /* no other thread yet */
    store_relaxed(&sim.now, (weft_ns)FIRST_INSTANT);
    store_relaxed(&sim.trace, 0xCBF29CE484222325u);
    bool chosen = sim_below(2) == 0;
    sim.pct = strategy == NULL ? chosen : strcmp(strategy, "pct") == 0;
    sim.interval = (uint32_t)8 << sim_below(11);
    sim.until_moment = sim_next_interval();
    sim.lowest = UINT32_MAX / 2;
    store_relaxed(&mn.workers[0].base.preempt,
                  (uint8_t)PREEMPT_HOG); /* for ever: each public operation asks sim_gives_way */
    return true;
}

static void sim_fini(void)
{
    free(sim.heap);
    sim.heap = NULL;
}

static void sim_counters(struct sched_counters *counters)
{
    mn_counters(counters);
    counters->trace = load_relaxed(&sim.trace);
}

static void sim_entry(struct context *from, struct context *self, struct worker *worker);

static const struct mn_policy sim_policy = {
    .workers_max = 1,
    .init = sim_init,
    .fini = sim_fini,
    .push = sim_push,
    .inject = sim_inject,
    .pop = sim_pop,
    .find = sim_find,
    .gives_way = sim_gives_way,
    .entry = sim_entry,
};

MN_SCHEDULER(sim, &sim_policy)

const struct sched_ops sim_ops = {
    .name = "sim",
    .summary = "for tests: one worker, every choice from the seed, virtual time",
    .caps = {.spawn_cheap = true, .virtual_time = true},
    .run = sim_run,
    .spawn = sim_spawn,
    .park = sim_park,
    .ready = sim_ready,
    .yield = sim_yield,
    .arm = mn_arm,
    .fire_due = mn_fire_due,
    .poll = sim_poll,
    .blocking = blocking_run,
    .now = sim_now,
    .watch = sim_watch,
    .stuck = sim_stuck,
    .exit = sim_exit,
    .oldest_epoch = mn_oldest_epoch,
    .counters = sim_counters,
    .visit = mn_visit,
};

no_race_check_end;
