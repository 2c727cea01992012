/* The names of weft-inject's jobs (tests/inject/jobs.c), as --replay takes them: whatever the text, an answer; and a
 * job that is accepted has a name under which it is accepted again as the same. */
#include "fuzz.h"
#include "tests/inject/jobs.h"

/* In the place of the scenarios. */
const struct scenario scenario_all = {.name = "all"}, scenario_mixed = {.name = "mixed"},
                      scenario_timers = {.name = "timers"}, scenario_stacks = {.name = "stacks"},
                      scenario_overflow = {.name = "overflow"};

void broken(const char *file, int line, const char *format, ...)
{
    (void)file;
    (void)line;
    (void)format;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), name[256];
    struct job job, again;
    if (job_parse(text, 7, &job)) {
        job_name(&job, name, sizeof name);
        FUZZ_MUST(job_parse(name, 7, &again));
        FUZZ_MUST(memcmp(&job, &again, sizeof job) == 0);
    }
    free(text);
    return 0;
}
