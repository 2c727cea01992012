/* steal: M:N, a queue for each worker, idle workers take from busy ones.
 *
 * Idea: a worker keeps its runnable tasks in a next-to-run slot and a bounded ring of its own; what does not fit goes
 * to a shared injector. The slot keeps tasks that talk to each other on one worker, with warm caches and without waking
 * anybody. A worker that runs dry searches, then watches, then sleeps.
 * Source: the ring and the search follow the Go runtime's scheduler (runtime/proc.go: runqput, runqgrab, findRunnable)
 * and D. Vyukov, "Scalable Go Scheduler Design Doc" (2012). Deviations: stealers take from the slot only when its
 * owner has scheduled nothing for a while (S4), and wake-ups go by that rule too.
 * Guarantees: a task in a ring or the injector is run after a bounded number of others (S3); not FIFO.
 * State
 *   next          written by the owner; taken by exchange, by owner or thief
 *   head          of the ring: advanced by CAS, by whoever takes; 32-bit, wraps, differences only
 *   tail          of the ring: written by the owner
 *   decisions     counts the owner's pops: a thief that sees it stand still knows that the owner is busy in a task
 *   pace          S5; written by the owner, and by who robs its slot; a hint
 *   hogs          (shared) S3; under the injector's lock
 *   searching     (shared) 1 while a worker searches, or has been woken to: nobody else is then. A hint: a worker that
 *                 was woken for a timer, from outside, or by the monitor also searches, and clears it
 *   watching      (shared) 1 while an idle worker watches (S4)
 *   stretch       (shared) S5: how long a worker has stayed at work, of late; a hint
 *   caller        (shared) who has woken a searcher, and its decisions then: if it has made none since, its slot is
 *                 what the wake-up was for.
 *                 A hint
 * Invariants
 *   S1  A task is in one place: a slot, a ring between head and tail, or the injector.
 *   S2  tail - head <= RING_SIZE: only the owner adds, and it re-reads head first.
 *   S3  Each 64th decision takes from the injector or the ring, in turns, and leaves the slot for later: a slot that is
 *       filled again and again (a ping-pong pair) starves neither. A task that yields goes behind the injector's, as in
 *       Go, so that one which spawns more than fits into a ring, and yields, is held up until they have run. A task
 *       that was made to give way after a time slice (a hog) waits in a queue of its own, for an idle worker, or for a
 *       turn that the monitor gives it each time that the others have had a slice: at their next poll, or the next 64th
 *       decision.
 *   S4  While a worker is busy and others idle, one of these watches: it looks again after at most 2 ms. A worker that
 *       goes back to work has one watch in its stead: at once if it was the watcher, took its task from another worker,
 *       or has more than that task at hand; else when it comes to have two, or with a 64th decision that comes not just
 *       behind its sleep. So a wake-up that is over by then, of a task that readies another and parks, wakes one worker
 *       only. What is left to the monitor, which is hurried, and looks each 10 ms: a single task in the slot of a
 *       worker that has woken up while all slept, was quick of late, and now computes.
 *       A missed wake-up (push does not fence its store against its load of idle_count), or a task in the slot of a
 *       worker that computes, costs parallelism until the next look, and never a task: the owner runs what it has.
 *   S5  What waits is worth a wake-up, or a theft, if its wait is longer than what that costs: the number of tasks
 *       before it times the worker's pace, ns from decision to decision over the last 64; or if the worker stands
 *       still. So tasks that talk stay together. The pace may be stale for 64 decisions. After a sleep it is unknown,
 *       hence long; but where all others sleep too, and workers have not stayed at work for long of late, such that one
 *       task is not worth a wake-up, and two are. A worker whose slot was robbed because it stood still has none.
 *   S6  A worker that is in a call (core/driver.h) has its slot and its ring, from which others take as from one that
 *       stands still. Once the call lasts they are emptied into the injector: a worker in the list of the idle has
 *       nothing of its own, watches nobody, and is not the searcher. So a thread is given it at once if others are at
 *       work and nobody watches (is_watched); and by who wakes one to search, and finds that no other thread sleeps
 *       (worker.chosen).
 * Ordering
 *   R1 tail release -> A1 tail acquire (thief): the entries behind it, and the tasks they name
 *   R2 head CAS acq_rel -> A2 head acquire (owner): the entry has been read before the owner overwrites it
 *   R3 next exchange acq_rel, both sides
 *   The injector is under its lock.
 * Cost: with one worker no read-modify-write on any path here. With more: one exchange a task through the slot, one CAS
 * a task through the ring.
 * Good at: fine-grained tasks, fork-join, talkers. Bad at: strict fairness. */
#include "core/mn.h"
#include "core/monitor.h"

#include <stdlib.h>
#include <string.h>

no_race_check_below;

enum {
    RING_SIZE = 256,
    FAIR_PERIOD = 64,      /* S3 */
    SEARCH_ROUNDS = 100,   /* some 20 us: about the price of a sleep and a wake-up */
    STILL_ROUNDS = 8,      /* of these: some 2 us */
    WORTH_STEAL_NS = 3000, /* S5 */
    WORTH_WAKE_NS = 10000, /* S5 */
    PACE_UNKNOWN = INT32_MAX,
    WATCH_FIRST_NS = 50000,
    WATCH_LAST_NS = 2000000,
    QUICK_STRETCH_NS = 20000,   /* S5: two workers would take as long, with the wake-up */
    STRETCH_FIRST_NS = 1000000, /* S5: as long as it takes some short ones to tell */
};

struct steal_local {
    /* the owner's, read by thieves */
    _Alignas(CACHE_LINE) _Atomic(struct task *) next;
    _Atomic(uint32_t) tail;
    _Atomic(uint32_t) decisions;
    _Atomic(int32_t) pace;   /* S5: ns from decision to decision, of late */
    uint32_t paced_decision; /* the owner's only, like all below: where the measuring of the pace began */
    weft_ns paced_at;
    weft_ns worked_at; /* when it last went to work */
    bool leaves_watch; /* S4: it was the watcher, or robbed another: somebody must watch in its stead */
    uint32_t *seen;    /* the decisions of all workers at the last look */
    /* thieves' and the owner's */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) head;
    _Alignas(CACHE_LINE) _Atomic(struct task *) ring[RING_SIZE];
};

/* First in, first out, under steal_shared's lock. */
struct steal_queue {
    struct task *first, *last;
    _Atomic(uint32_t) length; /* written under the lock; read as a hint */
};

struct steal_shared {
    _Alignas(CACHE_LINE) struct lock lock;
    struct steal_queue injector;
    struct steal_queue hogs; /* S3 */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) searching;
    _Atomic(uint32_t) watching;
    _Atomic(uint64_t) caller; /* index << 32 | decisions */
    _Atomic(weft_ns) stretch; /* S5 */
    struct steal_local locals[];
};

static struct steal_shared *steal_shared;

static force_inline struct steal_local *steal_local(const struct mn_worker *worker)
{
    return worker->local;
}

/* --- the injector ----------------------------------------------------------------------------------- */

static cold_function void steal_append(struct steal_queue *queue, struct task *first, struct task *last, uint32_t count)
{
    last->next = NULL;
    lock_acquire(&steal_shared->lock);
    if (queue->first == NULL) {
        queue->first = first;
    } else {
        queue->last->next = first;
    }
    queue->last = last;
    store_relaxed(&queue->length, load_relaxed(&queue->length) + count); /* under the lock: one writer */
    lock_release(&steal_shared->lock);
}

static force_inline struct task *steal_take_first(struct steal_queue *queue)
{
    if (load_relaxed(&queue->length) == 0) { /* hint, revalidated under the lock */
        return NULL;
    }
    lock_acquire(&steal_shared->lock);
    struct task *task = queue->first;
    if (task != NULL) {
        queue->first = task->next;
        if (task->next != NULL) {
            task_warm(task->next);
        }
        store_relaxed(&queue->length, load_relaxed(&queue->length) - 1); /* under the lock */
    }
    lock_release(&steal_shared->lock);
    return task;
}

static void steal_inject(struct task *first, struct task *last, uint32_t count)
{
    steal_append(&steal_shared->injector, first, last, count);
}

static struct task *steal_take_injected(void)
{
    return steal_take_first(&steal_shared->injector);
}

static struct task *steal_pop_hog(struct mn_worker *worker)
{
    (void)worker;
    return steal_take_first(&steal_shared->hogs);
}

static bool steal_any_hog(void)
{
    return load_relaxed(&steal_shared->hogs.length) != 0;
}

/* --- the ring --------------------------------------------------------------------------------------- */

/* The ring is full: half of it and the new task go to the injector. False: thieves made room meanwhile. */
static cold_function bool steal_overflow(struct steal_local *local, struct task *task, uint32_t head)
{
    enum { HALF = RING_SIZE / 2 };
    struct task *batch[HALF];
    for (uint32_t i = 0; i < HALF; i++) {
        batch[i] = load_relaxed(&local->ring[(head + i) % RING_SIZE]); /* owner's own writes; the CAS validates */
    }
    if (!cas_acq_rel(&local->head, &head, head + HALF)) { /* R2 */
        return false;
    }
    for (uint32_t i = 0; i + 1 < HALF; i++) {
        batch[i]->next = batch[i + 1];
    }
    batch[HALF - 1]->next = task;
    steal_inject(batch[0], task, HALF + 1);
    return true;
}

static inline void steal_ring_push(struct steal_local *local, struct task *task)
{
    for (;;) {
        uint32_t head = load_acquire(&local->head); /* A2 */
        uint32_t tail = load_relaxed(&local->tail); /* owner only */
        if (likely(tail - head < RING_SIZE)) {
            store_relaxed(&local->ring[tail % RING_SIZE], task); /* R1 publishes it */
            store_release(&local->tail, tail + 1);               /* R1 -> A1 */
            return;
        }
        if (steal_overflow(local, task, head)) {
            return;
        }
    }
}

static inline struct task *steal_ring_pop(struct steal_local *local)
{
    uint32_t head = load_acquire(&local->head); /* A2: thieves' too */
    for (;;) {
        uint32_t tail = load_relaxed(&local->tail); /* owner only */
        if (head == tail) {
            return NULL;
        }
        struct task *task = load_relaxed(&local->ring[head % RING_SIZE]); /* owner's own write */
        if (mn.count == 1) {
            store_relaxed(&local->head, head + 1); /* no thieves */
            return task;
        }
        if (cas_weak_acq_rel(&local->head, &head, head + 1)) { /* R2 */
            return task;
        }
    }
}

/* Moves half of the victim's ring to the thief's, which is empty; returns one of them to run. */
static struct task *steal_half(struct steal_local *thief, struct steal_local *victim)
{
    uint32_t head = load_acquire(&victim->head); /* A2 */
    for (;;) {
        uint32_t tail = load_acquire(&victim->tail); /* A1 <- R1 */
        uint32_t count = tail - head;
        count -= count / 2;
        if (count == 0) {
            return NULL;
        }
        if (count > RING_SIZE / 2) { /* head and tail were read at different times */
            head = load_acquire(&victim->head);
            continue;
        }
        uint32_t to = load_relaxed(&thief->tail); /* owner only */
        for (uint32_t i = 0; i < count; i++) {
            struct task *task = load_relaxed(&victim->ring[(head + i) % RING_SIZE]); /* the CAS validates */
            store_relaxed(&thief->ring[(to + i) % RING_SIZE], task);                 /* beyond tail: unseen */
        }
        if (cas_weak_acq_rel(&victim->head, &head, head + count)) { /* R2 */
            struct task *task = load_relaxed(&thief->ring[(to + count - 1) % RING_SIZE]);
            store_release(&thief->tail, to + count - 1); /* R1 -> A1 */
            return task;
        }
    }
}

/* --- push and pop ----------------------------------------------------------------------------------- */

/* A worker is asleep and nobody searches: one is woken to search. */
static cold_function void steal_wake_searcher(const struct mn_worker *worker)
{
    uint32_t none = 0;
    /* CAS: one pusher wakes; relaxed would do, what the searcher looks at is ordered by the queues */
    if (load_relaxed(&steal_shared->searching) == 0 && cas_acquire(&steal_shared->searching, &none, 1u)) {
        uint64_t decisions = load_relaxed(&steal_local(worker)->decisions);                   /* owner only */
        store_relaxed(&steal_shared->caller, (uint64_t)worker->base.index << 32 | decisions); /* hint */
        if (!mn_wake_one()) {
            store_release(&steal_shared->searching, 0u);
        }
    }
}

/* S4: others are idle; if none of them is about to look, one is woken. */
static cold_function void steal_be_watched(const struct mn_worker *worker)
{
    if (load_relaxed(&steal_shared->watching) == 0) { /* hint */
        steal_wake_searcher(worker);
    }
}

static force_inline struct task *steal_swap_next(struct steal_local *local, struct task *task)
{
    if (mn.count == 1) { /* no thieves: plain */
        struct task *old = load_relaxed(&local->next);
        store_relaxed(&local->next, task);
        return old;
    }
    return exchange_acq_rel(&local->next, task); /* R3 */
}

static void steal_inject_outside(struct task *task)
{
    steal_inject(task, task, 1);
}

static force_inline uint32_t steal_queued(const struct steal_local *local)
{
    return load_relaxed(&local->tail) -
           load_relaxed(&local->head); /* hints, for a thief; may be off while others take */
}

/* Beside the slot: what this worker could run. */
static force_inline bool steal_more_waits(const struct steal_local *local)
{
    return steal_queued(local) != 0 || load_relaxed(&steal_shared->injector.length) != 0; /* hints */
}

/* S5: how long the last of `before` + 1 tasks has to wait. */
static force_inline int64_t steal_wait_ns(const struct steal_local *local, uint32_t before)
{
    return ((int64_t)before + 1) * load_relaxed(&local->pace); /* hint */
}

/* S5: the pace since the last look, each time that S3 asks for something else too. False: the worker slept not long
 * ago. */
static cold_function bool steal_measure(struct steal_local *local, uint32_t decisions)
{
    weft_ns now = clock_now();
    uint32_t made = decisions - local->paced_decision;
    bool many = made >= FAIR_PERIOD / 2;
    if (many) {
        weft_ns pace = (now - local->paced_at) / made;
        store_relaxed(&local->pace, pace < PACE_UNKNOWN ? (int32_t)pace : PACE_UNKNOWN); /* hint */
    }
    local->paced_at = now;
    local->paced_decision = decisions;
    return many;
}

no_race_check static inline void steal_push(struct mn_worker *worker, struct task *task, enum push_kind kind)
{
    struct steal_local *local = steal_local(worker);
    bool in_ring = kind == PUSH_YIELD || kind == PUSH_TIMER;
    if (kind == PUSH_HOG) {
        steal_append(&steal_shared->hogs, task, task, 1);                                 /* S3 */
    } else if (kind == PUSH_YIELD && load_relaxed(&steal_shared->injector.length) != 0) { /* hint */
        steal_inject(task, task, 1); /* S3: behind those that did not fit into the ring */
    } else if (in_ring) {
        steal_ring_push(local, task);
    } else {
        struct task *displaced = steal_swap_next(local, task);
        if (displaced != NULL) {
            steal_ring_push(local, displaced);
        }
    }
    uint32_t before = steal_queued(local);
    before -= in_ring && before != 0 ? 1 : 0; /* itself */
    /* hints: S4, S5 */
    if (unlikely(mn_any_idle()) && (kind == PUSH_HOG || steal_wait_ns(local, before) >= WORTH_WAKE_NS)) {
        steal_wake_searcher(worker);
    }
}

/* S4: others are idle, and this worker goes on. */
static cold_function void steal_look_behind(const struct mn_worker *worker)
{
    if (load_relaxed(&steal_shared->watching) == 0 && steal_more_waits(steal_local(worker))) { /* hint */
        steal_wake_searcher(worker);
    }
}

/* The next of what is at hand. */
no_race_check static force_inline struct task *steal_take(struct mn_worker *worker)
{
    struct steal_local *local = steal_local(worker);
    struct task *task = NULL;
    if (load_relaxed(&local->next) != NULL) { /* hint: only a thief could take it, by exchange */
        task = steal_swap_next(local, NULL);
    }
    if (task == NULL) {
        task = steal_ring_pop(local);
        task = task != NULL ? task : steal_take_injected();
        task = task != NULL ? task : steal_pop_hog(worker);
    }
    if (unlikely(mn_any_idle())) {
        steal_look_behind(worker);
    }
    return task;
}

no_race_check static inline struct task *steal_pop(struct mn_worker *worker)
{
    struct steal_local *local = steal_local(worker);
    uint32_t decisions = load_relaxed(&local->decisions) + 1;
    store_relaxed(&local->decisions, decisions);                /* hint for thieves */
    if (unlikely(decisions % FAIR_PERIOD == 0)) {               /* S3 */
        bool injector_first = decisions / FAIR_PERIOD % 2 == 0; /* in turns, so that neither starves the other */
        if (steal_measure(local, decisions) && mn_any_idle()) {
            steal_be_watched(worker); /* S4 */
        }
        if (unlikely(load_relaxed(&worker->base.preempt) == PREEMPT_TURN)) { /* hint; and nobody has polled since */
            store_relaxed(&worker->base.preempt, (uint8_t)PREEMPT_NONE);
            struct task *hog = steal_pop_hog(worker);
            if (hog != NULL) {
                return hog;
            }
        }
        struct task *task = injector_first ? steal_take_injected() : steal_ring_pop(local);
        if (task == NULL) {
            task = injector_first ? steal_ring_pop(local) : steal_take_injected();
        }
        if (task != NULL) {
            return task;
        }
    }
    return steal_take(worker);
}

/* --- search, watch, sleep --------------------------------------------------------------------------- */

static force_inline bool steal_stands_still(const struct steal_local *victim, unsigned index, const uint32_t *seen)
{
    return load_relaxed(&victim->decisions) == seen[index]; /* hint */
}

/* From those whose tasks wait for long (S5): by their pace, or, if `still`, because they have decided nothing since
 * `seen` was filled in. */
static struct task *steal_from_rings(struct mn_worker *worker, const uint32_t *seen, bool still)
{
    unsigned start = random_below(&worker->base, mn.count);
    for (unsigned i = 0; i < mn.count; i++) {
        unsigned index = (start + i) % mn.count;
        struct steal_local *victim = &steal_shared->locals[index];
        uint32_t queued = steal_queued(victim);
        if (index == worker->base.index || queued == 0 ||
            (steal_wait_ns(victim, queued) < WORTH_STEAL_NS && !(still && steal_stands_still(victim, index, seen)))) {
            continue;
        }
        count_up(&worker->counters.steals_tried, 1);
        struct task *task = steal_half(steal_local(worker), victim);
        if (task != NULL) {
            count_up(&worker->counters.steals_won, 1);
            steal_local(worker)->leaves_watch = true;
            return task;
        }
    }
    return NULL;
}

/* Takes from the slot of a worker that has decided nothing since `seen` was filled in, and is not known to be quick
 * (or: `any`). */
static struct task *steal_from_slots(struct mn_worker *worker, const uint32_t *seen, bool any)
{
    for (unsigned index = 0; index < mn.count; index++) {
        struct steal_local *victim = &steal_shared->locals[index];
        if (index == worker->base.index || load_relaxed(&victim->next) == NULL ||
            !steal_stands_still(victim, index, seen) || (!any && steal_wait_ns(victim, 0) < WORTH_STEAL_NS)) {
            continue; /* hints: a wrong guess costs locality only */
        }
        struct task *task = exchange_acq_rel(&victim->next, NULL); /* R3 */
        if (task != NULL) {
            store_relaxed(&victim->pace, (int32_t)PACE_UNKNOWN); /* hint: S5 */
            count_up(&worker->counters.steals_won, 1);
            steal_local(worker)->leaves_watch = true;
            return task;
        }
    }
    return NULL;
}

/* What the worker was woken for: the caller has thought its slot worth it, and decided nothing since. */
static struct task *steal_from_caller(struct mn_worker *worker)
{
    uint64_t caller = load_relaxed(&steal_shared->caller); /* hint */
    struct steal_local *victim = &steal_shared->locals[caller >> 32];
    if (victim == steal_local(worker) || load_relaxed(&victim->decisions) != (uint32_t)caller || /* hints */
        load_relaxed(&victim->next) == NULL) {
        return NULL;
    }
    struct task *task = exchange_acq_rel(&victim->next, NULL); /* R3 */
    if (task != NULL) {
        count_up(&worker->counters.steals_won, 1);
        steal_local(worker)->leaves_watch = true;
    }
    return task;
}

static void steal_note_decisions(uint32_t *seen)
{
    for (unsigned index = 0; index < mn.count; index++) {
        seen[index] = load_relaxed(&steal_shared->locals[index].decisions); /* hint */
    }
}

static struct task *steal_look(struct mn_worker *worker, const uint32_t *seen, bool still)
{
    mn_fire_timers(worker);
    struct task *task = steal_take(worker); /* no decision: thieves and the pace count those of a worker with tasks */
    return task != NULL ? task : steal_from_rings(worker, seen, still);
}

/* Is there anybody to take from? What comes from outside, or by a timer, wakes a sleeper. */
static bool steal_all_others_sleep(void)
{
    return load_relaxed(&mn.idle_count) + 1 >= mn.count; /* hint */
}

static struct task *steal_search(struct mn_worker *worker, uint32_t *seen)
{
    if (steal_all_others_sleep()) {
        return steal_look(worker, NULL, false);
    }
    for (unsigned round = 0; round < SEARCH_ROUNDS && !load_relaxed(&mn.stop); round++) {
        bool still = round % STILL_ROUNDS == STILL_ROUNDS - 1;
        if (round % STILL_ROUNDS == 0) {
            steal_note_decisions(seen);
        }
        struct task *task = steal_look(worker, seen, still);
        if (task == NULL && still) {
            task = steal_from_slots(worker, seen, false);
        }
        if (task != NULL) {
            return task;
        }
        for (unsigned i = 0; i < 8; i++) {
            cpu_relax();
        }
    }
    return NULL;
}

/* S5: the pace of what is to come. */
static void steal_expect(struct steal_local *local)
{
    bool quick = steal_all_others_sleep() && load_relaxed(&steal_shared->stretch) < QUICK_STRETCH_NS; /* hint */
    store_relaxed(&local->pace, quick ? WORTH_WAKE_NS / 2 : PACE_UNKNOWN);                            /* hint */
}

/* A worker that goes back to work: if others are asleep, one of them must watch in its stead: the timers at once, the
 * others as S4 says. */
static void steal_go_to_work(struct mn_worker *worker)
{
    struct steal_local *local = steal_local(worker);
    local->paced_decision = load_relaxed(&local->decisions); /* owner only */
    local->paced_at = local->worked_at = clock_now();
    steal_expect(local);
    if (mn_any_idle()) {
        if (local->leaves_watch || steal_more_waits(local) || load_relaxed(&local->next) != NULL) { /* hints */
            steal_be_watched(worker);
        } else {
            monitor_hurry();
        }
    }
    mn_hand_over();
}

/* Sleeps until woken to search (true), or until it is time to watch or to fire a timer (false). *task: what turned up
 * on the way. */
static bool steal_sleep(struct mn_worker *worker, weft_ns watch, struct task **task)
{
    steal_note_decisions(steal_local(worker)->seen);
    mn_idle_enter(worker);
    *task = steal_look(worker, NULL, false);       /* what was pushed before this worker could be seen to sleep */
    if (*task != NULL || load_seq_cst(&mn.stop)) { /* seq_cst: mn_stop stores it, then wakes the list */
        return !mn_idle_leave(worker); /* chosen meanwhile: then it is the searcher, and says that it is done */
    }
    bool all_idle = load_relaxed(&mn.idle_count) == mn.count; /* S4 concerns busy workers */
    uint32_t none = 0;
    bool watches = !all_idle && cas_acquire(&steal_shared->watching, &none, 1u); /* one does; no data behind it */
    steal_local(worker)->leaves_watch = watches;
    bool chosen = mn_sleep(worker, watches ? weft_now() + watch : WEFT_FOREVER);
    if (watches) {
        store_release(&steal_shared->watching, 0u);
    }
    if (chosen) {
        return true;
    }
    *task = steal_from_rings(worker, steal_local(worker)->seen, true);
    if (*task == NULL) {
        *task = steal_from_slots(worker, steal_local(worker)->seen, true);
    }
    return false;
}

static struct task *steal_find(struct mn_worker *worker)
{
    weft_ns watch = WATCH_FIRST_NS;
    uint32_t none = 0;
    steal_local(worker)->leaves_watch = false;
    bool woken = worker->chosen; /* by a thread that drives a worker from a call: see core/driver.h */
    if (!woken) {                /* else it has not worked */
        weft_ns stretch = load_relaxed(&steal_shared->stretch); /* hints: one of two that write at a time is lost */
        store_relaxed(&steal_shared->stretch, stretch + (clock_now() - steal_local(worker)->worked_at - stretch) / 4);
    }
    bool searcher = cas_acquire(&steal_shared->searching, &none, 1u) || woken; /* at most one searches */
    struct task *task = NULL;
    while (task == NULL && !load_relaxed(&mn.stop)) { /* looked at again after each sleep */
        task = woken ? steal_from_caller(worker) : NULL;
        if (task == NULL) {
            task = searcher ? steal_search(worker, steal_local(worker)->seen) : steal_look(worker, NULL, false);
        }
        if (searcher) {
            store_release(&steal_shared->searching, 0u);
        }
        if (task == NULL) {
            count_up(&worker->counters.futile_wakes, woken ? 1 : 0);
            searcher = woken = steal_sleep(worker, watch, &task);
            steal_expect(steal_local(worker)); /* what it fires now is pushed by that */
            watch = watch < WATCH_LAST_NS ? watch * 2 : WATCH_LAST_NS;
        }
    }
    if (searcher) {
        store_release(&steal_shared->searching, 0u);
    }
    if (task != NULL) {
        steal_go_to_work(worker);
    }
    return task;
}

/* S6: a worker from a call goes back to work. */
static void steal_resume(struct mn_worker *worker)
{
    steal_local(worker)->leaves_watch = false;
    steal_go_to_work(worker);
}

/* S6. A searcher that clears its flag takes the lock under which this is asked, and looks once more, before it sleeps;
 * or it goes to work, and then S4 holds. */
static bool steal_any_work(struct mn_worker *worker, bool listed)
{
    if (listed && load_relaxed(&steal_shared->searching) != 0) { /* hint */
        return false;
    }
    bool any = load_relaxed(&steal_local(worker)->next) != NULL || load_relaxed(&steal_shared->injector.length) != 0 ||
               steal_any_hog(); /* hints */
    for (unsigned i = 0; i < mn.count && !any; i++) {
        any = steal_queued(&steal_shared->locals[i]) != 0;
    }
    return any;
}

/* S6: by the monitor, which has the worker for now. */
static void steal_leave(struct mn_worker *worker)
{
    struct steal_local *local = steal_local(worker);
    struct task *first = NULL, **link = &first, *last = NULL;
    uint32_t count = 0;
    struct task *task = steal_swap_next(local, NULL);
    task = task != NULL ? task : steal_ring_pop(local);
    while (task != NULL) {
        *link = last = task;
        link = &task->next;
        count++;
        task = steal_ring_pop(local);
    }
    if (count != 0) {
        steal_inject(first, last, count);
    }
}

/* The monitor's look at S4. */
static bool steal_is_watched(void)
{
    return load_relaxed(&steal_shared->watching) != 0 || load_relaxed(&steal_shared->searching) != 0; /* hints */
}

/* --- the variant ------------------------------------------------------------------------------------ */

static void steal_fini(void)
{
    free(steal_shared->locals[0].seen);
    free(steal_shared);
    steal_shared = NULL;
}

static bool steal_init(void)
{
    size_t size = sizeof *steal_shared + mn.count * sizeof steal_shared->locals[0];
    steal_shared = aligned_alloc(CACHE_LINE, size);
    if (steal_shared == NULL) {
        return false;
    }
    memset(steal_shared, 0, size);
    store_relaxed(&steal_shared->stretch, (weft_ns)STRETCH_FIRST_NS); /* no other thread yet */
    uint32_t *seen = calloc((size_t)mn.count * mn.count, sizeof *seen);
    if (seen == NULL) {
        free(steal_shared);
        return false;
    }
    for (unsigned i = 0; i < mn.count; i++) {
        steal_shared->locals[i].seen = seen + (size_t)i * mn.count;
        store_relaxed(&steal_shared->locals[i].pace, (int32_t)PACE_UNKNOWN); /* no other thread yet */
        steal_shared->locals[i].worked_at = clock_now();
        mn.workers[i].local = &steal_shared->locals[i];
    }
    return true;
}

static void steal_entry(struct context *from, struct context *self, struct worker *worker);

static const struct mn_policy steal_policy = {
    .init = steal_init,
    .fini = steal_fini,
    .push = steal_push,
    .inject = steal_inject_outside,
    .pop = steal_pop,
    .find = steal_find,
    .any_work = steal_any_work,
    .leave = steal_leave,
    .resume = steal_resume,
    .pop_hog = steal_pop_hog,
    .any_hog = steal_any_hog,
    .is_watched = steal_is_watched,
    .entry = steal_entry,
};

MN_SCHEDULER(steal, &steal_policy)

const struct sched_ops steal_ops = {
    .name = "steal",
    .summary = "M:N, a next-to-run slot and a bounded ring a worker, work stealing",
    .caps = {.stealing = true, .fair = true, .spawn_cheap = true},
    .run = steal_run,
    .spawn = steal_spawn,
    .park = steal_park,
    .ready = steal_ready,
    .yield = steal_yield,
    .arm = mn_arm,
    .fire_due = mn_fire_due,
    .poll = steal_poll,
    .blocking = mn_blocking,
    .look = drivers_look,
    .watch = mn_watch,
    .stuck = mn_stuck,
    .exit = steal_exit,
    .oldest_epoch = mn_oldest_epoch,
    .counters = mn_counters,
    .visit = mn_visit,
};

no_race_check_end;
