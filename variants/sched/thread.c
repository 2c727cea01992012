/* thread: one OS thread a task.
 *
 * Idea: the kernel schedules. A task parks on a futex word of its own; ready sets the word and wakes it. The baseline
 * that everybody has, behind the same interface, so that each channel also runs on plain threads.
 * Source: U. Drepper, "Futexes Are Tricky" (2011), for waiting on a word.
 * Guarantees: preemptive; a task that blocks in a system call holds nobody up. As many tasks as the system allows
 * threads. "Workers" are processors: with fewer workers than processors the run's threads are bound to that many of
 * them.
 * State: token of each task: 0 nobody has readied it, 1 somebody has. Written 1 by ready, 0 by the task itself. The
 * list of threads and stopping: under thread_state.lock.
 * Invariants
 *   T1  token is 0 when a task calls park: it was taken back by the park before.
 *   T2  Once stopping is set, every thread that is about to block, or is woken for the purpose, counts itself out of
 *       `running` and waits until that is 0; only then do threads leave, by a long jump to their first frame. So the
 *       stack and the waiters of a stopped task stay valid for those that still run.
 *   T3  A task in weft_blocking() is counted neither in running nor in alive; when it comes back and its run is over,
 *       or stopping, its thread just ends. Threads are counted in again, and from outside, under the lock and while
 *       stopping is 0.
 *       Of a run that is over it touches nothing but the lock, which the next run therefore takes over as it is.
 *   T4  The timers of the run are served by one thread, which ends before the tasks are stopped.
 *   T5  A thread that is seen PARKED with token 0 has been claimed by nobody but, at the most, a thread that runs; so
 *       when all are, and no timer is armed or firing, none will ever run. One that waits on a word may have been woken
 *       and not have run yet: the kernel says so, and two looks, 10 ms apart, must find the same counters.
 * Ordering: R1 token release (ready) -> A1 token acquire (park).
 * Deviations from the contract's first reading: commit runs on the parking thread itself just before it blocks; a
 * thread's registers are the kernel's to save, so it can't be resumed too early.
 * Cost: two system calls a park/ready pair; tens of microseconds a spawn.
 * Good at: blocking calls, few tasks. Bad at: many tasks, fine grain. */
#include "core/futex.h"
#include "core/helper.h"
#include "core/panic.h"
#include "core/sched.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct thread_worker {
    struct worker base; /* first: worker_self() points here */
    struct task task;
    struct thread_worker *prev, *next; /* under the lock */
    jmp_buf first_frame;
    bool service;           /* not a task: serves the timers */
    _Atomic(uint8_t) waits; /* enum thread_waits; the owner's, read by the monitor */
    _Atomic(pid_t) id;      /* the kernel's; 0 before the thread runs */
    struct signal_stack signal_stack;
    _Atomic(_Atomic(uint32_t) *) word;    /* that it blocks on, for thread_stop to wake; or NULL */
    _Atomic(uint64_t) parks, futex_calls; /* owner writes; summed up at its end */
};

static struct thread_state {
    struct lock lock;              /* of all runs: see T3 */
    struct thread_worker *threads; /* here begins what each run has anew */
    bool begun;                    /* the main task is, or was, in the list; under the lock */
    struct sched_counters ended;   /* of threads that are no more; under the lock */
    _Atomic(uint32_t) stopping;    /* written under the lock */
    _Atomic(uint32_t) running;     /* futex word: tasks that have neither ended nor stopped */
    _Atomic(uint32_t) alive;       /* futex word: weft_run waits for 0 */
    _Atomic(uint64_t) spawns;
    _Atomic(uint32_t) indices;
    /* the service of timers */
    struct timers timers;
    _Atomic(uint32_t) timers_changed; /* futex word: counts what the service should look at */
    _Atomic(bool) timers_stop;
    struct thread_worker service;
    pthread_t service_thread;
} thread_state;

static _Atomic(uint64_t) thread_generation; /* counts the runs; written under the lock */

/* What a thread does, for the monitor: each value is set before the thread blocks and taken back after. */
enum thread_waits { THREAD_RUNS, THREAD_PARKED, THREAD_ON_WORD, THREAD_IN_CALL };

enum { THREAD_STACK_MIN = 128 * 1024, THREAD_GUARD = 64 * 1024 /* so that a frame of that size can't step over it */ };

static struct thread_worker *thread_self(void)
{
    return (struct thread_worker *)(void *)worker_self();
}

static void thread_enlist(struct thread_worker *self)
{
    lock_acquire(&thread_state.lock);
    self->prev = NULL;
    self->next = thread_state.threads;
    if (self->next != NULL) {
        self->next->prev = self;
    }
    thread_state.threads = self;
    thread_state.begun = true;
    lock_release(&thread_state.lock);
}

static void thread_delist_locked(struct thread_worker *self)
{
    if (self->prev == NULL) {
        thread_state.threads = self->next;
    } else {
        self->prev->next = self->next;
    }
    if (self->next != NULL) {
        self->next->prev = self->prev;
    }
    thread_state.ended.parks += load_relaxed(&self->parks); /* owner */
    thread_state.ended.futex_calls += load_relaxed(&self->futex_calls);
    thread_state.ended.exits++;
}

static void thread_count_out(void)
{
    /* acq_rel: all that this task did comes before what the others do once the count is 0 */
    if (sub_acq_rel(&thread_state.running, 1u) == 1) {
        futex_wake(&thread_state.running, UINT32_MAX);
    }
}

static void thread_count_dead(void)
{
    /* acq_rel: all that the task did -> acquire in thread_run */
    if (sub_acq_rel(&thread_state.alive, 1u) == 1) {
        futex_wake(&thread_state.alive, 1);
    }
}

/* The last of a task: nothing of the run is touched after the count is 0. */
static void thread_leave(struct thread_worker *self)
{
    lock_acquire(&thread_state.lock);
    thread_delist_locked(self);
    lock_release(&thread_state.lock);
    worker_set_self(NULL);
    signal_stack_remove(&self->signal_stack);
    free(self);
    thread_count_dead();
}

static cold_function void thread_stop_here(struct thread_worker *self)
{
    uint32_t running;
    frames_forget(&self->task);
    thread_count_out();
    while ((running = load_acquire(&thread_state.running)) != 0) { /* acquire: pairs with thread_count_out */
        futex_wait(&thread_state.running, running, WEFT_FOREVER);
    }
    longjmp(self->first_frame, 2);
}

static force_inline void thread_check_stop(struct thread_worker *self)
{
    if (unlikely(load_seq_cst(&thread_state.stopping) != 0)) { /* seq_cst: T2; after the store of `word` */
        thread_stop_here(self);
    }
}

/* The calling thread if it is one of a task. */
static force_inline struct thread_worker *thread_self_task(void)
{
    struct thread_worker *self = thread_self();
    return self == NULL || self->service ? NULL : self;
}

static void thread_main(struct thread_worker *self)
{
    signal_stack_install(&self->signal_stack, NULL);
    guard_of_thread(&self->base.guard);
    worker_set_self(&self->base);
    store_relaxed(&self->id, gettid());
    int how = setjmp(self->first_frame); /* 0: now; 1: exit; 2: stopped, and counted out */
    if (how == 0) {
        thread_check_stop(self);
        race_acquire(&self->task);
        load_relaxed (&self->task.fn)(self->task.arg);
        if (unlikely(worker_self() == NULL)) {
            task_lost();
        }
        frames_finish(&self->task);
    }
    if (how != 2) {
        thread_count_out();
    }
    thread_leave(thread_self());
}

static void *thread_start(void *arg)
{
    thread_main(arg);
    threads_count(-1);
    return NULL;
}

static void thread_init(struct thread_worker *worker, const char *name, task_fn fn, void *arg)
{
    memset(worker, 0, sizeof *worker);
    store_relaxed(&worker->base.current, &worker->task); /* owner only */
    limbo_quiet(&worker->base.epoch);
    worker->base.index = add_relaxed(&thread_state.indices, 1u); /* statistic: a number of its own */
    store_relaxed(&worker->base.random, random_seed(runtime.options.seed, worker->base.index)); /* owner only */
    worker->task.arg = arg;
    worker->task.number = add_relaxed(&thread_state.spawns, 1u) + 1; /* statistic */
    store_relaxed(&worker->task.fn, fn);
    store_relaxed(&worker->task.name, name);
    store_relaxed(&worker->task.state, (uint8_t)TASK_STARTED);
}

static struct thread_worker *thread_new(const char *name, task_fn fn, void *arg)
{
    struct thread_worker *worker = aligned_alloc(CACHE_LINE, sizeof *worker);
    if (worker != NULL) {
        thread_init(worker, name, fn, arg);
    }
    return worker;
}

/* Counts a thread in before it exists; false: the run is about to end (T3). `may_stop`: the caller is no task, which
 * would be counted in itself. */
static bool thread_count_in(bool may_stop)
{
    bool stopping = false;
    lock_acquire(&thread_state.lock);
    if (may_stop) {
        stopping = load_relaxed(&thread_state.stopping) != 0; /* under the lock */
    }
    if (!stopping) {
        add_relaxed(&thread_state.alive, 1u);
        add_relaxed(&thread_state.running, 1u);
    }
    lock_release(&thread_state.lock);
    return !stopping;
}

static inline enum weft_status thread_spawn(const char *name, task_fn fn, void *arg)
{
    enum weft_status status = WEFT_NOMEM;
    struct thread_worker *self = thread_self_task();
    if (self != NULL) {
        thread_check_stop(self);
    }
    struct thread_worker *worker = thread_new(name, fn, arg);
    pthread_attr_t attributes;
    if (worker == NULL) {
        return WEFT_NOMEM;
    }
    if (pthread_attr_init(&attributes) != 0) {
        goto no_attributes;
    }
    if (!thread_count_in(self == NULL)) {
        status = WEFT_INVALID;
        goto not_counted_in;
    }
    size_t stack_size = runtime.options.stack_size < THREAD_STACK_MIN ? THREAD_STACK_MIN : runtime.options.stack_size;
    pthread_attr_setstacksize(&attributes, stack_size);
    pthread_attr_setguardsize(&attributes, THREAD_GUARD);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    race_release(&worker->task);
    thread_enlist(worker); /* by its creator: whoever sees the spawn sees the task */
    pthread_t thread;
    threads_count(1);
    if (pthread_create(&thread, &attributes, thread_start, worker) == 0) {
        status = WEFT_OK;
    } else {
        threads_count(-1);
        lock_acquire(&thread_state.lock);
        thread_delist_locked(worker);
        thread_state.ended.exits--; /* it has never been */
        lock_release(&thread_state.lock);
        thread_count_out();
        thread_count_dead();
    }
not_counted_in:
    pthread_attr_destroy(&attributes);
no_attributes:
    if (status != WEFT_OK) {
        free(worker);
        add_relaxed(&thread_state.spawns, (uint64_t)-1); /* statistic */
    }
    return status;
}

static void thread_park(park_commit commit, void *arg, struct timer *timer)
{
    struct thread_worker *self = thread_self();
    count_up(&self->parks, 1);
    if (!commit(arg)) {
        return; /* over before it began */
    }
    /* not before: a task must not stop while it holds the lock that its commit releases */
    store_release(&self->base.epoch, LIMBO_ASLEEP);
    store_relaxed(&self->waits,
                  (uint8_t)(timer == NULL ? THREAD_PARKED : THREAD_RUNS)); /* a statistic but in thread_stuck */
    while (load_acquire(&self->task.token) == 0) {                         /* A1 <- R1 */
        count_up(&self->futex_calls, 1);
        weft_ns deadline = timer == NULL ? WEFT_FOREVER : timer->when;
        if (futex_wait(&self->task.token, 0, deadline) == FUTEX_TIMED_OUT && timer != NULL) {
            if (timer->expire(timer, clock_now()) != NULL) {
                thread_check_stop(self);
                limbo_quiet(&self->base.epoch);
                return; /* won: nobody will ready this task */
            }
            timer = NULL; /* lost: the winner's ready is on its way */
        }
    }
    thread_check_stop(self);
    store_release(&self->waits, (uint8_t)THREAD_RUNS); /* before the token goes: T5 */
    store_release(&self->task.token, 0u);              /* T1 */
    limbo_quiet(&self->base.epoch);
    race_acquire(&self->task);
}

static void thread_ready(struct task *task)
{
    store_release(&task->token, 1u); /* R1 -> A1; from here on the task may be gone */
    futex_wake(&task->token, 1);
    struct thread_worker *self = thread_self();
    count_up(&self->futex_calls, 1);
}

/* --- timers ----------------------------------------------------------------------------------------- */

static void thread_arm(struct timer *timer)
{
    if (timer_arm(&thread_state.timers, timer)) {
        add_release(&thread_state.timers_changed, 1u); /* -> the acquire in thread_serve_timers */
        futex_wake(&thread_state.timers_changed, 1);
    }
}

static void thread_fire_due(void)
{
    struct task *task = NULL;
    if (load_relaxed(&thread_state.timers.first) != WEFT_FOREVER) { /* hint */
        while (timers_expire_one(&thread_state.timers, clock_now(), &task)) {
            if (task != NULL) {
                race_release(task);
                thread_ready(task);
            }
        }
    }
}

static void *thread_serve_timers(void *unused)
{
    (void)unused;
    struct thread_worker *self = &thread_state.service;
    worker_set_self(&self->base);
    for (;;) {
        /* acquire, and first: who sees that it has changed for the last time sees timers_stop, and does not wait for
         * more */
        uint32_t changed = load_acquire(&thread_state.timers_changed);
        if (load_relaxed(&thread_state.timers_stop)) { /* see above */
            break;
        }
        limbo_quiet(&self->base.epoch);
        thread_fire_due();
        store_release(&self->base.epoch, LIMBO_ASLEEP);
        futex_wait(&thread_state.timers_changed, changed, load_relaxed(&thread_state.timers.first));
    }
    worker_set_self(NULL);
    return NULL;
}

static bool thread_start_service(void)
{
    struct thread_worker *service = &thread_state.service;
    timers_init(&thread_state.timers);
    thread_init(service, "timers", NULL, NULL);
    service->service = true;
    store_relaxed(&thread_state.spawns, 0u); /* it is no task; no other thread yet */
    store_relaxed(&service->base.epoch, LIMBO_ASLEEP);
    return helper_create(&thread_state.service_thread, thread_serve_timers, NULL) == 0;
}

static void thread_stop_service(void)
{
    store_relaxed(&thread_state.timers_stop, true); /* the next line publishes it */
    add_release(&thread_state.timers_changed, 1u);  /* -> the acquire in thread_serve_timers */
    futex_wake(&thread_state.timers_changed, 1);
    pthread_join(thread_state.service_thread, NULL);
}

/* --- blocking calls --------------------------------------------------------------------------------- */

/* T3: back from a blocking call, under the lock: the run is over, or about to be. */
static cold_function __attribute__((noreturn)) void thread_left_behind(struct thread_worker *self, bool same_run)
{
    if (same_run) {
        thread_delist_locked(self);
    }
    lock_release(&thread_state.lock);
    threads_count(-1);
    frames_forget(&self->task);
    signal_stack_remove(&self->signal_stack);
    free(self);
    pthread_exit(NULL);
}

static void thread_blocking(task_fn fn, void *arg)
{
    struct thread_worker *self = thread_self();
    thread_check_stop(self);
    store_relaxed(&self->task.wait_reason, (uint8_t)WAIT_BLOCKING); /* for reports */
    uint64_t generation = load_relaxed(&thread_generation);         /* the run is going on: it does not change */
    store_release(&self->base.epoch, LIMBO_ASLEEP);
    store_release(&self->waits, (uint8_t)THREAD_IN_CALL);
    worker_set_self(NULL);
    thread_count_out();
    thread_count_dead();
    fn(arg);
    lock_acquire(&thread_state.lock);
    bool same_run = generation == load_relaxed(&thread_generation); /* under the lock */
    if (!same_run || load_relaxed(&thread_state.stopping) != 0) {
        thread_left_behind(self, same_run);
    }
    add_relaxed(&thread_state.alive, 1u);
    add_relaxed(&thread_state.running, 1u);
    lock_release(&thread_state.lock);
    worker_set_self(&self->base);
    store_release(&self->waits, (uint8_t)THREAD_RUNS);
    limbo_quiet(&self->base.epoch);
    store_relaxed(&self->task.wait_reason, (uint8_t)WAIT_NONE);
}

/* --- the run ---------------------------------------------------------------------------------------- */

static void thread_yield(void)
{
    struct thread_worker *self = thread_self();
    thread_check_stop(self);
    limbo_quiet(&self->base.epoch);
    sched_yield();
}

static void __attribute__((noreturn)) thread_exit(void)
{
    longjmp(thread_self()->first_frame, 1);
}

static void thread_wait_word(_Atomic(uint32_t) *word, uint32_t expected)
{
    struct thread_worker *self = thread_self();
    count_up(&self->parks, 1);
    count_up(&self->futex_calls, 1);
    store_seq_cst(&self->word, word); /* before the look at stopping: T2 */
    thread_check_stop(self);
    store_release(&self->base.epoch, LIMBO_ASLEEP);
    store_release(&self->waits, (uint8_t)THREAD_ON_WORD);
    futex_wait(word, expected, WEFT_FOREVER);
    store_release(&self->waits, (uint8_t)THREAD_RUNS);
    limbo_quiet(&self->base.epoch);
    store_relaxed(&self->word, NULL); /* a wake-up too many does no harm */
    thread_check_stop(self);
}

/* Ends the run: wakes every thread, again and again, as one may have been just about to block on a word. */
static void thread_stop(void)
{
    thread_stop_service();
    lock_acquire(&thread_state.lock);
    store_seq_cst(&thread_state.stopping, 1u); /* before the wake-ups */
    lock_release(&thread_state.lock);
    uint32_t running;
    while ((running = load_acquire(&thread_state.running)) > 1) { /* 1: the main task itself */
        lock_acquire(&thread_state.lock);
        for (struct thread_worker *worker = thread_state.threads; worker != NULL; worker = worker->next) {
            store_release(&worker->task.token, 1u); /* T2 */
            futex_wake(&worker->task.token, 1);
            _Atomic(uint32_t) *word = load_seq_cst(&worker->word); /* seq_cst: after the store of stopping */
            if (word != NULL) {
                futex_wake(word, UINT32_MAX);
            }
        }
        lock_release(&thread_state.lock);
        futex_wait(&thread_state.running, running, weft_now() + 1000000);
    }
}

struct thread_main_call {
    task_fn fn;
    void *arg;
};

static void thread_main_task(void *arg)
{
    struct thread_main_call call = *(struct thread_main_call *)arg;
    weft_call(call.fn, call.arg); /* a panic that is recovered in it is a return */
    if (unlikely(worker_self() == NULL)) {
        task_lost();
    }
    thread_stop();
}

/* Binds the calling thread, and so all that it creates, to `count` of its processors. */
static void thread_bind(unsigned count, cpu_set_t *before)
{
    CPU_ZERO(before);
    if (sched_getaffinity(0, sizeof *before, before) != 0 || count >= (unsigned)CPU_COUNT(before)) {
        return;
    }
    cpu_set_t set;
    CPU_ZERO(&set);
    for (size_t cpu = 0; cpu < CPU_SETSIZE && count > 0; cpu++) {
        if (CPU_ISSET(cpu, before)) {
            CPU_SET(cpu, &set);
            count--;
        }
    }
    sched_setaffinity(0, sizeof set, &set);
}

static enum weft_status thread_run(const struct weft_options *options, task_fn fn, void *arg)
{
    const size_t kept = offsetof(struct thread_state, threads); /* T3 */
    memset((char *)&thread_state + kept, 0, sizeof thread_state - kept);
    struct thread_main_call call = {fn, arg};
    cpu_set_t before;
    thread_bind(options->workers, &before);
    struct thread_worker *worker = NULL;
    enum weft_status status = WEFT_NOMEM;
    if (!thread_start_service()) {
        goto unbind;
    }
    worker = thread_new("main", thread_main_task, &call);
    if (worker == NULL) {
        thread_stop_service();
        goto unbind;
    }
    status = WEFT_OK;
    store_relaxed(&thread_state.alive, 1u); /* no other thread yet */
    store_relaxed(&thread_state.running, 1u);
    race_release(&worker->task);
    thread_enlist(worker);
    run_observable(true);
    thread_main(worker); /* the main task runs on the calling thread */
    uint32_t alive;
    /* acquire: what the threads did. If main has exited, stopping is never set, and the monitor finds out when nobody
     * is left */
    while ((alive = load_acquire(&thread_state.alive)) != 0 || load_acquire(&thread_state.stopping) == 0) {
        futex_wait(&thread_state.alive, alive, WEFT_FOREVER);
    }
    run_observable(false);
    lock_acquire(&thread_state.lock);
    add_relaxed(&thread_generation, 1u); /* T3; who is left behind takes care of himself */
    lock_release(&thread_state.lock);
unbind:
    if (CPU_COUNT(&before) > 0) {
        sched_setaffinity(0, sizeof before, &before);
    }
    return status;
}

static void thread_counters(struct sched_counters *counters)
{
    lock_acquire(&thread_state.lock);
    *counters = thread_state.ended;
    for (struct thread_worker *worker = thread_state.threads; worker != NULL; worker = worker->next) {
        counters->parks += load_relaxed(&worker->parks); /* statistic */
        counters->futex_calls += load_relaxed(&worker->futex_calls);
    }
    lock_release(&thread_state.lock);
    counters->spawns = load_relaxed(&thread_state.spawns); /* statistic */
    counters->switches = counters->parks;
}

/* Does the kernel say that the thread sleeps? */
static bool thread_sleeps(pid_t id)
{
    char path[64], text[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
        close(fd);
    }
    text[length < 0 ? 0 : length] = '\0';
    const char *name_end = strrchr(text, ')'); /* the state is the field behind it */
    return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}

/* All threads wait, for each other only. *sum: changes with whatever they do. */
static bool thread_all_wait(uint64_t *sum)
{
    bool all = true;
    uint32_t count = 0;
    *sum = thread_state.ended.parks + thread_state.ended.futex_calls;
    for (struct thread_worker *worker = thread_state.threads; worker != NULL && all; worker = worker->next) {
        uint8_t waits = load_acquire(&worker->waits); /* T5 */
        all = waits == THREAD_PARKED ? load_acquire(&worker->task.token) == 0
                                     : waits == THREAD_ON_WORD && thread_sleeps(load_relaxed(&worker->id));
        *sum += load_relaxed(&worker->parks) + load_relaxed(&worker->futex_calls); /* statistics */
        count++;
    }
    return all && count == load_relaxed(&thread_state.running); /* a new thread is counted before it is in the list */
}

static bool thread_stuck(void)
{
    static uint64_t last_sum; /* the monitor's */
    static bool last;
    uint64_t sum = 0;
    lock_acquire(&thread_state.lock);
    bool all = thread_state.begun && load_relaxed(&thread_state.stopping) == 0 && thread_all_wait(&sum);
    lock_release(&thread_state.lock);
    /* T5: in this order; a timer that is being fired shows in the epoch of the service */
    all = all && load_seq_cst(&thread_state.timers.first) == WEFT_FOREVER &&
          load_acquire(&thread_state.service.base.epoch) == LIMBO_ASLEEP;
    bool stuck = all && last && sum == last_sum;
    last = all;
    last_sum = sum;
    return stuck;
}

/* Nobody needs to be preempted; says whether anybody is busy. */
static bool thread_watch(weft_ns now)
{
    bool busy = false;
    (void)now;
    lock_acquire(&thread_state.lock);
    for (struct thread_worker *worker = thread_state.threads; worker != NULL && !busy; worker = worker->next) {
        busy = load_relaxed(&worker->waits) == THREAD_RUNS &&
               load_relaxed(&worker->base.epoch) != LIMBO_ASLEEP; /* hints */
    }
    lock_release(&thread_state.lock);
    return busy;
}

static uint64_t thread_oldest_epoch(void)
{
    uint64_t oldest = LIMBO_ASLEEP;
    lock_acquire(&thread_state.lock);
    for (struct thread_worker *worker = thread_state.threads; worker != NULL; worker = worker->next) {
        uint64_t epoch = load_acquire(&worker->base.epoch); /* E1 */
        oldest = epoch < oldest ? epoch : oldest;
    }
    lock_release(&thread_state.lock);
    uint64_t service = load_acquire(&thread_state.service.base.epoch); /* E1 */
    return service < oldest ? service : oldest;
}

static void thread_visit(void (*visit)(struct task *task, void *arg), void *arg)
{
    lock_acquire(&thread_state.lock);
    for (struct thread_worker *worker = thread_state.threads; worker != NULL; worker = worker->next) {
        visit(&worker->task, arg);
    }
    lock_release(&thread_state.lock);
}

const struct sched_ops thread_ops = {
    .name = "thread",
    .summary = "one OS thread a task; workers are the processors it is bound to",
    .caps = {.os_threads = true, .fair = true},
    .run = thread_run,
    .spawn = thread_spawn,
    .park = thread_park,
    .ready = thread_ready,
    .yield = thread_yield,
    .arm = thread_arm,
    .fire_due = thread_fire_due,
    .poll = thread_yield,
    .blocking = thread_blocking,
    .watch = thread_watch,
    .stuck = thread_stuck,
    .wait_word = thread_wait_word,
    .exit = thread_exit,
    .oldest_epoch = thread_oldest_epoch,
    .counters = thread_counters,
    .visit = thread_visit,
};
