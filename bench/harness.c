/* The parts of a sample: memory, channels, start and finish line, what a batch cost, how many units it has. */
#include "bench/harness.h"

#include "core/lot.h"

#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* jemalloc's, if it is linked. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new_value, size_t new_size)
    __attribute__((weak));

enum {
    FIRST_UNITS = 16,
    WARM_UP_GROWTH = 16, /* of the number of units, at most, from batch to batch */
    SAMPLE_BATCHES = 4,  /* that make up a sample */
};
static const double units_max = 1e12;

/* --- failure ---------------------------------------------------------------------------------------- */

static _Atomic(bool) failed;
static char failure[256]; /* written by whoever set `failed`, read after the run */

void bench_fail(const char *format, ...)
{
    if (exchange_acq_rel(&failed, true)) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure, sizeof failure, format, arguments);
    va_end(arguments);
}

const char *bench_failure(void)
{
    return load_acquire(&failed) ? failure : NULL; /* acquire: for readers that have not joined the writer */
}

/* --- memory ----------------------------------------------------------------------------------------- */

void *bench_alloc(size_t size)
{
    size = (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, size);
    if (memory == NULL) {
        fprintf(stderr, "weft-bench: no memory for %zu bytes\n", size);
        abort();
    }
    memset(memory, 0, size);
    return memory;
}

/* Not stats.allocated: it counts what a thread's cache holds back. */
int64_t bench_allocated(void)
{
    uint64_t allocated;
    uint64_t freed;
    size_t size = sizeof allocated;
    if (mallctl == NULL || mallctl("thread.allocated", &allocated, &size, NULL, 0) != 0 ||
        mallctl("thread.deallocated", &freed, &size, NULL, 0) != 0) {
        return -1;
    }
    return (int64_t)(allocated - freed);
}

const char *bench_allocator(void)
{
    static char name[64] = "libc";
    const char *version;
    size_t size = sizeof version;
    if (mallctl != NULL && mallctl("version", &version, &size, NULL, 0) == 0) {
        snprintf(name, sizeof name, "jemalloc %s", version);
        name[strcspn(name, "-")] = '\0'; /* without the commit */
    }
    return name;
}

int64_t bench_resident_kib(void)
{
    /* not getrusage: its maximum is inherited from the process that started this one */
    unsigned long size;
    unsigned long resident;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL) {
        return -1;
    }
    int count = fscanf(file, "%lu %lu", &size, &resident);
    fclose(file);
    return count == 2 ? (int64_t)resident * (sysconf(_SC_PAGESIZE) / 1024) : -1;
}

/* --- channels --------------------------------------------------------------------------------------- */

const char *bench_refuse_capacity(const struct chan_ops *ops, size_t capacity)
{
    static char why[128];
    const struct chan_caps *caps = &ops->caps;
    if (capacity < caps->capacity_min) {
        snprintf(why, sizeof why, "%s serves capacities from %zu", ops->name, caps->capacity_min);
        return why;
    }
    if (caps->elem_size_max != 0 && caps->elem_size_max < sizeof(uint64_t)) {
        snprintf(why, sizeof why, "%s serves elements of up to %zu bytes", ops->name, caps->elem_size_max);
        return why;
    }
    return NULL;
}

/* weft_chan_new_as refuses controls, rightly. */
static struct weft_chan *control_new(const struct chan_ops *ops, size_t capacity)
{
    struct weft_chan *chan = bench_alloc(ops->size(sizeof(uint64_t), capacity));
    chan->ops = ops;
    chan->elem_size = sizeof(uint64_t);
    chan->capacity = capacity;
    return chan;
}

struct weft_chan *bench_chan_new(struct bench_batch *batch, const struct chan_ops *ops, size_t capacity)
{
    int64_t before = bench_allocated();
    struct weft_chan *chan =
        ops->caps.control ? control_new(ops, capacity) : weft_chan_new_as(ops->name, sizeof(uint64_t), capacity);
    if (chan == NULL) {
        bench_fail("no memory for a channel of capacity %zu", capacity);
        return NULL;
    }
    batch->alloc_bytes_per_channel = before < 0 ? -1 : bench_allocated() - before;
    return chan;
}

struct weft_chan *bench_chan_make(size_t elem_size, size_t capacity)
{
    struct weft_chan *chan = weft_chan_new(elem_size, capacity);
    if (unlikely(chan == NULL)) {
        bench_fail("no channel of capacity %zu for elements of %zu bytes", capacity, elem_size);
    }
    return chan;
}

void bench_chan_free(struct weft_chan *chan)
{
    if (chan != NULL) {
        bench_check(chan->capacity == 0 || chan->ops->len(chan) == 0, "%zu elements left in a channel",
                    chan->ops->len(chan));
        weft_chan_free(chan);
    }
}

/* --- the lines -------------------------------------------------------------------------------------- */

weft_ns bench_cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (weft_ns)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_switches(int64_t *voluntary, int64_t *involuntary)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    *voluntary = usage.ru_nvcsw;
    *involuntary = usage.ru_nivcsw;
}

void bench_clock_start(struct bench_clock *clock, struct bench_batch *batch)
{
    clock->batch = batch;
    runtime.sched->counters(&clock->before);
    bench_switches(&clock->voluntary_before, &clock->involuntary_before);
    clock->cpu_before = bench_cpu_now();
    clock->start = weft_now();
}

/* The time between start and end, and what happened from start until now. */
static void clock_account(const struct bench_clock *clock)
{
    struct bench_batch *batch = clock->batch;
    struct sched_counters after;
    batch->wall_ns = clock->end - clock->start;
    batch->cpu_ns = bench_cpu_now() - clock->cpu_before;
    bench_switches(&batch->ctx_voluntary, &batch->ctx_involuntary);
    batch->ctx_voluntary -= clock->voluntary_before;
    batch->ctx_involuntary -= clock->involuntary_before;
    batch->rss_kib = bench_resident_kib();
    runtime.sched->counters(&after);
    batch->parks = (int64_t)(after.parks - clock->before.parks);
    batch->wakes = (int64_t)(after.wakes - clock->before.wakes);
    batch->steals = (int64_t)(after.steals_won - clock->before.steals_won);
    batch->switches = (int64_t)(after.switches - clock->before.switches);
}

void bench_clock_stop(struct bench_clock *clock)
{
    clock->end = weft_now();
    clock_account(clock);
}

void bench_line_init(struct bench_line *line, struct bench_batch *batch, uint32_t parties)
{
    *line = (struct bench_line){.clock.batch = batch, .parties = parties, .left = parties};
}

bool bench_line_spawn(struct bench_line *line, task_fn fn, void *arg)
{
    (void)line;
    enum weft_status status = weft_go(fn, arg);
    bench_check(status == WEFT_OK, "spawning a task: %s", weft_status_name(status));
    return status == WEFT_OK;
}

static void wait_for(_Atomic(uint32_t) *word)
{
    while (load_acquire(word) == BENCH_NOT_YET) { /* acquire: pairs with signal_all() */
        lot_wait(word, BENCH_NOT_YET);
    }
}

static void signal_all(_Atomic(uint32_t) *word)
{
    store_release(word, (uint32_t)BENCH_NOW); /* release: what came before this line, for wait_for() */
    lot_wake(word, UINT32_MAX);
}

void bench_line_arrive(struct bench_line *line)
{
    /* acq_rel: the last to arrive has seen what all the others did */
    if (add_acq_rel(&line->arrived, 1u) + 1 == line->parties) {
        signal_all(&line->all_here);
    }
    wait_for(&line->go);
}

void bench_line_leave(struct bench_line *line)
{
    /* acq_rel: the last to leave, and so the main task, sees what all the others counted */
    if (sub_acq_rel(&line->left, 1u) == 1) {
        line->clock.end = weft_now();
        signal_all(&line->all_left);
    }
}

void bench_line_start(struct bench_line *line)
{
    bench_clock_start(&line->clock, line->clock.batch);
}

void bench_line_finish(struct bench_line *line)
{
    wait_for(&line->all_left);
    clock_account(&line->clock);
}

void bench_line_await(struct bench_line *line)
{
    wait_for(&line->all_here);
}

void bench_line_run(struct bench_line *line)
{
    bench_line_await(line);
    bench_line_start(line);
    signal_all(&line->go);
    bench_line_finish(line);
}

/* --- processors ------------------------------------------------------------------------------------- */

static cpu_set_t usable; /* read once, as pinning changes it */
static pthread_once_t usable_once = PTHREAD_ONCE_INIT;

static void read_usable(void)
{
    if (sched_getaffinity(0, sizeof usable, &usable) != 0) {
        CPU_SET(0, &usable);
    }
}

unsigned bench_processors(void)
{
    pthread_once(&usable_once, read_usable);
    return (unsigned)CPU_COUNT(&usable);
}

/* --- a sample --------------------------------------------------------------------------------------- */

struct session {
    const struct bench_cell *cell;
    int64_t min_time_ns;
    struct bench_batch *sample; /* out: the sum of all timed batches */
};

static uint64_t round_units(const struct bench_cell *cell, double units)
{
    const struct bench_workload *workload = cell->workload;
    uint64_t grain = workload == NULL || workload->grain == NULL ? 1 : workload->grain(cell);
    uint64_t count = units < 1 ? 1 : units > units_max ? (uint64_t)units_max : (uint64_t)units;
    return (count + grain - 1) / grain * grain;
}

/* `batch` is the one before, and becomes this one. */
static void do_batch(const struct bench_cell *cell, double units, struct bench_batch *batch)
{
    *batch = (struct bench_batch){.cell = cell,
                                  .units = round_units(cell, units),
                                  .previous_units = batch->units,
                                  .previous_wall_ns = batch->wall_ns,
                                  .rss_kib = -1,
                                  .parks = -1,
                                  .wakes = -1,
                                  .steals = -1,
                                  .switches = -1,
                                  .work_ns = -1,
                                  .instead_ns = -1,
                                  .alloc_bytes_per_channel = -1,
                                  .alloc_bytes_per_task = -1,
                                  .rss_bytes_per_task = -1};
    if (cell->workload != NULL) {
        cell->workload->batch(batch);
    } else {
        cell->limit->batch(batch);
    }
    bench_check(bench_failure() != NULL || batch->wall_ns > 0, "the clock did not move");
}

static void add(int64_t *sum, int64_t value)
{
    *sum = value < 0 ? -1 : *sum + value;
}

/* Times and events add up; of sizes the last one stands. */
static void add_batch(struct bench_batch *sum, const struct bench_batch *batch)
{
    sum->units += batch->units;
    add(&sum->wall_ns, batch->wall_ns);
    add(&sum->cpu_ns, batch->cpu_ns);
    add(&sum->ctx_voluntary, batch->ctx_voluntary);
    add(&sum->ctx_involuntary, batch->ctx_involuntary);
    add(&sum->parks, batch->parks);
    add(&sum->wakes, batch->wakes);
    add(&sum->steals, batch->steals);
    add(&sum->switches, batch->switches);
    add(&sum->work_ns, batch->work_ns);
    add(&sum->instead_ns, batch->instead_ns);
    sum->rss_kib = batch->rss_kib;
    sum->alloc_bytes_per_channel = batch->alloc_bytes_per_channel;
    sum->alloc_bytes_per_task = batch->alloc_bytes_per_task;
    sum->rss_bytes_per_task = batch->rss_bytes_per_task;
}

/* The units that take this long at the batch's pace, at most `growth` times as many as it had. */
static double units_for(const struct bench_batch *batch, int64_t time, double growth)
{
    double factor = (double)time / (double)batch->wall_ns;
    return (double)batch->units * (factor > growth ? growth : factor);
}

/* Warm-up: batches that grow until one takes `aim`. Then as many batches as make up the time asked for, each sized by
 * the pace of the one before: a cell with two paces (now its tasks gather on one worker, now they do not) gives a
 * sample of about the length asked for in either. */
static void session_body(void *arg)
{
    struct session *session = arg;
    const struct bench_cell *cell = session->cell;
    struct bench_batch batch = {0};
    int64_t aim = session->min_time_ns / SAMPLE_BATCHES;
    if (cell->workload != NULL && aim < cell->workload->batch_min_ns) {
        aim = cell->workload->batch_min_ns;
    }
    do_batch(cell, FIRST_UNITS, &batch); /* cold: its time says nothing */
    double units = FIRST_UNITS;
    do {
        do_batch(cell, units, &batch);
        units = bench_failure() != NULL ? 0 : units_for(&batch, aim + aim / 4, WARM_UP_GROWTH);
    } while (bench_failure() == NULL && batch.wall_ns < aim);
    const struct bench_batch *sample = session->sample;
    while (bench_failure() == NULL && (sample->units == 0 || sample->wall_ns < session->min_time_ns - aim / 2)) {
        do_batch(cell, units_for(&batch, aim, WARM_UP_GROWTH), &batch);
        add_batch(session->sample, &batch);
    }
}

bool bench_sample(const struct bench_cell *cell, int64_t min_time_ns, struct bench_batch *sample)
{
    struct session session = {.cell = cell, .min_time_ns = min_time_ns, .sample = sample};
    *sample = (struct bench_batch){.cell = cell};
    if (cell->workload == NULL) {
        session_body(&session);
        return bench_failure() == NULL;
    }
    bool control = cell->chan == NULL || cell->chan->caps.control;
    struct weft_options options = {.sched = cell->sched->name,
                                   .chan = control ? registry_channels[0]->name : cell->chan->name,
                                   .workers = cell->workers,
                                   .seed = cell->seed};
    enum weft_status status = weft_run(&options, session_body, &session);
    bench_check(status == WEFT_OK, "weft_run: %s", weft_status_name(status));
    return bench_failure() == NULL;
}
