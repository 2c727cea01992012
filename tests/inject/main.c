/* weft-inject: runs Weft while faults are injected, and counts faults, failures and hangs for each variant.
 *
 *   weft-inject [--all] [--on TEXT] [--seed S] [--json FILE]       a share that takes a minute or two, or everything;
 *   on the combinations
 *                                                                  in whose CHANNEL/SCHEDULER/WORKERS the text occurs
 *   weft-inject --replay JOB [--seed S] [--times N]                one job again, by the name that it failed under
 *   weft-inject --list                                             the kinds of faults
 *
 * Goal: no hang, no loss, and of errors only those that weft.h names. Method: see scenario_*.c for what must hold,
 * jobs.c for the faults, and runner.c for how a hang is told. */
#undef WEFT_TEST_POINTS /* nothing here is to be held up */
#include "jobs.h"
#include "report.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    bool everything;
    uint64_t seed;
    const char *json, *replay, *on;
    unsigned times;
} options = {.on = "", .seed = 1, .times = 1};

static struct job_list all; /* what was run */
static unsigned failures;

static void say(const struct job *job, const struct result *result)
{
    char name[256];
    job_name(job, name, sizeof name);
    if (result->outcome != PASSED) {
        failures++;
        printf("%s %s\n%s\n  again: weft-inject --replay %s --seed %llu\n", result->outcome == HUNG ? "HANG" : "FAILED",
               name, result->said, name, (unsigned long long)job->seed);
    } else if (options.replay != NULL) {
        printf("passed %s: %llu faults\n", name, (unsigned long long)result->injected);
    }
    fflush(stdout);
}

/* Runs the list and keeps it for the report. */
static void run(struct job_list *list)
{
    jobs_run(list, say);
    for (size_t i = 0; i < list->count; i++) {
        jobs_add(&all, list->jobs[i]);
        all.results[all.count - 1] = list->results[i];
    }
}

static const struct kind *kind_of(const char *name)
{
    size_t i = 0;
    while (strcmp(kinds[i].name, name) != 0) {
        i++;
    }
    return &kinds[i];
}

/* --- which -------------------------------------------------------------------------------------------- */

struct combination {
    const char *chan, *sched;
    unsigned workers;
    bool first_chan, first_sched; /* of the registry */
};

static struct job job_of(const struct combination *on, const char *kind, const struct scenario *scenario,
                         uint64_t number)
{
    return (struct job){.kind = kind_of(kind),
                        .scenario = scenario,
                        .chan = on->chan,
                        .sched = on->sched,
                        .workers = on->workers,
                        .number = number,
                        .seed = options.seed};
}

static size_t combinations(struct combination *list, size_t most)
{
    size_t count = 0;
    for (size_t c = 0; registry_channels[c] != NULL; c++) {
        for (size_t s = 0; registry_scheds[s] != NULL && !registry_channels[c]->caps.control; s++) {
            const char *sched = registry_scheds[s]->name;
            unsigned least = strcmp(sched, "migrate") == 0 ? 2 : 1; /* its rule needs another worker */
            unsigned workers_most = strcmp(sched, "sim") == 0 ? 1 : 2;
            for (unsigned workers = least; workers <= workers_most && count < most; workers++) {
                list[count++] = (struct combination){.chan = registry_channels[c]->name,
                                                     .sched = sched,
                                                     .workers = workers,
                                                     .first_chan = c == 0,
                                                     .first_sched = s == 0};
            }
        }
    }
    return count;
}

/* In the share: of guards a few will do, there are hundreds; a run that has no memory for a stack takes a second until
 * it gives up. */
static uint64_t step_of(const struct kind *kind, uint64_t calls)
{
    if (kind->fault == FAULT_GUARD || kind->fault == FAULT_PROTECT) {
        return 1 + calls / 8;
    }
    return kind->number == NUMBER_FROM && kind->fault != FAULT_THREAD ? 3 : 1;
}

/* The kinds that count calls: every number that there is, found by a run without faults. */
static void by_number(const struct combination *on)
{
    static const char *const names[] = {"alloc",   "alloc-gap",  "alloc-on",   "mmap",      "mmap-gap",
                                        "mmap-on", "thread",     "thread-gap", "thread-on", "guard",
                                        "protect", "protect-on", NULL};
    struct job_list dry = {0}, list = {0};
    jobs_add(&dry, job_of(on, "none", &scenario_all, 0));
    jobs_add(&dry, job_of(on, "guard", &scenario_all, 0)); /* with guards by mprotect */
    run(&dry);
    for (size_t k = 0; names[k] != NULL; k++) {
        const struct kind *kind = kind_of(names[k]);
        uint64_t calls = dry.results[kind->fault == FAULT_PROTECT].calls[kind->fault];
        uint64_t step = options.everything ? 1 : step_of(kind, calls);
        /* one more, as another order of the threads may make another number of calls */
        for (uint64_t n = options.seed % step; n <= calls; n += step) {
            jobs_add(&list, job_of(on, names[k], &scenario_all, n));
        }
    }
    run(&list);
    jobs_free(&dry);
    jobs_free(&list);
}

static void by_chance(const struct combination *on)
{
    static const char *const names[] = {"advise", "futex", "delay", "cas", "stop", "sigstop", "storm", "none", NULL};
    static const struct scenario *const scenarios[] = {&scenario_all, &scenario_mixed, &scenario_timers};
    struct job_list list = {0};
    for (size_t k = 0; names[k] != NULL; k++) {
        for (size_t s = 0; s < 3; s++) {
            for (uint64_t number = 0; number < (options.everything ? 30 : 2); number++) {
                jobs_add(&list, job_of(on, names[k], scenarios[s], number));
            }
        }
    }
    run(&list);
    jobs_free(&list);
}

/* Each place at which an atomic operation is, or some of them. */
static void by_site(const struct combination *on)
{
    static uintptr_t offsets[SITES_MAX];
    struct job_list dry = {0}, list = {0};
    jobs_add(&dry, job_of(on, "sites", &scenario_mixed, 0));
    run(&dry);
    size_t count = sites_met(offsets, SITES_MAX), step = options.everything ? 1 : 1 + count / 12;
    for (size_t i = options.seed % step; i < count; i += step) {
        jobs_add(&list, job_of(on, "site", &scenario_mixed, offsets[i]));
    }
    run(&list);
    jobs_free(&dry);
    jobs_free(&list);
}

/* More stacks at once than the kernel has mappings for guards by mprotect; an overflow under each kind of guard. */
static void many_stacks(const struct combination *on)
{
    struct job_list list = {0};
    jobs_add(&list, job_of(on, "guard", &scenario_stacks, 0));
    jobs_add(&list, job_of(on, "protect-on", &scenario_stacks, 0));
    jobs_add(&list, job_of(on, "none", &scenario_overflow, 0));
    jobs_add(&list, job_of(on, "guard", &scenario_overflow, 0));
    run(&list);
    jobs_free(&list);
}

static void programs(const struct combination *on)
{
    static const char *const names[] = {"futex", "delay", "cas", "stop", "storm", "none"};
    static const char *const whats[] = {"conformance", "stress", "unit"};
    struct job_list list = {0};
    for (size_t k = options.everything ? 0 : 4; k < 6; k++) {
        for (size_t w = 0; w < 3; w++) {
            struct job job = job_of(on, names[k], NULL, 0);
            job.program = whats[w];
            jobs_add(&list, job);
        }
    }
    run(&list);
    jobs_free(&list);
}

/* Everything on everything; or each scheduler with the first channel, and each channel with the first scheduler and two
 * workers. */
static void run_all(void)
{
    static struct combination list[256];
    size_t count = combinations(list, 256);
    for (size_t i = 0; i < count; i++) {
        const struct combination *on = &list[i];
        bool share = on->first_chan || (on->first_sched && on->workers == 2);
        char name[128];
        snprintf(name, sizeof name, "%s/%s/%u", on->chan, on->sched, on->workers);
        if (strstr(name, options.on) == NULL) {
            continue;
        }
        if (options.everything || share) {
            printf("%s\n", name);
            fflush(stdout);
            by_number(on);
            by_chance(on);
            by_site(on);
        }
        if (options.everything || (share && strcmp(on->sched, "migrate") == 0)) {
            programs(on);
        }
        if (on->first_chan && (options.everything || share) && strcmp(on->sched, "thread") != 0) {
            many_stacks(on);
        }
    }
}

/* --- main --------------------------------------------------------------------------------------------- */

static int usage(void)
{
    fprintf(stderr, "usage: weft-inject [--all] [--on TEXT] [--seed S] [--json FILE]\n"
                    "       weft-inject --replay JOB [--seed S] [--times N]\n"
                    "       weft-inject --list\n");
    return 64;
}

static bool parse_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"all", no_argument, NULL, 'a'},          {"on", required_argument, NULL, 'o'},
        {"seed", required_argument, NULL, 's'},   {"json", required_argument, NULL, 'j'},
        {"replay", required_argument, NULL, 'r'}, {"times", required_argument, NULL, 't'},
        {"list", no_argument, NULL, 'l'},         {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'a': options.everything = true; break;
        case 's': options.seed = strtoull(optarg, NULL, 10); break;
        case 'o': options.on = optarg; break;
        case 'j': options.json = optarg; break;
        case 'r': options.replay = optarg; break;
        case 't': options.times = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'l':
            for (size_t i = 0; kinds[i].name != NULL; i++) {
                printf("%-12s %s\n", kinds[i].name, kinds[i].about);
            }
            exit(0);
        default: return false;
        }
    }
    return optind == argc;
}

static bool write_report(void)
{
    struct report_row *rows = calloc(all.count + 1, sizeof *rows);
    MUST(rows != NULL);
    for (size_t i = 0; i < all.count; i++) {
        const struct job *job = &all.jobs[i];
        const struct result *result = &all.results[i];
        rows[i] = (struct report_row){.chan = job->chan,
                                      .sched = job->sched,
                                      .faults = result->injected,
                                      .failed = result->outcome != PASSED,
                                      .hung = result->outcome == HUNG,
                                      .said = result->said};
        job_name(job, rows[i].job, sizeof rows[i].job);
    }
    bool written = report_write(options.json, options.seed, rows, all.count);
    free(rows);
    return written;
}

int main(int argc, char **argv)
{
    struct job job;
    if (!parse_options(argc, argv) || (options.replay != NULL && !job_parse(options.replay, options.seed, &job))) {
        return usage();
    }
    if (options.replay != NULL) {
        struct job_list list = {0};
        for (unsigned i = 0; i < options.times; i++) {
            jobs_add(&list, job);
        }
        run(&list);
        jobs_free(&list);
    } else {
        run_all();
    }
    uint64_t faults = 0, hangs = 0;
    for (size_t i = 0; i < all.count; i++) {
        faults += all.results[i].injected;
        hangs += all.results[i].outcome == HUNG;
    }
    printf("%zu runs, %llu faults injected, %u failed, %llu of them hangs\n", all.count, (unsigned long long)faults,
           failures, (unsigned long long)hangs);
    if (options.json != NULL && !write_report()) {
        fprintf(stderr, "weft-inject: %s can't be written\n", options.json);
        return EXIT_FAILURE;
    }
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
