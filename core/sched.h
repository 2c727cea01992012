/* What a scheduler is, and the contract of park and ready.
 *
 * THE CONTRACT. park(commit, arg, timer) stops the calling task. When the task can no longer touch its stack or
 * its registers -- an M:N scheduler has switched to another stack, a thread is about to block on its own word --
 * the scheduler calls commit(arg) on its behalf. From the moment in which commit makes the task visible to
 * others (it releases a lock under which the task was queued, or wins a compare-and-swap) any thread may call
 * ready(task), once. commit's result:
 *   true   the task is parked: exactly one ready() will come, or has come already, for this park();
 *   false  the wait was over before it began: nobody will call ready(), the scheduler makes the task runnable.
 * park() returns after that one ready(), never before and never for another reason.
 *
 * PROOF that no wake-up is lost and no task is resumed while its registers are being saved.
 *   P1  A waker calls ready(task) only after it claimed the wait (wait.h): by taking the waiter out of a queue
 *       under that queue's lock, or by the compare-and-swap PARKED -> WON on the wait's word. One claim succeeds.
 *   P2  Neither is possible before commit: the lock is released by commit; PARKED is stored by commit. Commit
 *       runs after the registers have been saved (it is the next context that calls it) and, on that thread, in
 *       program order behind them; lock release / acquire, or the CAS pair, orders them before the waker.
 *   P3  A waker that claims earlier (OPEN -> WON, before commit) does not call ready(); commit's own CAS
 *       OPEN -> PARKED fails, commit returns false, and the task is made runnable. So in each order of commit and
 *       claim exactly one party makes the task runnable.
 *   P4  ready() publishes the task through the scheduler's queue or word (release -> acquire), hence whoever
 *       resumes it sees its saved context and all that the waker wrote.
 *   There is no token that could be left over, so no spurious return, and a stale ready() can't happen: after its
 *   claim the waker is the one party that the task waits for.
 *
 * With a timer, the scheduler calls timer->expire() once timer->when has passed, before or after the commit; it is a
 * claimer like any other (what it returns it has won, and had parked, so the scheduler readies it). When park() has
 * returned the timer is disarmed. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "block.h"
#include "limbo.h"
#include "overflow.h"
#include "task.h"
#include "timer.h"
#include "weft.h"

typedef bool (*park_commit)(void *arg);

struct sched_caps {
    bool os_threads;   /* a task is an OS thread: waiting on a word is the kernel's futex */
    bool stealing;     /* workers take work from each other */
    bool fair;         /* a runnable task is run after a bounded number of others */
    bool spawn_cheap;  /* a spawn costs less than a microsecond: benchmarks may spawn by the million */
    bool virtual_time; /* for tests: its clock is its own, and what it measures means nothing */
};

/* Events since the start of the run, summed over the workers. */
struct sched_counters {
    uint64_t spawns, exits, switches, parks;
    uint64_t wakes, futile_wakes; /* of sleeping workers; those that found nothing to do */
    uint64_t steals_tried, steals_won;
    uint64_t futex_calls;
    uint64_t trace; /* sim's: a hash of all decisions */
    uint64_t hogs;  /* times that the monitor found a worker kept by one task */
};

struct sched_ops {
    const char *name;
    const char *summary;
    struct sched_caps caps;
    /* Runs fn(arg) as the main task with options->workers workers, and all that it spawns. Called by one thread at
     * a time that is not a worker. */
    enum weft_status (*run)(const struct weft_options *options, task_fn fn, void *arg);
    /* spawn, ready, arm: any thread that keeps the run from ending (a task does, a timer does). The others: tasks. */
    enum weft_status (*spawn)(const char *name, task_fn fn, void *arg);
    void (*park)(park_commit commit, void *arg, struct timer *timer);
    void (*ready)(struct task *task);
    void (*yield)(void);
    /* Arms a timer whose when, period, and expire or fire are set. Disarm it by timer_disarm(). */
    void (*arm)(struct timer *timer);
    /* Expires the timers that are due: for those who look at what a timer fills without ever parking. */
    void (*fire_due)(void);
    /* The calling task's worker has `preempt` set. */
    void (*poll)(void);
    void (*blocking)(task_fn fn, void *arg);
    weft_ns (*now)(void); /* NULL: the monotonic clock */
    /* The monitor's, some hundred times a second, with the run kept from ending. watch: sets `preempt` of workers that
     * have run one task for long, and returns whether any worker is busy (or, of several, has been since the last
     * look). stuck: every task waits for another one: no timer, no blocking call. NULL: it sees to that itself. */
    bool (*watch)(weft_ns now);
    bool (*stuck)(void);
    /* NULL, or: the monitor's look at calls that may block their threads. Returns how soon it must look again, at the
     * most. */
    weft_ns (*look)(void);
    /* NULL, or: blocks while *word == expected, until futex_wake(word); may return for no reason. */
    void (*wait_word)(_Atomic(uint32_t) *word, uint32_t expected);
    void (*exit)(void) __attribute__((noreturn));
    /* The oldest limbo epoch of the workers that run tasks, LIMBO_ASLEEP if there are none. Any thread, during a
     * run. */
    uint64_t (*oldest_epoch)(void);
    /* Any thread, during a run: a snapshot. */
    void (*counters)(struct sched_counters *counters);
    void (*visit)(void (*visit)(struct task *task, void *arg), void *arg);
};

enum preempt {
    PREEMPT_NONE,
    PREEMPT_HOG,  /* it has kept the worker for a time slice */
    PREEMPT_TURN, /* others have, and one that was made to give way before waits for its turn */
};

/* What every scheduler keeps for each thread that runs tasks: the owner's only. A scheduler's own worker begins
 * with it. */
struct worker {
    _Atomic(struct task *) current; /* NULL between tasks; the owner's, but for a look by the monitor */
    _Atomic(uint8_t) preempt;       /* enum preempt; by the monitor: give way at the next chance. weft.h reads it */
    _Atomic(uint64_t) epoch;        /* see limbo.h; read by all */
    _Atomic(uint64_t) random;       /* state of random_next; atomic as several tasks use it, one after the other */
    unsigned index;
    struct blocks blocks;
    struct limbo limbo; /* its own freed channels, unless it comes and goes with a task */
    struct guard guard; /* of the thread's stack, where tasks run on it */
};
_Static_assert(offsetof(struct worker, preempt) == WEFT_HURRIED && PREEMPT_NONE == 0, "weft.h reads it");

/* The run that is going on. Written by weft_run before any worker starts and after all have ended. */
struct runtime {
    /* read-mostly */
    const struct sched_ops *sched; /* NULL: no run */
    const struct chan_ops *chan;
    struct weft_options options;
    uint64_t number;             /* counts the runs of this process: what belongs to an older one is out of reach */
    _Atomic(weft_ns) coarse_now; /* the time, some 10 ms old at the most while anybody runs; for reports */
};
extern struct runtime runtime;

/* The monotonic clock, whatever the scheduler says. */
weft_ns clock_now(void);

void task_poll_slow(void);

/* A task's function returned in the child of a fork, where there is nothing to return to. */
void task_lost(void) __attribute__((noreturn));

/* weft_poll: one load in the usual case. Any thread. At the beginning of what may take long, never under a lock. */
static force_inline void task_poll(void)
{
    struct worker *self = worker_self();
    if (self != NULL && unlikely(load_relaxed(&self->preempt) != PREEMPT_NONE)) { /* hint */
        task_poll_slow();
    }
}

void task_outside(void);

/* The way in of a public function that is for tasks only: the same, and a panic if a run is going on and this thread is
 * none of its tasks. */
static force_inline void task_enter(void)
{
    struct worker *self = worker_self();
    if (unlikely(self == NULL)) {
        task_outside();
    } else if (unlikely(load_relaxed(&self->preempt) != PREEMPT_NONE)) { /* hint */
        task_poll_slow();
    }
}

/* The same for what must be fast: true in the usual case. If not, task_enter() is to be called, out of the fast
 * path. */
static force_inline bool task_entered(void)
{
    struct worker *self = worker_self();
    return likely(self != NULL) && likely(load_relaxed(&self->preempt) == PREEMPT_NONE); /* hint */
}

static force_inline struct task *task_current(void)
{
    struct worker *self = worker_self();
    return self == NULL ? NULL : load_relaxed(&self->current); /* owner only */
}

/* The calling task; a panic on a thread that is none. */
static force_inline struct task *task_self(void)
{
    struct worker *self = worker_self();
    if (unlikely(self == NULL)) {
        weft_panic("a channel operation or a wait outside of any task: only tasks of weft_run may do that");
    }
    return load_relaxed(&self->current); /* owner only */
}

/* Makes a task that has parked runnable: see the contract. */
static force_inline void task_ready(struct task *task)
{
    if (unlikely(worker_self() == NULL)) {
        task_self(); /* panics */
    }
    race_release(task);
    runtime.sched->ready(task);
}

/* Parks the calling task; `reason` and `object` are for reports. */
no_race_check static inline void task_park(enum wait_reason reason, const void *object, park_commit commit, void *arg,
                                           struct timer *timer)
{
    struct task *self = task_self();
    store_relaxed(&self->wait_object, object); /* for reports, like the next two */
    store_relaxed(&self->since, load_relaxed(&runtime.coarse_now));
    store_relaxed(&self->wait_reason, (uint8_t)reason);
    runtime.sched->park(commit, arg, timer);
    store_relaxed(&self->wait_reason, (uint8_t)WAIT_NONE);
}

/* May an operation of another thread be under way on a channel that a task frees? */
bool run_needs_limbo(void);

/* Called by a scheduler's run: from now on (until now) its counters(), visit(), watch(), stuck() and oldest_epoch() may
 * be called by any thread, and its spawn() by threads outside. */
void run_observable(bool yes);
/* For threads that are no tasks: keeps the run, if there is one (true), from ending until run_let_go(). */
bool run_hold(void);
void run_let_go(void);
/* $WEFT_HOG_MS; 0: not set. */
weft_ns options_hog_ns(void);

/* A commit that releases the struct lock under which the caller queued itself. */
bool park_unlock(void *lock);
/* A commit that does nothing: for tasks that will never be readied. */
bool park_stay(void *unused);

/* Wang Yi's wyrand (2019, github.com/wangyi-fudan/wyhash): a counter, and one multiplication that nobody has to wait
 * for before the next. For choices, not secrets. */
static force_inline uint64_t random_next(struct worker *worker)
{
    uint64_t x = load_relaxed(&worker->random) + 0xA0761D6478BD642Fu; /* owner only */
    store_relaxed(&worker->random, x);                                /* owner only */
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)x * (x ^ 0xE7037ED1A0B428DBu);
    return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

/* A number in [0, bound), bound > 0: D. Lemire, "Fast random integer generation in an interval" (2019), without the
 * rejection step: the bias is below bound / 2^32. */
static force_inline uint32_t random_below(struct worker *worker, uint32_t bound)
{
    return (uint32_t)((random_next(worker) >> 32) * bound >> 32);
}

/* The state for worker number `index` of a run with this seed; never 0. */
uint64_t random_seed(uint64_t seed, unsigned index);

#endif
