/* A small random program: what each of a few tasks does to one or two channels, all of it a function of a seed. */
#ifndef LINEAR_PROGRAM_H
#define LINEAR_PROGRAM_H

#include "history.h"

enum { STEPS_MAX = 5, CREW_MAX = 4, VALUES_OF_MAIN = CREW_MAX * STEPS_MAX * CASES_MAX + 1 };

/* What a task does before a step, so that the steps of several tasks overlap in many ways. */
enum pause { PAUSE_NONE, PAUSE_MEET, PAUSE_SPIN, PAUSE_YIELD, PAUSE_THREAD, PAUSE_SLEEP };

struct step {
    uint8_t pause;
    uint16_t length;     /* of the pause */
    bool looks;          /* waits a little for the other tasks to wait, and records who does */
    int32_t patience_ns; /* MODE_UNTIL */
    struct operation op; /* without times and results */
};

struct program {
    unsigned tasks, steps;
    unsigned channels;
    const struct chan_ops *variants[CHANNELS_MAX];
    size_t capacity[CHANNELS_MAX];
    size_t elem_size;
    uint64_t seed;
    uint8_t lengths[CREW_MAX]; /* steps of each task */
    struct step step[CREW_MAX][STEPS_MAX];
};

/* What is drawn from: the variant under test, and one more for the second channel of a quarter of the programs. */
struct recipe {
    const struct chan_ops *variant;
    unsigned tasks, steps;
    bool rendezvous; /* the variant's channels have capacity 0 */
    bool timeless;   /* no deadlines and no contexts */
};

struct program program_new(const struct recipe *recipe, uint64_t seed);
/* Without one step; the values that are sent stay the same. */
struct program program_without(const struct program *program, unsigned task, unsigned step);

/* One line for each task. */
void program_print(FILE *to, const struct program *program);

#endif
