/* spawn_flat: what does a task cost when one producer starts them all and others may take them?
 *
 *     producer ==> task 0, task 1, ... task w-1        a wave; each task marks that it ran and ends
 *         ^------- the last one of the wave says so;   then the next wave
 *
 * No parameters. One operation is one task: spawned, run, ended, counted. Definition: runtime/proc_test.go's
 * CreateGoroutinesSingle, one producer spawns all, each marks a wait group; the other workers must steal. In waves of
 * 1000 (100 OS threads), since a million tasks at once measure page faults, which is another question.
 * Timed: from just before the first spawn to the end of the last task's wave.
 * Checked: each task of each wave ran once.
 * Beside the time: bytes that the allocator and the kernel gave for each task of a set that all wait
 * (alloc_bytes_per_task, rss_bytes_per_task), taken before the timed part.
 * Not measured: stacks deeper than one frame, tasks that wait. */
#include "core/lot.h"

enum { BENCH_FLAT_WAVE = 1000, BENCH_FLAT_WAVE_THREADS = 100, BENCH_FLAT_SAMPLE = 256, BENCH_FLAT_SAMPLE_THREADS = 32 };

static struct {
    _Alignas(CACHE_LINE) _Atomic(uint32_t) left; /* of the wave */
    _Atomic(uint32_t) wave_done;                 /* the producer waits on it: the number of the last wave that ended */
    _Alignas(CACHE_LINE) uint32_t wave;          /* the producer's: number of the wave, read by its tasks */
    uint32_t waves, size;
    uint64_t ran[BENCH_FLAT_WAVE]; /* how often a task of this index ran; each one's own */
} bench_flat;

/* Taken once a process, while no pool has memory to spare. */
static struct {
    bool taken;
    int64_t alloc, rss;
} bench_flat_bytes;

static force_inline void bench_spawn_flat_task(uint64_t *ran)
{
    ++*ran;
    /* acq_rel: the last task of the wave, and so the producer, sees what the others counted */
    if (unlikely(sub_acq_rel(&bench_flat.left, 1u) == 1)) {
        store_release(&bench_flat.wave_done, bench_flat.wave); /* -> bench_spawn_flat_wait */
        lot_wake(&bench_flat.wave_done, 1);
    }
}

BENCH_LOOP(spawn_flat_task)(void *ran)
{
    bench_spawn_flat_task(ran);
}

static force_inline void bench_spawn_flat_wait(uint32_t wave)
{
    uint32_t done;
    while ((done = load_acquire(&bench_flat.wave_done)) != wave) { /* acquire: what the wave's tasks did */
        lot_wait(&bench_flat.wave_done, done);
    }
}

static force_inline bool bench_spawn_flat_waves(const struct sched_ops *ops, task_fn task)
{
    for (uint32_t wave = 1; wave <= bench_flat.waves; wave++) {
        bench_flat.wave = wave;
        store_relaxed(&bench_flat.left, bench_flat.size); /* spawn orders it */
        for (uint32_t i = 0; i < bench_flat.size; i++) {
            enum weft_status status = ops->spawn(NULL, task, &bench_flat.ran[i]);
            if (unlikely(status != WEFT_OK)) {
                bench_fail("spawning a task: %s", weft_status_name(status));
                return false;
            }
        }
        bench_spawn_flat_wait(wave);
    }
    return true;
}

BENCH_LOOP(spawn_flat_produce)(struct bench_line *line)
{
    bench_spawn_flat_waves(BENCH_OPS, BENCH_LOOP_NAME(spawn_flat_task));
    bench_line_leave(line);
}

static void bench_spawn_flat_waiter(void *arg)
{
    struct bench_line *line = arg;
    bench_line_arrive(line);
    bench_line_leave(line);
}

/* What a task that waits costs in bytes. */
static void bench_spawn_flat_bytes(const struct bench_batch *batch)
{
    bench_flat_bytes.taken = true;
    int64_t count = BENCH_OPS->caps.os_threads ? BENCH_FLAT_SAMPLE_THREADS : BENCH_FLAT_SAMPLE;
    struct bench_line *line = bench_alloc(sizeof *line);
    struct bench_batch unused = *batch;
    bench_line_init(line, &unused, (uint32_t)count);
    int64_t resident = bench_resident_kib();
    int64_t allocated = bench_allocated();
    bool spawned = true;
    for (int64_t i = 0; i < count && spawned; i++) {
        spawned = bench_line_spawn(line, bench_spawn_flat_waiter, line);
    }
    if (!spawned) {
        return; /* the tasks that are there still use the line */
    }
    bench_flat_bytes.alloc = allocated < 0 ? -1 : (bench_allocated() - allocated) / count;
    bench_line_await(line);
    bench_flat_bytes.rss = resident < 0 ? -1 : (bench_resident_kib() - resident) * 1024 / count;
    bench_line_run(line);
    free(line);
}

static uint64_t bench_spawn_flat_grain(const struct bench_cell *cell)
{
    return cell->sched->caps.os_threads ? BENCH_FLAT_WAVE_THREADS : BENCH_FLAT_WAVE;
}

static void bench_spawn_flat_batch(struct bench_batch *batch)
{
    struct bench_line *line = bench_alloc(sizeof *line);
    memset(&bench_flat, 0, sizeof bench_flat);
    bench_flat.size = (uint32_t)bench_spawn_flat_grain(batch->cell);
    bench_flat.waves = (uint32_t)(batch->units / bench_flat.size);
    if (!bench_flat_bytes.taken) {
        bench_spawn_flat_bytes(batch);
    }
    batch->alloc_bytes_per_task = bench_flat_bytes.alloc;
    batch->rss_bytes_per_task = bench_flat_bytes.rss;
    bench_line_init(line, batch, 1);
    bench_line_start(line);
    BENCH_LOOP_NAME(spawn_flat_produce)(line);
    bench_line_finish(line);
    uint64_t wrong = 0;
    for (uint32_t i = 0; i < bench_flat.size; i++) {
        wrong += bench_flat.ran[i] != bench_flat.waves;
    }
    bench_check(wrong == 0, "%" PRIu64 " of %" PRIu32 " tasks of a wave did not run once a wave", wrong,
                bench_flat.size);
    free(line);
}

static const char *bench_spawn_flat_refuse(const struct bench_cell *cell)
{
    (void)cell;
    return NULL;
}

static const struct bench_workload bench_spawn_flat = {
    .name = "spawn_flat",
    .question = "what does a task cost when one producer starts them all and others may take them?",
    .unit = "task",
    .grain = bench_spawn_flat_grain,
    .refuse = bench_spawn_flat_refuse,
    .batch = bench_spawn_flat_batch,
};
