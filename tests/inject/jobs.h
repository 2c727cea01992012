/* One run under faults: which faults, in which program, on which combination; its name, which is what replays it; and
 * its outcome. */
#ifndef TESTS_INJECT_JOBS_H
#define TESTS_INJECT_JOBS_H

#include "inject.h"
#include "scenario.h"

enum kind_of_number {
    NUMBER_SEED, /* faults by chance: the number makes another choice of them */
    NUMBER_CALL, /* the call with this number fails */
    NUMBER_SPAN, /* and some dozens behind it */
    NUMBER_FROM, /* all from that number on */
    NUMBER_SITE, /* the place with that offset is held up */
};

struct kind {
    const char *name;
    const char *about;
    enum fault fault; /* the one that is counted by number */
    enum kind_of_number number;
    void (*plan)(struct plan *one); /* what else fails, by chance or always; or NULL */
    bool stops_process;             /* SIGSTOP and SIGCONT, from outside */
};
extern const struct kind kinds[]; /* ends in a NULL name */

struct job {
    const struct kind *kind;
    const struct scenario *scenario; /* or NULL: a program */
    const char *program;
    const char *chan, *sched;
    unsigned workers;
    uint64_t number;
    uint64_t seed;
};

enum outcome { PASSED, FAILED, HUNG };

struct result {
    enum outcome outcome;
    uint64_t injected;
    uint64_t calls[FAULTS];
    char said[1500]; /* the end of what it said, or what was wrong */
};

struct job_list {
    struct job *jobs;
    struct result *results;
    size_t count, room;
};
void jobs_add(struct job_list *list, struct job job);
void jobs_free(struct job_list *list);

/* KIND:NUMBER/CHANNEL/SCHEDULER/WORKERS/WHAT */
void job_name(const struct job *job, char *text, size_t size);
/* False: no job has this name. */
bool job_parse(const char *text, uint64_t seed, struct job *job);

/* Runs them all, several at a time; `say` is called behind each. Sites that were met are added up in the plan of the
 * first slot. */
void jobs_run(struct job_list *list, void (*say)(const struct job *job, const struct result *result));
/* The sites that the last jobs_run() met while they were recorded: at most `most` offsets, most hit first. */
size_t sites_met(uintptr_t *offsets, size_t most);

#endif
