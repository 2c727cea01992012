/* thread_create_join: an OS thread made, run and joined, one at a time. No scheduler whose tasks are threads can spawn
 * faster. */
#include "bench/limit/limits.h"

#include <pthread.h>

static void *thread_body(void *ran)
{
    ++*(uint64_t *)ran; /* joined before the next one starts */
    return NULL;
}

LIMIT_LOOP(thread)(uint64_t count, uint64_t *ran)
{
    for (uint64_t i = 0; i < count; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, thread_body, ran) != 0) {
            bench_fail("no thread to be had");
            return;
        }
        pthread_join(thread, NULL);
    }
}

static void thread_batch(struct bench_batch *batch)
{
    uint64_t ran = 0;
    struct limit_clock clock = limit_start();
    bench_loop_limit_thread(batch->units, &ran);
    limit_stop(batch, &clock);
    bench_check(ran == batch->units, "%" PRIu64 " of %" PRIu64 " threads ran", ran, batch->units);
}

const struct bench_limit limit_thread_create_join = {
    .name = "thread_create_join",
    .summary = "an OS thread made, run and joined",
    .unit = "thread",
    .refuse = limit_refuse_nothing,
    .batch = thread_batch,
};
