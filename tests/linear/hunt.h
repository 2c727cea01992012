/* Records many histories of one variant on one scheduler, checks them all, and makes the first that is not linearizable
 * small. */
#ifndef LINEAR_HUNT_H
#define LINEAR_HUNT_H

#include "checker.h"
#include "record.h"

struct hunt {
    const struct chan_ops *variant;
    const char *sched;
    unsigned workers;
    uint64_t seed;
    unsigned first, count; /* which histories of this seed */
    bool rendezvous;       /* channels of the variant have capacity 0 */
    bool shrinks;          /* looks for a smaller program that fails too */
    FILE *show;            /* NULL, or: where every history is printed */
};

struct quarry {
    unsigned histories, overlapping,
        stuck; /* recorded; with operations that overlap; in which tasks waited for each other */
    unsigned undecided, refuted, hung;
    uint64_t states;        /* that the checker looked at */
    uint64_t digest;        /* of all histories: the same under sim with the same seed */
    unsigned index;         /* of the first history that is refuted */
    struct program program; /* its, made small */
    struct history history; /* and what it did then */
};

/* Ends behind the batch in which a history is refuted. */
struct quarry hunt(const struct hunt *hunt);

/* Histories are recorded in batches, each in a run of the scheduler with a seed of its own: where the batch of this one
 * begins. */
unsigned hunt_batch_first(const struct hunt *hunt, unsigned index);

/* The program of history number `index`. */
struct program hunt_program(const struct hunt *hunt, unsigned index);

#endif
