/* What the google-benchmark shim (main.cc, C++) and the harness (C) know of each other: plain types only. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct chan_ops;
struct sched_ops;
struct bench_batch;
struct bench_cell;

/* A number that a workload or a limit takes, and the values that it is measured at unless told otherwise. */
struct bench_param {
    const char *name;
    size_t default_count;
    uint64_t defaults[4];
    uint64_t min, max;
};

/* What a cell must offer to a workload: asked by bench_cell_refuse() before refuse(). */
enum bench_needs {
    BENCH_NEEDS_RENDEZVOUS = 1 << 0, /* channels of capacity 0 */
    BENCH_NEEDS_SELECT = 1 << 1,     /* channels that may stand in a select */
    BENCH_NEEDS_ONE_WORKER = 1 << 2, /* the original sets the number of processors to one */
};

/* One benchmark question. Each instance of a workload, that is each variant, has a table entry of its own, with the
 * same texts. batch() is called by the main task of a run. */
struct bench_workload {
    const char *name;
    const char *question;
    const char *unit;
    bool uses_chan;
    const struct bench_param *param; /* NULL: none */
    unsigned needs;                  /* enum bench_needs */
    /* Of a row of a suite, which mirrors a benchmark of somebody else's. NULL: the laboratory's own question. */
    const char *suite;      /* "go": name is go_name behind "go.", with . for / */
    const char *group;      /* of rows that belong together */
    const char *go_name;    /* as `go test` prints it, without "Benchmark" */
    const char *go_package; /* whose tests hold the original */
    const char *go_metric;  /* of what it prints, what is compared; NULL: ns/op */
    uint64_t argument;      /* what rows that share a batch() differ in */
    int64_t batch_min_ns;   /* a batch takes at least so long, however short the sample is to be: part of it is fixed */
    /* The number of units comes in multiples of this; NULL: of one. */
    uint64_t (*grain)(const struct bench_cell *cell);
    /* Why this cell can't be served; NULL: it can, and so if there is no such function. */
    const char *(*refuse)(const struct bench_cell *cell);
    /* Does batch->units units and fills in the rest. */
    void (*batch)(struct bench_batch *batch);
};

/* Workloads that stand together in an instance's list, which ends in one without rows. */
struct bench_rows {
    const struct bench_workload *rows;
    size_t count;
};

/* One line that no variant can beat on this machine. Its batch() is called by a thread, outside of any run. */
struct bench_limit {
    const char *name;
    const char *summary;
    const char *unit;
    const struct bench_param *param;
    const char *(*refuse)(uint64_t param);
    void (*batch)(struct bench_batch *batch);
};

/* A point of the matrix. Either workload or limit is set. */
struct bench_cell {
    const struct bench_workload *workload;
    const struct bench_limit *limit;
    const struct chan_ops *chan;
    const struct sched_ops *sched;
    uint64_t param;
    unsigned workers;
    uint64_t seed;
};

/* One timed batch, or the sum of several. Counts are of the timed part; -1: not known. */
struct bench_batch {
    const struct bench_cell *cell;
    uint64_t units;
    uint64_t previous_units; /* of the batch before this one; 0: there is none. What follows is filled in by batch() */
    int64_t previous_wall_ns;
    int64_t wall_ns;
    int64_t cpu_ns;
    int64_t ctx_voluntary, ctx_involuntary;
    int64_t rss_kib;
    int64_t parks, wakes, steals, switches; /* the scheduler's */
    /* The wall time that the work which a row makes up between its operations would take were the operations free; on
     * all the cell's workers, if the original's work may run in parallel. -1: it makes up none. */
    int64_t work_ns;
    /* What a row reports in the place of its wall time, as the sum over its units. -1: the wall time. */
    int64_t instead_ns;
    int64_t alloc_bytes_per_channel, alloc_bytes_per_task, rss_bytes_per_task;
};

/* How the binary was made. */
struct bench_build {
    const char *compiler, *flags, *type, *commit, *version, *benchmark_version;
};
extern const struct bench_build bench_build;

/* For `list`. */
enum bench_kind { BENCH_BOOL, BENCH_NUMBER, BENCH_TEXT };

struct bench_flag {
    const char *name;
    enum bench_kind kind;
    uint64_t number;
    const char *text;
};

enum { BENCH_FLAGS_MAX = 16 };

struct bench_variant {
    const char *name;
    const char *summary;
    bool control;
    size_t flag_count;
    struct bench_flag flags[BENCH_FLAGS_MAX];
};

/* False: there is no such index. */
bool bench_channel_at(size_t index, struct bench_variant *variant);
bool bench_sched_at(size_t index, struct bench_variant *variant);
/* NULL: there is no such index. */
const struct bench_workload *bench_workload_at(size_t index);
const struct bench_limit *bench_limit_at(size_t index);
const char *bench_allocator(void);

/* False: malformed or unknown, and why. */
bool bench_cell_parse(const char *name, struct bench_cell *cell, char *why, size_t why_size);
/* NULL, or why the variants can't serve this cell. */
const char *bench_cell_refuse(const struct bench_cell *cell);

/* Warms up, then does timed batches for about this long and adds them up. False: it failed. */
bool bench_sample(const struct bench_cell *cell, int64_t min_time_ns, struct bench_batch *sample);
/* The first failure of this process; NULL: none. */
const char *bench_failure(void);

#ifdef __cplusplus
}
#endif
#endif
