/* Stands in for the runtime in litmus clients: what of core has assembly, threads or system calls in it, in plain C11
 * and pthreads.
 *
 * A client includes this first and then the real files that it tests, core/chan.c say, all in one translation unit. So
 *     cc -std=c17 -pthread -I. tests/litmus/NAME.c
 * makes a program of it that any checker for C11 can run, and tests/model runs the same text. A task is a thread:
 * park() commits and then waits for its word, ready() sets it, which is the scheduler `thread` without its system
 * calls. What is replaced:
 *   core/context.h   no context is ever switched, except in clients that include fibers.h
 *   core/futex.c     waiting on a word: a queue and a flag for each thread
 *   core/run.c       the few functions of it that others call
 *   cpu_relax()      nothing, as `pause` is assembly */
#ifndef LITMUS_RUNTIME_H
#define LITMUS_RUNTIME_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef WEFT_ATOMIC_BACKEND
#define cpu_relax() ((void)0)
#endif
#include "core/atomic.h"
#define MUTEX_LOOKS 0 /* of core/mutex.c, on which a waiting task would otherwise never come to queue */

/* --- core/context.h ----------------------------------------------------------------------------------- */

#define CORE_CONTEXT_H

struct worker;
struct context;
typedef void (*context_entry)(struct context *from, struct context *self, struct worker *worker);
struct context {
    int registers; /* a plain variable: whoever saves and whoever restores must be ordered */
    /* fibers.h */
    context_entry entry; /* not started yet */
    unsigned number;
    _Atomic(struct worker *) resumed;
};

#define race_acquire(p) ((void)(p))
#define race_release(p) ((void)(p))
#define no_race_check
#define no_race_check_below
#define no_race_check_end
#define FLOAT_CONTROL_MASK 0u

static inline uint64_t float_control_read(void)
{
    return 0;
}

static inline void float_control_write(uint64_t control)
{
    (void)control;
}

static inline void context_warm(const struct context *context)
{
    (void)context;
}

/* Each thread's own. */
#ifdef WEFT_MODEL
#define litmus_self (*(struct litmus_thread **)model_thread_word())
#else
static _Thread_local struct litmus_thread *litmus_self;
#endif
static inline struct worker *worker_self(void);
static inline void worker_set_self(struct worker *worker);

#include "core/sched.h"

/* --- threads ------------------------------------------------------------------------------------------ */

enum { LITMUS_THREADS = 6 };

static struct litmus_thread {
    struct worker worker;
    struct worker *as; /* the worker that it is: this one, unless a scheduler has its own */
    struct task task;
    unsigned random; /* which of the orders that select may look in */
    const void *waits_on;
    _Atomic(uint32_t) woken;
} litmus_threads[LITMUS_THREADS];

static inline struct worker *worker_self(void)
{
    return litmus_self == NULL ? NULL : litmus_self->as;
}

static inline void worker_set_self(struct worker *worker)
{
    litmus_self->as = worker;
}

/* One of `count`: a checker may try each. */
static inline unsigned litmus_choose(unsigned count)
{
#ifdef WEFT_MODEL
    return model_choose(count);
#else
    (void)count;
    return 0;
#endif
}

/* With these a shuffle of two begins with the one and with the other (tested by litmus_begin). */
static const uint64_t litmus_seeds[2] = {1, 3};

/* The calling thread is task number `index` from now on. */
static inline void litmus_enter(unsigned index)
{
    litmus_self = &litmus_threads[index];
    litmus_self->as = &litmus_self->worker;
    store_relaxed(&litmus_self->worker.current, &litmus_self->task);
    litmus_self->worker.index = index;
    store_relaxed(&litmus_self->worker.random, litmus_seeds[litmus_self->random]);
}

static pthread_t litmus_ids[LITMUS_THREADS];
static unsigned litmus_count;

static inline void litmus_start(void *(*fn)(void *), void *arg)
{
    int error = pthread_create(&litmus_ids[litmus_count++], NULL, fn, arg);
    assert(error == 0);
    (void)error;
}

static inline void litmus_join(void)
{
    for (unsigned i = 0; i < litmus_count; i++) {
        pthread_join(litmus_ids[i], NULL);
    }
    litmus_count = 0;
}

/* --- core/futex.c ------------------------------------------------------------------------------------- */

#include "core/futex.h"

#ifdef WEFT_MODEL
#define FUTEX_WORD(word) ((const volatile uint32_t *)(const volatile void *)(word))

enum futex_result futex_wait(_Atomic(uint32_t) *word, uint32_t expected, weft_ns deadline)
{
    return model_futex_wait(FUTEX_WORD(word), expected, deadline != WEFT_FOREVER) ? FUTEX_WOKEN : FUTEX_TIMED_OUT;
}

unsigned futex_wake(_Atomic(uint32_t) *word, unsigned count)
{
    return model_futex_wake(FUTEX_WORD(word), count);
}
#else
static _Atomic(uint32_t) litmus_futex_held;

static inline void litmus_futex_lock(void)
{
    while (exchange_acq_rel(&litmus_futex_held, 1u) != 0) {
        cpu_relax();
    }
}

/* A wait with a deadline ends when its turns are over, unless it is woken first. */
enum futex_result futex_wait(_Atomic(uint32_t) *word, uint32_t expected, weft_ns deadline)
{
    enum futex_result result = FUTEX_WOKEN;
    litmus_futex_lock();
    if (load_seq_cst(word) == expected) {
        litmus_self->waits_on = word;
        store_relaxed(&litmus_self->woken, 0u);
        store_release(&litmus_futex_held, 0u);
        for (unsigned turn = 0; load_acquire(&litmus_self->woken) == 0; turn++) {
            cpu_relax();
            if (deadline != WEFT_FOREVER && turn == 1000) {
                result = FUTEX_TIMED_OUT;
                break;
            }
        }
        litmus_futex_lock();
        result = load_relaxed(&litmus_self->woken) != 0 ? FUTEX_WOKEN : result;
        litmus_self->waits_on = NULL;
    }
    store_release(&litmus_futex_held, 0u);
    return result;
}

unsigned futex_wake(_Atomic(uint32_t) *word, unsigned count)
{
    unsigned woken = 0;
    litmus_futex_lock();
    for (unsigned i = 0; i < LITMUS_THREADS && woken < count; i++) {
        if (litmus_threads[i].waits_on == word) {
            litmus_threads[i].waits_on = NULL;
            store_release(&litmus_threads[i].woken, 1u);
            woken++;
        }
    }
    store_release(&litmus_futex_held, 0u);
    return woken;
}
#endif

/* --- core/run.c --------------------------------------------------------------------------------------- */

struct runtime runtime;

#include "core/block.c"
#include "core/lock.c"
#include "core/timer.c"
#include "core/wait.h"

/* The clock of all timers: a client moves it. */
static weft_ns litmus_now;
static struct timers litmus_timers;

weft_ns clock_now(void)
{
    return litmus_now;
}

weft_ns weft_now(void)
{
    return litmus_now;
}

void weft_panic(const char *format, ...)
{
    (void)format;
    assert(!"a panic");
    abort();
}

/* The clients' main() makes what its threads use before they start, and closes and frees it behind their end; nobody
 * else is outside. */
void task_outside(void)
{
    assert(litmus_count == 0);
}

void task_poll_slow(void)
{
}

bool run_needs_limbo(void)
{
    return false;
}

/* Channels' own clients have no limbo, and main() frees what nobody may wait on any more. */
bool run_hold(void)
{
#ifdef VARIANT
    return true;
#else
    return false;
#endif
}

void run_let_go(void)
{
}

bool park_unlock(void *lock)
{
    lock_release(lock);
    return true;
}

bool park_stay(void *unused)
{
    (void)unused;
    return true;
}

/* Like mn_park and thread_park: arms, commits, waits for ready, disarms. */
static void litmus_park(park_commit commit, void *arg, struct timer *timer)
{
    struct litmus_thread *self = litmus_self;
    if (timer != NULL) {
        timer_arm(&litmus_timers, timer);
    }
    self->task.context.registers = 1; /* they are saved */
    if (commit(arg)) {
        for (unsigned round = 0; load_acquire(&self->task.token) == 0; round++) {
            cpu_relax();
        }
        store_relaxed(&self->task.token, 0u);
    }
    assert(self->task.context.registers == 1); /* ... and restored */
    if (timer != NULL) {
        timer_disarm(timer);
    }
}

/* The contract: once for each park that was committed. */
static void litmus_ready(struct task *task)
{
    assert(task->context.registers == 1);
    uint32_t before = exchange_acq_rel(&task->token, 1u);
    assert(before == 0);
    (void)before;
}

static const struct sched_ops litmus_sched = {.name = "litmus", .park = litmus_park, .ready = litmus_ready};

/* First of all in main(). */
static inline void litmus_begin(void)
{
    runtime.sched = &litmus_sched;
    timers_init(&litmus_timers);
    struct worker one = {.random = litmus_seeds[0]}, other = {.random = litmus_seeds[1]};
    assert(random_below(&one, 2) != random_below(&other, 2));
}

#endif
