/* Runs programs on real channels and tasks, and records what happened. */
#ifndef LINEAR_RECORD_H
#define LINEAR_RECORD_H

#include "program.h"

struct recording {
    struct history history;
    bool stuck;    /* tasks came to wait for each other, and were released */
    bool hung;     /* they still waited when every channel was closed */
    bool overlaps; /* tries of two tasks overlapped: they never wait, so both tasks were at work at once */
};

/* Runs the programs, one after the other, in one run of the scheduler; the program that `made` returns for index
 * `first` + i is recorded in recordings[i]. A program that hangs is the last: returns how many were recorded. */
struct session {
    const char *sched;
    unsigned workers;
    uint64_t seed; /* the scheduler's */
    struct program (*made)(void *arg, unsigned index);
    void *arg;
    unsigned count;
    struct recording *recordings;
};
unsigned session_run(const struct session *session);

/* How often, in all sessions, the scheduler called a run stuck in which a deadline was still to come. */
unsigned session_false_alarms(void);

#endif
