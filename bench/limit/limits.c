#include "bench/limit/limits.h"

#include <pthread.h>

const struct bench_limit *const bench_limits[] = {
    &limit_empty_loop,     &limit_faa_uncontended,  &limit_faa_contended,      &limit_cache_line_round_trip,
    &limit_context_switch, &limit_futex_round_trip, &limit_thread_create_join, NULL,
};

struct limit_clock limit_start(void)
{
    struct limit_clock clock;
    bench_switches(&clock.voluntary, &clock.involuntary);
    clock.cpu = bench_cpu_now();
    clock.start = weft_now();
    return clock;
}

void limit_stop(struct bench_batch *batch, const struct limit_clock *clock)
{
    batch->wall_ns = weft_now() - clock->start;
    batch->cpu_ns = bench_cpu_now() - clock->cpu;
    bench_switches(&batch->ctx_voluntary, &batch->ctx_involuntary);
    batch->ctx_voluntary -= clock->voluntary;
    batch->ctx_involuntary -= clock->involuntary;
    batch->rss_kib = bench_resident_kib();
}

struct member {
    const struct limit_team *team;
    unsigned index;
    pthread_barrier_t *barrier;
    pthread_t thread;
};

static void *member_main(void *arg)
{
    struct member *self = arg;
    if (self->team->pin) {
        bench_pin(self->index);
    }
    pthread_barrier_wait(self->barrier);
    self->team->body(self->team->arg, self->index);
    pthread_barrier_wait(self->barrier);
    return NULL;
}

/* Every thread of the team is one of its own: the caller, who keeps the time, is none. */
bool limit_run_team(struct bench_batch *batch, const struct limit_team *team)
{
    pthread_barrier_t barrier;
    struct member *members = bench_alloc(team->count * sizeof *members);
    pthread_barrier_init(&barrier, NULL, team->count + 1);
    for (unsigned i = 0; i < team->count; i++) {
        members[i] = (struct member){.team = team, .index = i, .barrier = &barrier};
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0) {
            bench_fail("no thread to be had: %u of %u", i, team->count);
            return false; /* those that did start wait for ever, and use members */
        }
    }
    struct limit_clock clock = limit_start();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    limit_stop(batch, &clock);
    for (unsigned i = 0; i < team->count; i++) {
        pthread_join(members[i].thread, NULL);
    }
    pthread_barrier_destroy(&barrier);
    free(members);
    return true;
}

const char *limit_refuse_nothing(uint64_t param)
{
    (void)param;
    return NULL;
}

const char *limit_refuse_one_processor(uint64_t param)
{
    (void)param;
    return bench_processors() > 1 ? NULL : "this process may use one processor only";
}
