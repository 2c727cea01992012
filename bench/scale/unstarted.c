/* unstarted: what does a task cost that was spawned and has not run yet?
 *
 *   main -> `size` tasks, none of which runs while main spawns; then all run, count, and end
 *
 * To be had with one worker only, which main keeps. spawn_ns: per task, the loop of weft_go(), descriptors never used
 * before. Memory is what the process has more than before, divided by the tasks that have not started: resident_bytes
 * (VmRSS), page_table_bytes (VmPTE), total_bytes; mappings, for all together. started: tasks that had run when memory
 * was read (a scheduler may take the worker from main): those are not counted as unstarted. run_ns: per task, until all
 * have run and ended.
 * Checked: all run, once each. */
#include "bench/scale/tools.h"

static struct {
    struct scale_sample *sample;
    _Atomic(uint64_t) started;
    struct weft_waitgroup ended;
} unstarted;

static void unstarted_task(void *unused)
{
    (void)unused;
    count_up(&unstarted.started, 1u); /* one worker */
    weft_wg_done(&unstarted.ended);
}

static void unstarted_main(void *unused)
{
    (void)unused;
    struct scale_sample *sample = unstarted.sample;
    uint64_t count = sample->size;
    weft_wg_add(&unstarted.ended, (int64_t)count);
    struct scale_memory before = scale_memory_now();
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < count; i++) {
        scale_go(unstarted_task, NULL);
    }
    weft_ns spawned = scale_now();
    struct scale_memory now = scale_memory_now();
    uint64_t started = load_relaxed(&unstarted.started); /* one worker */
    weft_ns again = scale_now();
    weft_wg_wait(&unstarted.ended);
    weft_ns end = scale_now();
    double left = (double)(count - started);
    scale_check(left > 0, "unstarted: all tasks started at once");
    double resident = (double)(now.resident - before.resident) / left;
    double tables = (double)(now.page_tables - before.page_tables) / left;
    scale_value(sample, (double)(spawned - begin) / (double)count, "spawn_ns");
    scale_value(sample, resident, "resident_bytes");
    scale_value(sample, tables, "page_table_bytes");
    scale_value(sample, resident + tables, "total_bytes");
    scale_value(sample, (double)(now.mappings - before.mappings), "mappings");
    scale_value(sample, (double)started, "started");
    scale_value(sample, (double)(end - again) / left, "run_ns");
    scale_check(load_relaxed(&unstarted.started) == count, "unstarted: not every task ran once"); /* one worker */
}

static void unstarted_measure(struct scale_sample *sample)
{
    scale_check(sample->workers == 1, "unstarted: with more workers than one, tasks start");
    unstarted.sample = sample;
    scale_run(1, unstarted_main, NULL);
}

const struct scale_figure scale_unstarted = {
    .name = "unstarted",
    .question = "the memory of a task that has not run yet?",
    .size_of = "tasks",
    .size = 10000000,
    .size_min = 1,
    .size_max = 100000000,
    .measure = unstarted_measure,
};
