#include "bench/limit/limits.h"

#include <hwloc.h>
#include <limits.h>
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
    hwloc_cpuset_t processor; /* NULL: any */
};

/* The processors that this process may use, and which of them share a core; NULL: not to be had. */
static hwloc_topology_t topology;

static void load_topology(void)
{
    if (topology != NULL || hwloc_topology_init(&topology) != 0) {
        return;
    }
    hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_RESTRICT_TO_CPUBINDING);
    if (hwloc_topology_load(topology) != 0) {
        hwloc_topology_destroy(topology);
        topology = NULL;
    }
}

/* Gives each member a processor, on cores of their own as long as there are enough. Failing is no failure: where
 * nothing can be known or bound, the kernel chooses. */
static void spread(struct member *members, unsigned count)
{
    load_topology();
    hwloc_cpuset_t *sets = bench_alloc(count * sizeof *sets);
    hwloc_obj_t root = topology == NULL ? NULL : hwloc_get_root_obj(topology);
    if (root != NULL && hwloc_distrib(topology, &root, 1, sets, count, INT_MAX, 0) == 0) {
        for (unsigned i = 0; i < count; i++) {
            hwloc_bitmap_singlify(sets[i]);
            members[i].processor = sets[i];
        }
    }
    free(sets);
}

static void *member_main(void *arg)
{
    struct member *self = arg;
    if (self->processor != NULL) {
        hwloc_set_cpubind(topology, self->processor, HWLOC_CPUBIND_THREAD);
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
    if (team->pin) {
        spread(members, team->count);
    }
    for (unsigned i = 0; i < team->count; i++) {
        members[i].team = team;
        members[i].index = i;
        members[i].barrier = &barrier;
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
        hwloc_bitmap_free(members[i].processor);
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
