/* The kinds of faults, and the names of jobs. */
#undef WEFT_TEST_POINTS /* nothing here is to be held up */
#include "jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- kinds ------------------------------------------------------------------------------------------ */

static void plan_guards(struct plan *one)
{
    one->from[FAULT_GUARD] = 0; /* no guard without a mapping, ever: those by mprotect are used */
    one->to[FAULT_GUARD] = UINT64_MAX;
}

static void plan_advise(struct plan *one)
{
    one->from[FAULT_ADVISE] = 0;
    one->to[FAULT_ADVISE] = UINT64_MAX;
}

static void plan_futex(struct plan *one)
{
    one->permille[FAULT_FUTEX] = 400;
}

static void plan_delay(struct plan *one)
{
    one->permille[FAULT_DELAY] = 5;
    one->delay_us = 200;
}

static void plan_cas(struct plan *one)
{
    one->permille[FAULT_CAS] = 300;
}

static void plan_stop(struct plan *one)
{
    one->stop_pause_ns = 1000000;
}

static void plan_storm(struct plan *one)
{
    plan_futex(one);
    plan_delay(one);
    plan_cas(one);
    plan_stop(one);
}

static void plan_sites(struct plan *one)
{
    one->record_sites = true;
}

const struct kind kinds[] = {
    {"alloc", "the n-th allocation fails", FAULT_ALLOC, NUMBER_CALL, NULL, false},
    {"alloc-gap", "and the 49 behind it: then there is memory again", FAULT_ALLOC, NUMBER_SPAN, NULL, false},
    {"alloc-on", "all allocations from the n-th on fail", FAULT_ALLOC, NUMBER_FROM, NULL, false},
    {"mmap", "the n-th mmap fails", FAULT_MMAP, NUMBER_CALL, NULL, false},
    {"mmap-gap", "and the 49 behind it", FAULT_MMAP, NUMBER_SPAN, NULL, false},
    {"mmap-on", "all mmaps from the n-th on fail", FAULT_MMAP, NUMBER_FROM, NULL, false},
    {"thread", "the n-th pthread_create fails", FAULT_THREAD, NUMBER_CALL, NULL, false},
    {"thread-gap", "and the 49 behind it", FAULT_THREAD, NUMBER_SPAN, NULL, false},
    {"thread-on", "all pthread_creates from the n-th on fail", FAULT_THREAD, NUMBER_FROM, NULL, false},
    {"guard", "MADV_GUARD_INSTALL is unknown from the n-th on", FAULT_GUARD, NUMBER_FROM, NULL, false},
    {"protect", "and the n-th mprotect fails", FAULT_PROTECT, NUMBER_CALL, plan_guards, false},
    {"protect-on", "and all mprotects from the n-th on fail", FAULT_PROTECT, NUMBER_FROM, plan_guards, false},
    {"advise", "any other madvise fails", FAULT_ADVISE, NUMBER_SEED, plan_advise, false},
    {"futex", "waits on a futex end with EINTR, EAGAIN or for no reason", FAULT_FUTEX, NUMBER_SEED, plan_futex, false},
    {"delay", "threads are held up before atomic operations, anywhere", FAULT_DELAY, NUMBER_SEED, plan_delay, false},
    {"site", "threads are held up at one place", FAULT_DELAY, NUMBER_SITE, NULL, false},
    {"cas", "weak compare-and-swaps fail for no reason", FAULT_CAS, NUMBER_SEED, plan_cas, false},
    {"stop", "threads are stopped one at a time", FAULT_STOP, NUMBER_SEED, plan_stop, false},
    {"sigstop", "the process is stopped by SIGSTOP", FAULT_STOP, NUMBER_SEED, NULL, true},
    {"storm", "futex, delay, cas and stop at once", FAULT_DELAY, NUMBER_SEED, plan_storm, false},
    {"none", "no fault: counts the calls, and with `migrate` moves each task", FAULT_MIGRATE, NUMBER_SEED, NULL, false},
    {"sites", "no fault: collects the places for `site`", FAULT_DELAY, NUMBER_SEED, plan_sites, false},
    {NULL, NULL, FAULTS, NUMBER_SEED, NULL, false},
};

/* --- names ------------------------------------------------------------------------------------------ */

static const struct scenario *const scenarios[] = {&scenario_all,    &scenario_mixed,    &scenario_timers,
                                                   &scenario_stacks, &scenario_overflow, NULL};
static const char *const programs[] = {"conformance", "stress", "unit", NULL};

void job_name(const struct job *job, char *text, size_t size)
{
    snprintf(text, size, "%s:%llu/%s/%s/%u/%s", job->kind->name, (unsigned long long)job->number, job->chan, job->sched,
             job->workers, job->scenario != NULL ? job->scenario->name : job->program);
}

/* The text up to the separator, which is passed; NULL: there is none, or it is too long. */
static const char *take(const char *text, char separator, char *word, size_t size)
{
    const char *end = strchr(text, separator);
    if (end == NULL || (size_t)(end - text) >= size) {
        return NULL;
    }
    memcpy(word, text, (size_t)(end - text));
    word[end - text] = '\0';
    return end + 1;
}

static bool find_what(const char *what, struct job *job)
{
    for (size_t i = 0; scenarios[i] != NULL; i++) {
        if (strcmp(scenarios[i]->name, what) == 0) {
            job->scenario = scenarios[i];
        }
    }
    for (size_t i = 0; programs[i] != NULL; i++) {
        if (strcmp(programs[i], what) == 0) {
            job->program = programs[i];
        }
    }
    return job->scenario != NULL || job->program != NULL;
}

bool job_parse(const char *text, uint64_t seed, struct job *job)
{
    char words[5][32];
    for (size_t i = 0; i < 5; i++) {
        text = take(text, i == 0 ? ':' : '/', words[i], sizeof words[i]);
        if (text == NULL) {
            return false;
        }
    }
    *job = (struct job){.seed = seed};
    for (size_t i = 0; kinds[i].name != NULL; i++) {
        if (strcmp(kinds[i].name, words[0]) == 0) {
            job->kind = &kinds[i];
        }
    }
    const struct chan_ops *chan = registry_channel(words[2]);
    const struct sched_ops *sched = registry_sched(words[3]);
    job->number = strtoull(words[1], NULL, 10);
    job->workers = (unsigned)strtoul(words[4], NULL, 10);
    if (job->kind == NULL || chan == NULL || chan->caps.control || sched == NULL || job->workers == 0) {
        return false;
    }
    job->chan = chan->name;
    job->sched = sched->name;
    return find_what(text, job);
}

/* --- lists ------------------------------------------------------------------------------------------ */

void jobs_add(struct job_list *list, struct job job)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 256 : 2 * list->room;
        list->jobs = realloc(list->jobs, list->room * sizeof *list->jobs);
        list->results = realloc(list->results, list->room * sizeof *list->results);
        MUST(list->jobs != NULL && list->results != NULL);
    }
    memset(&list->results[list->count], 0, sizeof list->results[0]);
    list->jobs[list->count++] = job;
}

void jobs_free(struct job_list *list)
{
    free(list->jobs);
    free(list->results);
    *list = (struct job_list){0};
}
