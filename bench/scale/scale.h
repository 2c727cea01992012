/* weft-scale: what the figures (C) and the command line (main.cc, C++) know of each other: plain types only.
 *
 * A figure is a program of its own over the public API, which answers one question that no row of a benchmark table
 * answers: how much memory, how flat, how idle, how soon. One process measures one figure once, with one number of
 * workers. It checks itself (counts and sums), and ends the process with status 1 and a message when a check fails:
 * whatever prints JSON is right. Each has a twin in Go in bench/peers/go/scale, whose values have the same names where
 * they mean the same. */
#ifndef BENCH_SCALE_SCALE_H
#define BENCH_SCALE_SCALE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SCALE_VALUES_MAX = 128, SCALE_HISTOGRAMS_MAX = 8, SCALE_NAME_MAX = 48 };

struct scale_value {
    char name[SCALE_NAME_MAX]; /* ends in its unit: _ns, _bytes, ... */
    double value;
};

struct scale_histogram {
    char name[SCALE_NAME_MAX];
    int64_t *sorted_ns;
    size_t count;
};

/* What was asked, and what was measured. */
struct scale_sample {
    unsigned workers;
    uint64_t size;   /* the figure's own; see its first comment */
    int64_t loop_ns; /* how long one timed loop goes on, about */
    uint64_t seed;
    size_t value_count, histogram_count;
    struct scale_value values[SCALE_VALUES_MAX];
    struct scale_histogram histograms[SCALE_HISTOGRAMS_MAX];
};

struct scale_figure {
    const char *name;
    const char *question;
    const char *size_of; /* what size counts */
    uint64_t size, size_min, size_max;
    void (*measure)(struct scale_sample *sample); /* called by a thread, outside of any run */
};

extern const struct scale_figure *const scale_figures[]; /* ends in NULL */

/* The allocator's name and version. */
const char *scale_allocator(void);

#ifdef __cplusplus
}
#endif
#endif
