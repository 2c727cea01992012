/* noop: what do tasks cost that do nothing, spawned by one producer that then waits for them all?
 *
 *   producer -> `size` tasks -> waitgroup -> producer
 *
 * Timed: from before the group is added to until wait has returned; each value is that per task. first_ns: the first
 * time in the process, add(size) once, then a task that only calls done. warm_ns: the second time. each_ns: the third,
 * with weft_wg_go() for each task, which is add, go and a deferred done (Go: wg.Add(1), and a deferred wg.Done() in the
 * goroutine; wg.Go() where there is one does that too).
 * Checked: wait returns, so all have called done, and the counter is exact, or done would have panicked; then none is
 * alive. */
#include "bench/scale/tools.h"

static struct weft_waitgroup noop_group;

static void noop_task(void *unused)
{
    (void)unused;
    weft_wg_done(&noop_group);
}

static void noop_nothing(void *unused)
{
    (void)unused;
}

static double noop_once(uint64_t count)
{
    weft_ns begin = scale_now();
    weft_wg_add(&noop_group, (int64_t)count);
    for (uint64_t i = 0; i < count; i++) {
        scale_go(noop_task, NULL);
    }
    weft_wg_wait(&noop_group);
    return (double)(scale_now() - begin) / (double)count;
}

static double noop_each(uint64_t count)
{
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < count; i++) {
        enum weft_status status = weft_wg_go(&noop_group, noop_nothing, NULL);
        scale_check(status == WEFT_OK, "weft_wg_go: %s", weft_status_name(status));
    }
    weft_wg_wait(&noop_group);
    return (double)(scale_now() - begin) / (double)count;
}

static void noop_main(void *arg)
{
    struct scale_sample *sample = arg;
    scale_value(sample, noop_once(sample->size), "first_ns");
    scale_value(sample, noop_once(sample->size), "warm_ns");
    scale_value(sample, noop_each(sample->size), "each_ns");
    size_t left = weft_check_leaks(-1, 1000000000);
    scale_check(left == 0, "noop: %zu tasks are left", left);
}

static void noop_measure(struct scale_sample *sample)
{
    scale_run(sample->workers, noop_main, sample);
}

const struct scale_figure scale_noop = {
    .name = "noop",
    .question = "tasks that do nothing, from one producer?",
    .size_of = "tasks",
    .size = 2000000,
    .size_min = 1,
    .size_max = 100000000,
    .measure = noop_measure,
};
