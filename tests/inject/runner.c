/* Jobs in processes of their own, several at a time, each under a watchdog: what neither ends nor fails in time is a
 * hang. */
#undef WEFT_TEST_POINTS /* nothing here is to be held up */
#include "jobs.h"

#include "core/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SLOTS = 3,
    /* most jobs sleep most of the time */ SPAN = 50,
    SCENARIO_SECONDS = 30,
    PROGRAM_SECONDS = 280,
    LAST_WORDS_MS = 1500
};

struct slot {
    struct plan *plan;
    int plan_fd;
    int said_fd; /* the child's stderr and stdout */
    pid_t child; /* 0: free */
    size_t index;
    weft_ns deadline;
    bool asked; /* SIGQUIT was sent: it lists its tasks */
    weft_ns stop_at;
    bool stopped;
};

static struct slot slots[SLOTS];

/* --- the child -------------------------------------------------------------------------------------- */

static void plan_job(const struct job *job)
{
    plan_clear(plan);
    plan->seed = job->seed * 1000003u + job->number;
    if (job->kind->number == NUMBER_SITE) {
        plan->delay_site = job->number;
        plan->delay_us = 300;
    } else if (job->kind->number != NUMBER_SEED) {
        static const uint64_t spans[] = {[NUMBER_CALL] = 1, [NUMBER_SPAN] = SPAN, [NUMBER_FROM] = UINT64_MAX / 2};
        plan->from[job->kind->fault] = job->number;
        plan->to[job->kind->fault] = job->number + spans[job->kind->number];
    }
    if (job->kind->plan != NULL) {
        job->kind->plan(plan);
    }
}

static enum weft_status run_scenario(const struct job *job, bool faults)
{
    struct weft_options options = {
        .sched = job->sched, .chan = job->chan, .workers = job->workers, .seed = job->seed * 7919u + job->number + 1u};
    store_relaxed(&refused, 0u); /* no other thread */
    int place = stop_enlist();
    if (faults && plan->stop_pause_ns != 0) {
        stop_begin();
    }
    inject_arm(faults);
    enum weft_status status = weft_run(&options, job->scenario->main, NULL);
    inject_arm(false);
    if (faults && plan->stop_pause_ns != 0) {
        stop_end();
    }
    stop_delist(place);
    return status;
}

/* Under faults: done, or refused as a whole. Then, without them: done, and nothing is refused. */
static void run_child(const struct job *job)
{
    const struct sched_ops *sched = registry_sched(job->sched);
    capacity_least = registry_channel(job->chan)->caps.capacity_min;
    tasks_are_threads = sched->caps.os_threads;
    never_again = job->kind->number == NUMBER_FROM;
    enum weft_status status = run_scenario(job, true);
    bool by_number = job->kind->number != NUMBER_SEED && job->kind->number != NUMBER_SITE;
    if (status != WEFT_OK && !(by_number && status == WEFT_NOMEM)) {
        broken(__FILE__, __LINE__, "weft_run under faults: %s", weft_status_name(status));
    }
    if (load_relaxed(&refused) != 0 && plan_injected(plan) == 0) {
        broken(__FILE__, __LINE__, "refused without a fault");
    }
    if (by_number) {
        MUST_BE(run_scenario(job, false), WEFT_OK);
        MUST_BE(load_relaxed(&refused), 0);
    }
    if (never_again) {
        _exit(0); /* a context's hook that waits for the memory of its task when the run ends is not freed */
    }
    exit(0); /* leak checkers look now */
}

static void exec_program(const struct job *job, int plan_fd)
{
    char path[4096], workers[16], fd[16], seed[24], *name;
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 64);
    path[length < 0 ? 0 : length] = '\0';
    name = strrchr(path, '/');
    sprintf(name == NULL ? path : name + 1, "inject-%s", job->program);
    snprintf(workers, sizeof workers, "%u", job->workers);
    snprintf(fd, sizeof fd, "%d", plan_fd);
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)(job->seed + job->number));
    setenv("WEFT_INJECT_PLAN", fd, 1);
    setenv("WEFT_SEED", seed, 1);
    setenv("WEFT_TEST_BRIEF", "1", 1);
    setenv("WEFT_STRESS_SCALE", "10", 0);
    execl(path, path, job->chan, job->sched, workers, (char *)NULL);
    broken(__FILE__, __LINE__, "%s: %s", path, strerror(errno));
}

static void start(struct slot *slot, const struct job *job, size_t index)
{
    if (slot->plan == NULL) {
        slot->plan = plan_new(&slot->plan_fd);
        slot->said_fd = memfd_create("said", 0);
    }
    MUST(ftruncate(slot->said_fd, 0) == 0);
    plan = slot->plan;
    plan_job(job);
    fflush(NULL);
    slot->child = fork();
    MUST(slot->child >= 0);
    if (slot->child == 0) {
        lseek(slot->said_fd, 0, SEEK_SET);
        dup2(slot->said_fd, STDOUT_FILENO);
        dup2(slot->said_fd, STDERR_FILENO);
        signal(SIGQUIT, SIG_DFL); /* Weft's own then */
        if (job->scenario != NULL) {
            run_child(job);
        }
        exec_program(job, slot->plan_fd);
    }
    slot->index = index;
    slot->deadline = clock_now() + (weft_ns)(job->scenario != NULL ? SCENARIO_SECONDS : PROGRAM_SECONDS) * 1000000000;
    slot->asked = slot->stopped = false;
    slot->stop_at = job->kind->stops_process ? clock_now() + 500000 : WEFT_FOREVER;
}

/* --- its end ---------------------------------------------------------------------------------------- */

static void read_said(const struct slot *slot, char *text, size_t size)
{
    off_t end = lseek(slot->said_fd, 0, SEEK_END);
    off_t from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
    ssize_t length = pread(slot->said_fd, text, size - 1, from);
    text[length < 0 ? 0 : length] = '\0';
}

/* Ends that a run may come to for want of memory, as weft.h says. */
static bool may_end_so(const struct job *job, int status, const char *said)
{
    bool memory = (job->kind->fault == FAULT_ALLOC || job->kind->fault == FAULT_MMAP) && job->scenario != NULL;
    bool fatal = WIFEXITED(status) && WEXITSTATUS(status) == 2;
    if (memory && fatal && job->kind->number == NUMBER_FROM &&
        strstr(said, "fatal error: no memory for a stack") != NULL) {
        return true;
    }
    return memory && fatal && strstr(said, "fatal error: sim: no memory") != NULL;
}

static void finish(struct slot *slot, int status, struct job_list *list,
                   void (*say)(const struct job *, const struct result *))
{
    struct job *job = &list->jobs[slot->index];
    struct result *result = &list->results[slot->index];
    read_said(slot, result->said, sizeof result->said);
    result->injected = plan_injected(slot->plan);
    for (int i = 0; i < FAULTS; i++) {
        result->calls[i] = load_relaxed(&slot->plan->calls[i]); /* its process is no more */
    }
    const char *last_words = job->scenario == NULL ? NULL : job->scenario->last_words;
    bool good = last_words == NULL
                    ? (WIFEXITED(status) && WEXITSTATUS(status) == 0) || may_end_so(job, status, result->said)
                    : WIFEXITED(status) && WEXITSTATUS(status) == 2 && strstr(result->said, last_words) != NULL;
    result->outcome = slot->asked ? HUNG : good ? PASSED : FAILED;
    if (!good && !slot->asked) {
        size_t length = strlen(result->said);
        snprintf(result->said + length, sizeof result->said - length, "\n(%s %d)",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    slot->child = 0;
    say(job, result);
}

/* SIGSTOP and SIGCONT in turns; whoever is late is asked for its tasks, and then killed. */
static void look_after(struct slot *slot)
{
    weft_ns now = clock_now();
    if (now >= slot->stop_at) {
        kill(slot->child, slot->stopped ? SIGCONT : SIGSTOP);
        slot->stopped = !slot->stopped;
        if (slot->stopped) {
            add_relaxed(&slot->plan->injected[FAULT_STOP], 1u); /* statistic */
        }
        slot->stop_at = now + (slot->stopped ? 300000 : 1500000);
    }
    if (now >= slot->deadline) {
        kill(slot->child, SIGCONT);
        kill(slot->child, slot->asked ? SIGKILL : SIGQUIT);
        slot->stop_at = WEFT_FOREVER;
        slot->asked = true;
        slot->deadline = now + (weft_ns)LAST_WORDS_MS * 1000000;
    }
}

void jobs_run(struct job_list *list, void (*say)(const struct job *job, const struct result *result))
{
    size_t next = 0, done = 0;
    while (done < list->count) {
        for (size_t i = 0; i < SLOTS; i++) {
            struct slot *slot = &slots[i];
            int status;
            if (slot->child == 0 && next < list->count) {
                start(slot, &list->jobs[next], next);
                next++;
            } else if (slot->child != 0 && waitpid(slot->child, &status, WNOHANG) == slot->child) {
                finish(slot, status, list, say);
                done++;
            } else if (slot->child != 0) {
                look_after(slot);
            }
        }
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
}

/* --- the sites -------------------------------------------------------------------------------------- */

static int more_hits_first(const void *a, const void *b)
{
    uint32_t left = load_relaxed(&((const struct site *)a)->hits),
             right = load_relaxed(&((const struct site *)b)->hits);
    return left < right ? 1 : left > right ? -1 : 0;
}

size_t sites_met(uintptr_t *offsets, size_t most)
{
    static struct site met[SITES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < SITES_MAX && slots[0].plan != NULL; i++) {
        const struct site *site = &slots[0].plan->sites[i];
        if (load_relaxed(&site->offset) != 0) { /* nobody records now */
            met[count++] = *site;
        }
    }
    qsort(met, count, sizeof met[0], more_hits_first);
    count = count < most ? count : most;
    for (size_t i = 0; i < count; i++) {
        offsets[i] = load_relaxed(&met[i].offset);
    }
    memset((void *)slots[0].plan->sites, 0, sizeof slots[0].plan->sites);
    return count;
}
