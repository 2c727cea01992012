/* weft_pool and weft_results: a bounded pool of workers, and streams of jobs with results over it.
 *
 * Idea: jobs wait in a circular buffer under a mutex with two conditions, as the textbook has it: a shutdown must take
 * the waiting jobs out and know of each what became of it, which a channel does not show. Each job runs in a frame,
 * whose deferred call catches its panic and settles what the job leaves behind, also when it exits its task: then a new
 * worker takes that one's place.
 * A stream has `window` slots, one for each result under way or unread; a permit of its semaphore stands for a vacant
 * one.
 * State: all of a pool under its mutex; all of a stream under its own. Lock order: none holds both. */
#include "sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
    void (*run)(void *arg);
    void *arg;
    void (*drop)(void *arg);                        /* instead of run, by a shutdown; or NULL */
    void (*failed)(void *arg, const char *message); /* it panicked; NULL: the pool's report */
};

struct weft_pool {
    struct weft_mutex mutex;
    struct weft_cond filled, emptied, settled; /* a job came; a place came free; `open` fell to 0 */
    struct weft_waitgroup workers;
    size_t capacity, head, count; /* of the queue */
    size_t open;                  /* jobs that were submitted and are not done */
    bool closed;
    size_t panics;
    void (*handler)(void *arg, const char *message);
    void *handler_arg;
    struct job queue[];
};

/* --- the workers ------------------------------------------------------------------------------------ */

struct turn {
    struct weft_pool *pool;
    struct job job;
    bool returned;
};

static void worker_main(void *arg);

static void report(struct weft_pool *pool, const struct job *job, const char *message)
{
    weft_lock(&pool->mutex);
    pool->panics++;
    void (*handler)(void *, const char *) = pool->handler;
    void *handler_arg = pool->handler_arg;
    weft_unlock(&pool->mutex);
    if (job->failed != NULL) {
        job->failed(job->arg, message);
    } else if (handler != NULL) {
        handler(handler_arg, message);
    } else {
        fprintf(stderr, "weft: a job (%p) of the pool %p panicked: %s\n", (void *)(uintptr_t)job->run, (void *)pool,
                message);
    }
}

static void settle(struct weft_pool *pool, size_t jobs)
{
    weft_lock(&pool->mutex);
    pool->open -= jobs;
    if (pool->open == 0) {
        weft_cond_broadcast(&pool->settled);
    }
    weft_unlock(&pool->mutex);
}

/* Deferred: after a return, a panic, or an exit of the job. */
static void turn_ends(void *arg)
{
    struct turn *turn = arg;
    struct weft_pool *pool = turn->pool;
    const char *message = weft_recover();
    if (message != NULL) {
        report(pool, &turn->job, message);
    } else if (!turn->returned) { /* the job exits this task: another one takes over */
        if (turn->job.failed != NULL) {
            turn->job.failed(turn->job.arg, "the job called weft_exit");
        }
        weft_wg_add(&pool->workers, 1);
        while (weft_go_named("pool", worker_main, pool) != WEFT_OK) {
            weft_sleep(1000000); /* no memory */
        }
    }
    settle(pool, 1);
}

static void run_turn(void *arg)
{
    struct turn *turn = arg;
    weft_defer(turn_ends, turn);
    turn->job.run(turn->job.arg);
    turn->returned = true;
}

/* Waits for a job; false: closed, and none is left. */
static bool next_job(struct weft_pool *pool, struct job *job)
{
    weft_lock(&pool->mutex);
    while (pool->count == 0 && !pool->closed) {
        weft_cond_wait(&pool->filled, &pool->mutex);
    }
    bool found = pool->count != 0;
    if (found) {
        *job = pool->queue[pool->head];
        pool->head = (pool->head + 1) % pool->capacity;
        pool->count--;
        weft_cond_signal(&pool->emptied);
    }
    weft_unlock(&pool->mutex);
    return found;
}

static void worker_leaves(void *arg)
{
    weft_wg_done(arg);
}

/* A frame of its own: what is deferred there takes no memory. */
static void worker_run(void *arg)
{
    struct weft_pool *pool = arg;
    struct turn turn = {.pool = pool};
    weft_defer(worker_leaves, &pool->workers);
    while (next_job(pool, &turn.job)) {
        turn.returned = false;
        weft_call(run_turn, &turn);
    }
}

static void worker_main(void *pool)
{
    weft_call(worker_run, pool);
}

/* --- the pool --------------------------------------------------------------------------------------- */

struct weft_pool *weft_pool_new(unsigned workers, size_t queue)
{
    task_self(); /* panics outside of a task */
    size_t size;
    queue = queue == 0 ? 1 : queue;
    if (workers == 0 || __builtin_mul_overflow(queue, sizeof(struct job), &size) ||
        __builtin_add_overflow(size, sizeof(struct weft_pool), &size)) {
        return NULL;
    }
    struct weft_pool *pool = calloc(1, size);
    if (pool == NULL) {
        return NULL;
    }
    pool->capacity = queue;
    for (unsigned i = 0; i < workers; i++) {
        weft_wg_add(&pool->workers, 1);
        if (weft_go_named("pool", worker_main, pool) != WEFT_OK) {
            weft_wg_done(&pool->workers);
            weft_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

static enum weft_status enqueue(struct weft_pool *pool, const struct job *job, bool wait)
{
    weft_lock(&pool->mutex);
    while (wait && pool->count == pool->capacity && !pool->closed) {
        weft_cond_wait(&pool->emptied, &pool->mutex);
    }
    enum weft_status status = pool->closed ? WEFT_CLOSED : pool->count == pool->capacity ? WEFT_AGAIN : WEFT_OK;
    if (status == WEFT_OK) {
        pool->queue[(pool->head + pool->count) % pool->capacity] = *job;
        pool->count++;
        pool->open++;
        weft_cond_signal(&pool->filled);
    }
    weft_unlock(&pool->mutex);
    return status;
}

enum weft_status weft_pool_submit(struct weft_pool *pool, void (*job)(void *), void *arg)
{
    return job == NULL ? WEFT_INVALID : enqueue(pool, &(struct job){.run = job, .arg = arg}, true);
}

enum weft_status weft_pool_try_submit(struct weft_pool *pool, void (*job)(void *), void *arg)
{
    return job == NULL ? WEFT_INVALID : enqueue(pool, &(struct job){.run = job, .arg = arg}, false);
}

void weft_pool_on_panic(struct weft_pool *pool, void (*handler)(void *arg, const char *message), void *arg)
{
    weft_lock(&pool->mutex);
    pool->handler = handler;
    pool->handler_arg = arg;
    weft_unlock(&pool->mutex);
}

size_t weft_pool_panics(struct weft_pool *pool)
{
    weft_lock(&pool->mutex);
    size_t panics = pool->panics;
    weft_unlock(&pool->mutex);
    return panics;
}

void weft_pool_drain(struct weft_pool *pool)
{
    weft_lock(&pool->mutex);
    while (pool->open != 0) {
        weft_cond_wait(&pool->settled, &pool->mutex);
    }
    weft_unlock(&pool->mutex);
}

/* No more jobs; those who wait for a place or for a job look again. */
static void close_pool(struct weft_pool *pool)
{
    weft_lock(&pool->mutex);
    pool->closed = true;
    weft_cond_broadcast(&pool->filled);
    weft_cond_broadcast(&pool->emptied);
    weft_unlock(&pool->mutex);
}

/* Takes one job out of the queue of a closed pool. */
static bool drop_one(struct weft_pool *pool)
{
    struct job job = {0};
    weft_lock(&pool->mutex);
    bool found = pool->count != 0;
    if (found) {
        job = pool->queue[pool->head];
        pool->head = (pool->head + 1) % pool->capacity;
        pool->count--;
    }
    weft_unlock(&pool->mutex);
    if (found && job.drop != NULL) {
        job.drop(job.arg);
    }
    return found;
}

size_t weft_pool_shutdown(struct weft_pool *pool)
{
    size_t dropped = 0;
    close_pool(pool);
    while (drop_one(pool)) {
        dropped++;
    }
    settle(pool, dropped);
    weft_wg_wait(&pool->workers);
    return dropped;
}

void weft_pool_free(struct weft_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    weft_pool_drain(pool);
    close_pool(pool);
    weft_wg_wait(&pool->workers);
    free(pool); /* whoever had the mutex last is through with it: see mutex.c, M4 */
}

/* --- streams of results ----------------------------------------------------------------------------- */

struct slot {
    struct weft_results *results;
    void *(*job)(void *arg);
    void *arg;
    struct weft_result result;
};

struct weft_results {
    struct weft_pool *pool;
    enum weft_order order;
    struct weft_sem places; /* free slots */
    struct weft_mutex mutex;
    struct weft_cond changed; /* a result came, or the stream was closed */
    uint64_t submitted;       /* jobs so far; the next one's index */
    uint64_t received;        /* results so far; ordered: the next one's index */
    size_t done;              /* results that wait; unordered: in `finished` */
    size_t under_way;
    bool closed;
    size_t window, finished_head;
    size_t *finished; /* slots in the order of their completion */
    size_t *vacant;   /* slots that are free: a stack */
    size_t vacant_count;
    struct slot slots[];
};

/* The result is complete. */
static void slot_done(struct slot *slot)
{
    struct weft_results *results = slot->results;
    weft_lock(&results->mutex);
    results->finished[(results->finished_head + results->done) % results->window] = (size_t)(slot - results->slots);
    results->done++;
    results->under_way--;
    weft_cond_broadcast(&results->changed); /* ordered: each of them may wait for another one */
    weft_unlock(&results->mutex);
}

static void slot_run(void *arg)
{
    struct slot *slot = arg;
    slot->result.value = slot->job(slot->arg);
    slot_done(slot);
}

static void slot_failed(void *arg, const char *message)
{
    struct slot *slot = arg;
    slot->result.panicked = true;
    snprintf(slot->result.message, sizeof slot->result.message, "%s", message);
    slot_done(slot);
}

static void slot_drop(void *arg)
{
    struct slot *slot = arg;
    slot->result.dropped = true;
    slot_done(slot);
}

struct weft_results *weft_results_new(struct weft_pool *pool, enum weft_order order, size_t window)
{
    struct weft_results *results = NULL;
    size_t size;
    if (window == 0 || __builtin_mul_overflow(window, sizeof(struct slot) + 2 * sizeof(size_t), &size) ||
        __builtin_add_overflow(size, sizeof *results, &size) || (results = calloc(1, size)) == NULL) {
        return NULL;
    }
    results->pool = pool;
    results->order = order;
    results->window = window;
    results->finished = (size_t *)(void *)(results->slots + window);
    results->vacant = results->finished + window;
    weft_sem_init(&results->places, window);
    for (size_t i = 0; i < window; i++) {
        results->slots[i].results = results;
        results->vacant[results->vacant_count++] = i;
    }
    return results;
}

/* A place for one job more; NULL: closed. */
static struct slot *open_slot(struct weft_results *results, void *(*job)(void *), void *arg)
{
    struct slot *slot = NULL;
    weft_sem_acquire(&results->places, 1, NULL);
    weft_lock(&results->mutex);
    if (!results->closed) {
        slot = &results->slots[results->vacant[--results->vacant_count]];
        slot->job = job;
        slot->arg = arg;
        slot->result = (struct weft_result){.index = results->submitted++};
        results->under_way++;
    }
    weft_unlock(&results->mutex);
    if (slot == NULL) {
        weft_sem_release(&results->places, 1);
    }
    return slot;
}

enum weft_status weft_results_submit(struct weft_results *results, void *(*job)(void *), void *arg)
{
    struct slot *slot = job == NULL ? NULL : open_slot(results, job, arg);
    if (slot == NULL) {
        return job == NULL ? WEFT_INVALID : WEFT_CLOSED;
    }
    struct job wrapped = {.run = slot_run, .arg = slot, .drop = slot_drop, .failed = slot_failed};
    enum weft_status status = enqueue(results->pool, &wrapped, true);
    if (status != WEFT_OK) { /* the pool was shut down: the index is taken, so the result says so */
        slot_drop(slot);
    }
    return status;
}

void weft_results_close(struct weft_results *results)
{
    weft_lock(&results->mutex);
    results->closed = true;
    weft_cond_broadcast(&results->changed);
    weft_unlock(&results->mutex);
}

/* Under the mutex: takes out the next result, if it is there. */
static bool take_result(struct weft_results *results, struct weft_result *result)
{
    for (size_t i = 0; i < results->done; i++) {
        size_t at = (results->finished_head + i) % results->window;
        size_t number = results->finished[at];
        struct slot *slot = &results->slots[number];
        if (results->order == WEFT_ORDERED && slot->result.index != results->received) {
            continue;
        }
        results->finished[at] = results->finished[results->finished_head]; /* ordered: any order will do */
        results->finished_head = (results->finished_head + 1) % results->window;
        results->done--;
        results->received++;
        *result = slot->result;
        results->vacant[results->vacant_count++] = number;
        return true;
    }
    return false;
}

enum weft_status weft_results_next(struct weft_results *results, struct weft_result *result)
{
    bool found;
    weft_lock(&results->mutex);
    while (!(found = take_result(results, result)) && !(results->closed && results->done + results->under_way == 0)) {
        weft_cond_wait(&results->changed, &results->mutex);
    }
    weft_unlock(&results->mutex);
    if (found) {
        weft_sem_release(&results->places, 1);
    }
    return found ? WEFT_OK : WEFT_CLOSED;
}

void weft_results_free(struct weft_results *results)
{
    if (results == NULL) {
        return;
    }
    weft_lock(&results->mutex);
    results->closed = true;
    while (results->under_way != 0) {
        weft_cond_wait(&results->changed, &results->mutex);
    }
    weft_unlock(&results->mutex);
    free(results);
}
