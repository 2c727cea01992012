/* thread: one OS thread a task.
 *
 * Idea: the kernel schedules. A task parks on a futex word of its own; ready sets the word and wakes it. The baseline
 * that everybody has, behind the same interface, so that each channel also runs on plain threads.
 * Source: U. Drepper, "Futexes Are Tricky" (2011), for waiting on a word.
 * Guarantees: preemptive; a task that blocks in a system call holds nobody up. As many tasks as the system allows threads.
 * "Workers" are processors: with fewer workers than processors the run's threads are bound to that many of them.
 * State: token of each task: 0 nobody has readied it, 1 somebody has. Written 1 by ready, 0 by the task itself. The list of
 * threads and stopping: under thread_state.lock.
 * Invariants
 *   T1  token is 0 when a task calls park: it was taken back by the park before.
 *   T2  Once stopping is set, every thread that is about to block, or is woken for the purpose, counts itself out of
 *       `running` and waits until that is 0; only then do threads leave, by a long jump to their first frame. So the
 *       stack and the waiters of a stopped task stay valid for those that still run.
 * Ordering: R1 token release (ready) -> A1 token acquire (park).
 * Deviations from the contract's first reading: commit runs on the parking thread itself just before it blocks; a
 * thread's registers are the kernel's to save, so it can't be resumed too early.
 * Cost: two system calls a park/ready pair; tens of microseconds a spawn.
 * Good at: blocking calls, few tasks. Bad at: many tasks, fine grain. */
#include "core/futex.h"
#include "core/sched.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

struct thread_worker {
    struct worker base; /* first: worker_self() points here */
    struct task task;
    struct thread_worker *prev, *next; /* under the lock */
    jmp_buf first_frame;
    _Atomic(_Atomic(uint32_t) *) word;    /* that it blocks on, for thread_stop to wake; or NULL */
    _Atomic(uint64_t) parks, futex_calls; /* owner writes; summed up at its end */
};

static struct {
    struct lock lock;
    struct thread_worker *threads;
    struct sched_counters ended; /* of threads that are no more; under the lock */
    _Atomic(uint32_t) stopping;
    _Atomic(uint32_t) running; /* futex word: tasks that have neither ended nor stopped */
    _Atomic(uint32_t) alive;   /* futex word: weft_run waits for 0 */
    _Atomic(uint64_t) spawns;
    _Atomic(uint32_t) indices;
} thread_state;

enum { THREAD_STACK_MIN = 128 * 1024 };

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
    lock_release(&thread_state.lock);
}

static void thread_delist(struct thread_worker *self)
{
    lock_acquire(&thread_state.lock);
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
    lock_release(&thread_state.lock);
}

static void thread_count_out(void)
{
    /* acq_rel: all that this task did comes before what the others do once the count is 0 */
    if (sub_acq_rel(&thread_state.running, 1u) == 1) {
        futex_wake(&thread_state.running, UINT32_MAX);
    }
}

/* The last of a task: nothing of the run is touched after the count is 0. */
static void thread_leave(struct thread_worker *self)
{
    thread_delist(self);
    worker_set_self(NULL);
    free(self);
    /* acq_rel: all that the task did -> acquire in thread_run */
    if (sub_acq_rel(&thread_state.alive, 1u) == 1) {
        futex_wake(&thread_state.alive, 1);
    }
}

static cold_function void thread_stop_here(struct thread_worker *self)
{
    uint32_t running;
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

static void *thread_main(void *arg)
{
    struct thread_worker *self = arg;
    worker_set_self(&self->base);
    thread_enlist(self);
    int how = setjmp(self->first_frame); /* 0: now; 1: exit; 2: stopped, and counted out */
    if (how == 0) {
        thread_check_stop(self);
        race_acquire(&self->task);
        load_relaxed (&self->task.fn)(self->task.arg);
    }
    if (how != 2) {
        thread_count_out();
    }
    thread_leave(thread_self());
    return NULL;
}

static struct thread_worker *thread_new(const char *name, task_fn fn, void *arg)
{
    struct thread_worker *worker = aligned_alloc(CACHE_LINE, sizeof *worker);
    if (worker == NULL) {
        return NULL;
    }
    memset(worker, 0, sizeof *worker);
    worker->base.current = &worker->task;
    limbo_quiet(&worker->base.epoch);
    worker->base.index = add_relaxed(&thread_state.indices, 1u); /* statistic: a number of its own */
    store_relaxed(&worker->base.random, random_seed(runtime.options.seed, worker->base.index)); /* owner only */
    worker->task.arg = arg;
    worker->task.number = add_relaxed(&thread_state.spawns, 1u) + 1; /* statistic */
    store_relaxed(&worker->task.fn, fn);
    store_relaxed(&worker->task.name, name);
    store_relaxed(&worker->task.state, (uint8_t)TASK_STARTED);
    return worker;
}

static inline enum weft_status thread_spawn(const char *name, task_fn fn, void *arg)
{
    enum weft_status status = WEFT_NOMEM;
    thread_check_stop(thread_self());
    struct thread_worker *worker = thread_new(name, fn, arg);
    pthread_attr_t attributes;
    if (worker == NULL) {
        return WEFT_NOMEM;
    }
    if (pthread_attr_init(&attributes) != 0) {
        goto no_attributes;
    }
    size_t stack_size = runtime.options.stack_size < THREAD_STACK_MIN ? THREAD_STACK_MIN : runtime.options.stack_size;
    pthread_attr_setstacksize(&attributes, stack_size);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    race_release(&worker->task);
    add_relaxed(&thread_state.alive, 1u); /* before the thread can end; the creator itself is counted in both */
    add_relaxed(&thread_state.running, 1u);
    pthread_t thread;
    if (pthread_create(&thread, &attributes, thread_main, worker) == 0) {
        status = WEFT_OK;
    } else {
        sub_acq_rel(&thread_state.alive, 1u); /* never 0: the creator is alive */
        sub_acq_rel(&thread_state.running, 1u);
    }
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
    while (load_acquire(&self->task.token) == 0) { /* A1 <- R1 */
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
    store_relaxed(&self->task.token, 0u); /* T1 */
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
    futex_wait(word, expected, WEFT_FOREVER);
    limbo_quiet(&self->base.epoch);
    store_relaxed(&self->word, NULL); /* a wake-up too many does no harm */
    thread_check_stop(self);
}

/* Ends the run: wakes every thread, again and again, as one may have been just about to block on a word. */
static void thread_stop(void)
{
    store_seq_cst(&thread_state.stopping, 1u); /* before the wake-ups */
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
    call.fn(call.arg);
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
    memset(&thread_state, 0, sizeof thread_state);
    struct thread_main_call call = {fn, arg};
    struct thread_worker *worker = thread_new("main", thread_main_task, &call);
    if (worker == NULL) {
        return WEFT_NOMEM;
    }
    cpu_set_t before;
    thread_bind(options->workers, &before);
    store_relaxed(&thread_state.alive, 1u); /* no other thread yet */
    store_relaxed(&thread_state.running, 1u);
    race_release(&worker->task);
    run_observable(true);
    thread_main(worker); /* the main task runs on the calling thread */
    uint32_t alive;
    while ((alive = load_acquire(&thread_state.alive)) != 0) { /* acquire: what the threads did */
        futex_wait(&thread_state.alive, alive, WEFT_FOREVER);
    }
    run_observable(false);
    if (CPU_COUNT(&before) > 0) {
        sched_setaffinity(0, sizeof before, &before);
    }
    return WEFT_OK;
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

static uint64_t thread_oldest_epoch(void)
{
    uint64_t oldest = LIMBO_ASLEEP;
    lock_acquire(&thread_state.lock);
    for (struct thread_worker *worker = thread_state.threads; worker != NULL; worker = worker->next) {
        uint64_t epoch = load_acquire(&worker->base.epoch); /* E1 */
        oldest = epoch < oldest ? epoch : oldest;
    }
    lock_release(&thread_state.lock);
    return oldest;
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
    .wait_word = thread_wait_word,
    .exit = thread_exit,
    .oldest_epoch = thread_oldest_epoch,
    .counters = thread_counters,
    .visit = thread_visit,
};
