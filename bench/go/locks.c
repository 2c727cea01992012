/* Rows of the suite `go` over mutexes: what do they cost?
 *
 * Originals: sync/{mutex,rwmutex}_test.go, all by RunParallel.
 *   MutexUncontended      each task has a mutex: lock, unlock
 *   Mutex                 one mutex for all; MutexWork: and 100 units of made-up work behind the unlock
 *   MutexSlack, -WorkSlack  the same in ten tasks a worker
 *   MutexNoSpin           four tasks a worker; every fourth time a section of two additions, else 1024 places of the
 *                         task's own 32 KiB are touched and the task waits for one that it starts
 *   MutexSpin             a section of two additions, then 4096 places of the task's own 128 KiB
 *   RWMutexUncontended    each task has one: twice rlock, twice runlock, wlock, wunlock
 *   RWMutexWrite{N}       one for all: every Nth time wlock, wunlock, else rlock, runlock; -Work: with 100 units of
 *   work
 *                         under the read lock
 * Rows with work are of the group `work`. Go compiles that of mutexes to nothing but the loop (bench/work.h).
 * Checked: what the sections add up to, how often each place was touched.
 * Not measured: fairness. */
#include "bench/go/go.h"

enum { BENCH_GO_LOCK_WORK = 100, BENCH_GO_SLACK = 10, BENCH_GO_NO_SPIN = 4, BENCH_GO_STRIDE = 4 };
enum { BENCH_GO_SPIN_WORDS = 16 << 10, BENCH_GO_NO_SPIN_WORDS = 4 << 10, BENCH_GO_WRITE_MASK = 1 << 10 };

/* What all tasks of a row share. */
struct bench_go_locks {
    _Alignas(CACHE_LINE) struct weft_mutex mutex;
    _Alignas(CACHE_LINE) struct weft_rwmutex rwmutex;
    _Alignas(CACHE_LINE) int64_t down, up; /* under the mutex */
    uint64_t work;                         /* units, at a time */
    uint64_t write_every;
    uint64_t one;
};

static void bench_go_lock_work(void *unused)
{
    (void)unused;
    bench_count(BENCH_GO_LOCK_WORK);
}

/* Times the tasks over what they share. */
static void bench_go_locks_run(struct bench_batch *batch, struct bench_go_locks *shared, unsigned times, task_fn fn)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel_times(batch, times, fn, shared);
    bench_clock_stop(&clock);
    if (shared->work != 0) {
        double parallel = bench_work_parallel(batch->cell, batch->cell->workers);
        bench_work_alone(batch, bench_go_lock_work, NULL, 1 / parallel);
    }
}

/* --- mutex ------------------------------------------------------------------------------------------ */

static force_inline void bench_go_mutex_own(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_locks *own = bench_alloc(sizeof *own);
    while (bench_next(&it)) {
        weft_lock(&own->mutex);
        weft_unlock(&own->mutex);
    }
    free(own);
    bench_parallel_leave(&it, 0);
}

static force_inline void bench_go_mutex_shared(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_locks *shared = it.parallel->shared;
    while (bench_next(&it)) {
        weft_lock(&shared->mutex);
        weft_unlock(&shared->mutex);
        bench_count(shared->work);
    }
    bench_parallel_leave(&it, 0);
}

static force_inline void bench_go_mutex_section(struct bench_go_locks *shared)
{
    weft_lock(&shared->mutex);
    shared->down -= 100;
    shared->up += 100;
    weft_unlock(&shared->mutex);
}

static force_inline void bench_go_touch(uint64_t *data, uint64_t words)
{
    for (uint64_t i = 0; i < words; i += BENCH_GO_STRIDE) {
        data[i]++;
    }
}

/* How many places were not touched so often. */
static force_inline uint64_t bench_go_untouched(const uint64_t *data, uint64_t words, uint64_t times)
{
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < words; i += BENCH_GO_STRIDE) {
        wrong += data[i] != times;
    }
    return wrong;
}

static force_inline void bench_go_mutex_spin(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    uint64_t data[BENCH_GO_SPIN_WORDS] = {0};
    uint64_t times = 0;
    while (bench_next(&it)) {
        bench_go_mutex_section(it.parallel->shared);
        bench_go_touch(data, BENCH_GO_SPIN_WORDS);
        times++;
    }
    bench_parallel_leave(&it, bench_go_untouched(data, BENCH_GO_SPIN_WORDS, times));
}

static void bench_go_send_one(void *chan)
{
    char yes = 1;
    weft_send(chan, &yes);
}

static force_inline void bench_go_mutex_no_spin(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_chan *chan = bench_chan_make(1, 0);
    uint64_t data[BENCH_GO_NO_SPIN_WORDS] = {0};
    uint64_t wrong = 0;
    uint64_t times = 0;
    for (uint64_t i = 0; chan != NULL && bench_next(&it); i++) {
        if (i % 4 == 0) {
            bench_go_mutex_section(it.parallel->shared);
            continue;
        }
        bench_go_touch(data, BENCH_GO_NO_SPIN_WORDS);
        times++;
        wrong += weft_go(bench_go_send_one, chan) != WEFT_OK || weft_recv(chan, NULL) != WEFT_OK;
    }
    bench_chan_free(chan);
    bench_parallel_leave(&it, wrong + bench_go_untouched(data, BENCH_GO_NO_SPIN_WORDS, times));
}

BENCH_LOOP(go_mutex_own)(void *parallel)
{
    bench_go_mutex_own(parallel);
}

BENCH_LOOP(go_mutex_shared)(void *parallel)
{
    bench_go_mutex_shared(parallel);
}

BENCH_LOOP(go_mutex_spin)(void *parallel)
{
    bench_go_mutex_spin(parallel);
}

BENCH_LOOP(go_mutex_no_spin)(void *parallel)
{
    bench_go_mutex_no_spin(parallel);
}

static void bench_go_mutex_own_batch(struct bench_batch *batch)
{
    bench_go_locks_run(batch, &(struct bench_go_locks){0}, 1, BENCH_LOOP_NAME(go_mutex_own));
}

/* Of the row's argument: units of work, and tasks for each worker. */
static void bench_go_mutex_shared_batch(struct bench_batch *batch)
{
    uint64_t argument = batch->cell->workload->argument;
    struct bench_go_locks shared = {.work = argument / BENCH_GO_WRITE_MASK};
    bench_go_locks_run(batch, &shared, (unsigned)(argument % BENCH_GO_WRITE_MASK), BENCH_LOOP_NAME(go_mutex_shared));
}

static void bench_go_mutex_spin_batch(struct bench_batch *batch)
{
    struct bench_go_locks shared = {0};
    bench_go_locks_run(batch, &shared, 1, BENCH_LOOP_NAME(go_mutex_spin));
    int64_t sum = 100 * (int64_t)batch->units;
    bench_check(shared.up == sum && shared.down == -sum, "sections overlapped: %" PRId64 " and %" PRId64, shared.up,
                shared.down);
}

static void bench_go_mutex_no_spin_batch(struct bench_batch *batch)
{
    struct bench_go_locks shared = {0};
    bench_go_locks_run(batch, &shared, BENCH_GO_NO_SPIN, BENCH_LOOP_NAME(go_mutex_no_spin));
    bench_check(shared.up == -shared.down && shared.up >= 25 * (int64_t)batch->units,
                "sections overlapped: %" PRId64 " and %" PRId64, shared.up, shared.down);
}

/* --- readers and writers ---------------------------------------------------------------------------- */

static force_inline void bench_go_rwmutex_own(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_locks *own = bench_alloc(sizeof *own);
    while (bench_next(&it)) {
        weft_rlock(&own->rwmutex);
        weft_rlock(&own->rwmutex);
        weft_runlock(&own->rwmutex);
        weft_runlock(&own->rwmutex);
        weft_wlock(&own->rwmutex);
        weft_wunlock(&own->rwmutex);
    }
    free(own);
    bench_parallel_leave(&it, 0);
}

/* foo *= 2; foo /= 2, which Go does compile here, as foo is not 0: two steps up and, past the sign, two down. `one` is
 * 1: a compiler that knew it would leave two of them out. */
static force_inline uint64_t bench_go_double_halve(uint64_t foo, uint64_t units, uint64_t one)
{
    for (uint64_t i = 0; i < units; i++) {
        uint64_t twice = foo << one;
        foo = (uint64_t)((int64_t)(twice + (twice >> 63)) >> 1);
    }
    return foo;
}

static void bench_go_rwmutex_work(void *arg)
{
    struct bench_go_locks *shared = arg;
    shared->one = bench_go_double_halve(shared->one, BENCH_GO_LOCK_WORK, shared->one);
}

static force_inline void bench_go_rwmutex_shared(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct bench_go_locks *shared = it.parallel->shared;
    uint64_t foo = 0;
    uint64_t count = 0;
    while (bench_next(&it)) {
        foo++;
        count++;
        if (foo % shared->write_every == 0) {
            weft_wlock(&shared->rwmutex);
            weft_wunlock(&shared->rwmutex);
        } else {
            weft_rlock(&shared->rwmutex);
            foo = bench_go_double_halve(foo, shared->work, shared->one);
            weft_runlock(&shared->rwmutex);
        }
    }
    bench_parallel_leave(&it, foo != count);
}

BENCH_LOOP(go_rwmutex_own)(void *parallel)
{
    bench_go_rwmutex_own(parallel);
}

BENCH_LOOP(go_rwmutex_shared)(void *parallel)
{
    bench_go_rwmutex_shared(parallel);
}

static void bench_go_rwmutex_own_batch(struct bench_batch *batch)
{
    bench_go_locks_run(batch, &(struct bench_go_locks){0}, 1, BENCH_LOOP_NAME(go_rwmutex_own));
}

/* Of the row's argument: units of work, and how often one writes. */
static void bench_go_rwmutex_shared_batch(struct bench_batch *batch)
{
    uint64_t argument = batch->cell->workload->argument;
    struct bench_go_locks shared = {
        .work = argument / BENCH_GO_WRITE_MASK, .write_every = argument % BENCH_GO_WRITE_MASK, .one = 1};
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, BENCH_LOOP_NAME(go_rwmutex_shared), &shared);
    bench_clock_stop(&clock);
    if (shared.work != 0) { /* not in the sections of writers */
        double reads = 1 - 1 / (double)shared.write_every;
        bench_work_alone(batch, bench_go_rwmutex_work, &shared,
                         reads / bench_work_parallel(batch->cell, batch->cell->workers));
    }
}

#define BENCH_GO_LOCK(id) BENCH_GO_OF("sync", id, id, "sync")
#define BENCH_GO_LOCK_AND_WORK(id) BENCH_GO_OF("sync", id, id, "work")
/* name: BENCH_GO_LOCK(...) or BENCH_GO_LOCK_AND_WORK(...) */
#define BENCH_GO_MUTEX(name, units, times)                                                                             \
    {                                                                                                                  \
        name, .question = "what does a mutex cost that all tasks want?", .unit = "lock and unlock",                    \
              .argument = (units)*BENCH_GO_WRITE_MASK + (times), .batch = bench_go_mutex_shared_batch                  \
    }
#define BENCH_GO_RWMUTEX(name, units, every)                                                                           \
    {                                                                                                                  \
        name, .question = "what do many readers and few writers cost?", .unit = "lock and unlock",                     \
              .argument = (units)*BENCH_GO_WRITE_MASK + (every), .batch = bench_go_rwmutex_shared_batch                \
    }

static const struct bench_workload bench_go_lock_rows[] = {
    {BENCH_GO_LOCK("MutexUncontended"), .question = "what does a mutex cost that nobody else wants?",
     .unit = "lock and unlock", .batch = bench_go_mutex_own_batch},
    BENCH_GO_MUTEX(BENCH_GO_LOCK("Mutex"), 0, 1),
    BENCH_GO_MUTEX(BENCH_GO_LOCK("MutexSlack"), 0, BENCH_GO_SLACK),
    BENCH_GO_MUTEX(BENCH_GO_LOCK_AND_WORK("MutexWork"), BENCH_GO_LOCK_WORK, 1),
    BENCH_GO_MUTEX(BENCH_GO_LOCK_AND_WORK("MutexWorkSlack"), BENCH_GO_LOCK_WORK, BENCH_GO_SLACK),
    {BENCH_GO_LOCK("MutexNoSpin"), .question = "what does a mutex cost among many tasks that mostly do something else?",
     .unit = "section or task", .batch = bench_go_mutex_no_spin_batch},
    {BENCH_GO_LOCK("MutexSpin"), .question = "what does a mutex cost among few tasks with much data?",
     .unit = "section and data", .batch = bench_go_mutex_spin_batch},
    {BENCH_GO_LOCK("RWMutexUncontended"),
     .question = "what does a readers' and writers' mutex cost that nobody else wants?", .unit = "two reads, one write",
     .batch = bench_go_rwmutex_own_batch},
    BENCH_GO_RWMUTEX(BENCH_GO_LOCK("RWMutexWrite100"), 0, 100),
    BENCH_GO_RWMUTEX(BENCH_GO_LOCK("RWMutexWrite10"), 0, 10),
    BENCH_GO_RWMUTEX(BENCH_GO_LOCK_AND_WORK("RWMutexWorkWrite100"), BENCH_GO_LOCK_WORK, 100),
    BENCH_GO_RWMUTEX(BENCH_GO_LOCK_AND_WORK("RWMutexWorkWrite10"), BENCH_GO_LOCK_WORK, 10),
};
