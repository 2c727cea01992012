/* weft-linear: records random small histories of a channel variant, and checks that they are linearizable. See
 * checker.h, model.h, record.h.
 *
 *     weft-linear [options] CHANNEL SCHEDULER WORKERS
 *
 * Exit status: 0 all are linearizable, 1 one is not, or tasks hang, 64 wrong usage. The counterexample goes to standard
 * error. */
#include "hunt.h"

#include "core/registry.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

enum { USAGE = 64, LIMIT_SECONDS = 600 };

struct wishes {
    struct hunt hunt;
    const char *json; /* NULL, or a file to write */
};

static const char usage[] = "usage: weft-linear [options] CHANNEL SCHEDULER WORKERS\n"
                            "  --histories N  how many (default: 1000)\n"
                            "  --seed S       of all choices (default: $WEFT_SEED, else from the clock)\n"
                            "  --first I      the number of the first one of this seed (default: 0)\n"
                            "  --no-shrink    no search for a smaller program that fails\n"
                            "  --show         print every history\n"
                            "  --json FILE    write what was done as one line of JSON\n";

static bool number(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static bool parse(int argc, char **argv, struct wishes *wishes)
{
    static const struct option options[] = {{"histories", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"first", required_argument, NULL, 'f'},
                                            {"no-shrink", no_argument, NULL, 'k'},
                                            {"show", no_argument, NULL, 'w'},
                                            {"json", required_argument, NULL, 'j'},
                                            {NULL, 0, NULL, 0}};
    const char *text = getenv("WEFT_SEED");
    uint64_t count = 1000, first = 0, workers = 0;
    wishes->hunt = (struct hunt){.shrinks = true, .seed = text == NULL ? 0 : strtoull(text, NULL, 10)};
    bool good = true;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'n': good &= number(optarg, &count); break;
        case 's': good &= number(optarg, &wishes->hunt.seed); break;
        case 'f': good &= number(optarg, &first); break;
        case 'k': wishes->hunt.shrinks = false; break;
        case 'w': wishes->hunt.show = stdout; break;
        case 'j': wishes->json = optarg; break;
        default: good = false;
        }
    }
    good = good && argc - optind == 3 && number(argv[optind + 2], &workers) && workers >= 1 && workers <= 64;
    if (!good || count > UINT32_MAX / 2 || first > UINT32_MAX / 2) {
        return false;
    }
    wishes->hunt.variant = registry_channel(argv[optind]);
    wishes->hunt.sched = argv[optind + 1];
    wishes->hunt.workers = (unsigned)workers;
    wishes->hunt.count = (unsigned)count;
    wishes->hunt.first = (unsigned)first;
    if (wishes->hunt.seed == 0) {
        wishes->hunt.seed = (uint64_t)weft_now() | 1;
    }
    return wishes->hunt.variant != NULL && !wishes->hunt.variant->caps.control &&
           registry_sched(wishes->hunt.sched) != NULL;
}

/* Whatever hangs by running, and not by waiting, is ended by the alarm. */
static const struct hunt *hunted;

static void give_up(int signal_number)
{
    (void)signal_number;
    dprintf(STDERR_FILENO, "weft-linear: no end of %s %s %u; again with --seed %" PRIu64 "; the tasks:\n",
            hunted->variant->name, hunted->sched, hunted->workers, hunted->seed);
    weft_dump_tasks(STDERR_FILENO);
    _exit(1);
}

static void tell_counterexample(const struct hunt *hunt, const struct quarry *quarry, const char *program)
{
    struct verdict verdict = history_check(&quarry->history);
    /* as libcheck would say it, for those who look for the names of tests that failed */
    printf("%s:%d:F:linear:histories_are_linearizable:0: history %u\n", __FILE__, __LINE__, quarry->index);
    fflush(stdout);
    fprintf(stderr, "history %u of seed %" PRIu64 " is ", quarry->index, hunt->seed);
    verdict_print(stderr, &quarry->history, &verdict);
    fprintf(stderr, "  the program, made small:\n");
    program_print(stderr, &quarry->program);
    unsigned first = hunt_batch_first(hunt, quarry->index);
    fprintf(stderr, "  again: %s --seed %" PRIu64 " --first %u --histories %u %s %s %u\n", program, hunt->seed, first,
            quarry->index - first + 1, hunt->variant->name, hunt->sched, hunt->workers);
}

static bool write_json(const char *path, const struct hunt *hunt, const struct quarry *quarry)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    /* names are of [a-z0-9_], the rest are numbers: nothing to escape */
    fprintf(file,
            "{\"variant\": \"%s\", \"scheduler\": \"%s\", \"workers\": %u, \"seed\": %" PRIu64 ", \"first\": %u, "
            "\"histories\": %u, \"overlapping\": %u, \"stuck\": %u, \"undecided\": %u, \"refuted\": %u, \"hung\": %u, "
            "\"states\": %" PRIu64 ", \"digest\": \"%016" PRIx64 "\", \"false_alarms\": %u}\n",
            hunt->variant->name, hunt->sched, hunt->workers, hunt->seed, hunt->first, quarry->histories,
            quarry->overlapping, quarry->stuck, quarry->undecided, quarry->refuted, quarry->hung, quarry->states,
            quarry->digest, session_false_alarms());
    return fclose(file) == 0;
}

static void tell(const struct hunt *hunt, const struct quarry *quarry)
{
    printf("%s %s %u: %u histories of seed %" PRIu64
           ", %u with tries that overlap, %u in which nothing moved for a while: "
           "%u not linearizable, %u hung, %u undecided\n",
           hunt->variant->name, hunt->sched, hunt->workers, quarry->histories, hunt->seed, quarry->overlapping,
           quarry->stuck, quarry->refuted, quarry->hung, quarry->undecided);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct wishes wishes = {.json = NULL};
    if (!parse(argc, argv, &wishes)) {
        fputs(usage, stderr);
        return USAGE;
    }
    hunted = &wishes.hunt;
    signal(SIGALRM, give_up);
    const char *limit = getenv("WEFT_TEST_SECONDS");
    alarm(limit == NULL ? LIMIT_SECONDS : (unsigned)strtoul(limit, NULL, 10));
    struct quarry quarry = hunt(&wishes.hunt);
    tell(&wishes.hunt, &quarry);
    if (wishes.json != NULL && !write_json(wishes.json, &wishes.hunt, &quarry)) {
        fprintf(stderr, "weft-linear: %s can't be written\n", wishes.json);
        return EXIT_FAILURE;
    }
    if (quarry.refuted != 0) {
        tell_counterexample(&wishes.hunt, &quarry, argv[0]);
    }
    return quarry.refuted + quarry.hung + quarry.undecided == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
