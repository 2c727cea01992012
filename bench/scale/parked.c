/* parked: what does a task that waits on a channel cost in memory, and in time to get there and away?
 *
 *   main -> `size` tasks, each: done with the group `ready`; receives from the one channel `gate`; done with the group
 *   `ended`
 *
 * Round 1, in a fresh process. spawn_ns: from before the first weft_go() until wait(ready) returns: each task has run
 * up to its receive; a stack is bound to each and touched for the first time. Then memory is read (below), and the
 * tasks are released by closing the gate: close_ns, from before the close until wait(ended) returns. Round 2, with
 * stacks that were used before: spawn_warm_ns, and send_ns: the tasks are released by one send each, by main. All per
 * task.
 * Memory per task is what the process has more than before round 1, divided: resident_bytes (VmRSS), page_table_bytes
 * (VmPTE), total_bytes (their sum: pages, page tables, descriptor, waiter). stack_pages: pages in memory of a task's
 * stack, the mean over up to 10,000 tasks, from /proc/self/pagemap; stack_bytes: those in bytes; other_bytes: what is
 * resident beside them: descriptors and what the allocator adds. mappings: lines of /proc/self/maps more than before,
 * for all tasks together. parked_64k is the same with weft_options.stack_size at 64 KiB. A page of page tables serves 2
 * MiB of addresses: one stack of the default size, 15 of these.
 * Checked: each task runs once a round, receives what it should (closed, or its number's share of the sum). */
#include "bench/scale/tools.h"

#include <stdlib.h>
#include <unistd.h>

enum { STACK_SAMPLES = 10000, SMALL_STACK = 64 * 1024 };

static const weft_ns settle_ns = 20000000;

struct parked {
    struct scale_sample *sample;
    struct weft_chan *gate;
    struct weft_waitgroup ready, ended;
    _Atomic(uint64_t) sum; /* of what was received */
    uintptr_t *frames;     /* where each task's frame is; each slot its task's */
};

static struct parked parked;

static void parked_task(void *arg)
{
    uintptr_t *frame = arg;
    uint64_t number;
    *frame += (uintptr_t)__builtin_frame_address(0); /* added: a task that ran twice would show */
    weft_wg_done(&parked.ready);
    if (weft_recv(parked.gate, &number) == WEFT_OK) {
        add_relaxed(&parked.sum, number); /* the group orders it before the check */
    }
    weft_wg_done(&parked.ended);
}

/* Returns the time per task. */
static double parked_spawn(uint64_t count)
{
    parked.gate = scale_chan(0);
    for (uint64_t i = 0; i < count; i++) {
        parked.frames[i] = 0;
    }
    weft_ns begin = scale_now();
    weft_wg_add(&parked.ready, (int64_t)count);
    weft_wg_add(&parked.ended, (int64_t)count);
    for (uint64_t i = 0; i < count; i++) {
        scale_go(parked_task, &parked.frames[i]);
    }
    weft_wg_wait(&parked.ready);
    double each = (double)(scale_now() - begin) / (double)count;
    weft_sleep(settle_ns); /* the last ones are on their way from done to the receive */
    return each;
}

static void parked_memory(const struct scale_memory *before)
{
    struct scale_sample *sample = parked.sample;
    double count = (double)sample->size;
    struct scale_memory now = scale_memory_now();
    double resident = (double)(now.resident - before->resident) / count;
    double tables = (double)(now.page_tables - before->page_tables) / count;
    uint64_t step = sample->size / STACK_SAMPLES + 1;
    uint64_t looked_at = 0;
    uint64_t pages = 0;
    for (uint64_t i = 0; i < sample->size; i += step, looked_at++) {
        scale_check(parked.frames[i] != 0, "parked: task %" PRIu64 " has not run", i);
        pages += scale_stack_pages(parked.frames[i]);
    }
    double stack_pages = (double)pages / (double)looked_at;
    double stack_bytes = stack_pages * (double)sysconf(_SC_PAGESIZE);
    scale_value(sample, resident, "resident_bytes");
    scale_value(sample, tables, "page_table_bytes");
    scale_value(sample, resident + tables, "total_bytes");
    scale_value(sample, stack_pages, "stack_pages");
    scale_value(sample, stack_bytes, "stack_bytes");
    scale_value(sample, resident - stack_bytes, "other_bytes");
    scale_value(sample, (double)(now.mappings - before->mappings), "mappings");
}

static double parked_release_by_close(uint64_t count)
{
    weft_ns begin = scale_now();
    weft_close(parked.gate);
    weft_wg_wait(&parked.ended);
    double each = (double)(scale_now() - begin) / (double)count;
    scale_check(load_relaxed(&parked.sum) == 0, "parked: a closed channel gave values"); /* the group orders it */
    weft_chan_free(parked.gate);
    return each;
}

static double parked_release_by_send(uint64_t count)
{
    weft_ns begin = scale_now();
    for (uint64_t i = 1; i <= count; i++) {
        weft_send(parked.gate, &i);
    }
    weft_wg_wait(&parked.ended);
    double each = (double)(scale_now() - begin) / (double)count;
    uint64_t sum = load_relaxed(&parked.sum); /* the group orders it */
    scale_check(sum == count * (count + 1) / 2, "parked: the sum of %" PRIu64 " messages is %" PRIu64, count, sum);
    weft_chan_free(parked.gate);
    return each;
}

static void parked_main(void *unused)
{
    (void)unused;
    struct scale_sample *sample = parked.sample;
    struct scale_memory before = scale_memory_now();
    scale_value(sample, parked_spawn(sample->size), "spawn_ns");
    parked_memory(&before);
    scale_value(sample, parked_release_by_close(sample->size), "close_ns");
    scale_value(sample, parked_spawn(sample->size), "spawn_warm_ns");
    scale_value(sample, parked_release_by_send(sample->size), "send_ns");
}

static void parked_with(struct scale_sample *sample, size_t stack_size)
{
    parked.sample = sample;
    parked.frames = scale_alloc(sample->size, sizeof *parked.frames);
    scale_run_stacks(sample->workers, stack_size, parked_main, NULL);
    free(parked.frames);
}

static void parked_measure(struct scale_sample *sample)
{
    parked_with(sample, 0);
}

static void parked_64k_measure(struct scale_sample *sample)
{
    parked_with(sample, SMALL_STACK);
}

const struct scale_figure scale_parked = {
    .name = "parked",
    .question = "tasks that wait on a channel: memory, and time to get there and away?",
    .size_of = "tasks",
    .size = 1000000,
    .size_min = 1,
    .size_max = 10000000,
    .measure = parked_measure,
};

const struct scale_figure scale_parked_64k = {
    .name = "parked_64k",
    .question = "the same, with stacks of 64 KiB?",
    .size_of = "tasks",
    .size = 1000000,
    .size_min = 1,
    .size_max = 10000000,
    .measure = parked_64k_measure,
};
