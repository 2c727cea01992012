/* spawn_chain: what does it cost to start a task and to end one?
 *
 *     main ==> task n --spawns--> task n-1 --spawns--> ... --spawns--> task 1
 *              (ends)             (ends)                               (says so)
 *
 * No parameters. One operation is one task: spawned, run, ended. Definition: runtime/proc_test.go's CreateGoroutines,
 * f(n) spawns f(n-1) and ends.
 * Timed: from just before the first spawn to the last task's first instruction after its own check.
 * Checked: each task is the next in turn, and each ran once.
 * Not measured: many tasks alive at once (spawn_flat), tasks that wait. */

static struct {
    struct bench_line *line;
    uint64_t expected; /* handed on from task to task: spawn orders it */
    uint64_t ran;
    uint64_t wrong;
} bench_chain;

static force_inline void bench_spawn_chain_link(const struct sched_ops *ops, task_fn next, uint64_t number)
{
    bench_chain.wrong += number != bench_chain.expected;
    bench_chain.expected = number - 1;
    bench_chain.ran++;
    if (unlikely(number == 1)) {
        bench_line_leave(bench_chain.line);
        return;
    }
    enum weft_status status = ops->spawn(NULL, next, (void *)(uintptr_t)(number - 1));
    if (unlikely(status != WEFT_OK)) {
        bench_fail("spawning a task: %s", weft_status_name(status));
        bench_line_leave(bench_chain.line);
    }
}

BENCH_LOOP(spawn_chain)(void *number)
{
    bench_spawn_chain_link(BENCH_OPS, BENCH_LOOP_NAME(spawn_chain), (uintptr_t)number);
}

static void bench_spawn_chain_batch(struct bench_batch *batch)
{
    struct bench_line *line = bench_alloc(sizeof *line);
    bench_line_init(line, batch, 1);
    bench_chain.line = line;
    bench_chain.expected = batch->units;
    bench_chain.ran = bench_chain.wrong = 0;
    bench_line_start(line);
    if (bench_line_spawn(line, BENCH_LOOP_NAME(spawn_chain), (void *)(uintptr_t)batch->units)) {
        bench_line_finish(line);
        bench_check(bench_chain.wrong == 0, "%" PRIu64 " tasks ran out of turn", bench_chain.wrong);
        bench_check(bench_chain.ran == batch->units, "%" PRIu64 " of %" PRIu64 " tasks ran", bench_chain.ran,
                    batch->units);
    }
    free(line);
}

static uint64_t bench_spawn_chain_grain(const struct bench_cell *cell)
{
    (void)cell;
    return 1;
}

static const char *bench_spawn_chain_refuse(const struct bench_cell *cell)
{
    (void)cell;
    return NULL;
}

static const struct bench_workload bench_spawn_chain = {
    .name = "spawn_chain",
    .question = "what does it cost to start a task and to end one?",
    .unit = "task",
    .grain = bench_spawn_chain_grain,
    .refuse = bench_spawn_chain_refuse,
    .batch = bench_spawn_chain_batch,
};
