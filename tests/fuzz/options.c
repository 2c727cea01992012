/* What weft_run reads: its options and its environment. Whatever they are: refused, or numbers within their bounds; and
 * a run with them, where it is small, does its work. The input: a line for each variable (NAME=value), one for the
 * options. */
#include "core/run.c" /* all of it: what it reads with is its own */
#include "fuzz.h"

static const char *const names[] = {"WEFT_SCHED",  "WEFT_CHAN", "WEFT_WORKERS", "WEFT_SEED",
                                    "WEFT_HOG_MS", "WEFT_SIM",  "WEFT_DEADLOCK"};
enum { NAMES = sizeof names / sizeof names[0] };

static bool ran;

static void note(void *unused)
{
    (void)unused;
    ran = true;
    weft_yield();
}

/* "options=WORKERS STACK SEED" */
static void read_options(const char *text, struct weft_options *options)
{
    unsigned long long numbers[3] = {0};
    sscanf(text, "%llu %llu %llu", &numbers[0], &numbers[1], &numbers[2]);
    options->workers = (unsigned)numbers[0];
    options->stack_size = (size_t)numbers[1];
    options->seed = numbers[2];
}

static void read_lines(char *text, struct weft_options *options)
{
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *equals = strchr(line, '=');
        if (equals == NULL) {
            continue;
        }
        *equals = '\0';
        for (size_t i = 0; i < NAMES; i++) {
            if (strcmp(line, names[i]) == 0) {
                setenv(line, equals + 1, 1);
            }
        }
        if (strcmp(line, "options") == 0) {
            read_options(equals + 1, options);
        }
    }
}

static void run_if_small(const struct weft_options *options, bool accepted)
{
    bool small = runtime.options.workers <= 3 && runtime.options.stack_size <= 16 * 1024 * 1024;
    runtime = (struct runtime){0};
    if (accepted && !small) {
        return;
    }
    ran = false;
    enum weft_status status = weft_run(options, note, NULL);
    FUZZ_MUST(status == (accepted ? WEFT_OK : WEFT_INVALID) && ran == accepted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weft_options options = {0};
    if (memchr(data, 0, size) != NULL) {
        return -1; /* not in an environment */
    }
    for (size_t i = 0; i < NAMES; i++) {
        unsetenv(names[i]);
    }
    char *text = fuzz_text(data, size);
    read_lines(text, &options);
    free(text);
    enum weft_status status = resolve(&options);
    FUZZ_MUST(status == WEFT_OK || status == WEFT_INVALID);
    if (status == WEFT_OK) {
        const struct weft_options *got = &runtime.options;
        FUZZ_MUST(got->workers >= 1 && got->workers <= WORKERS_MAX);
        FUZZ_MUST(got->stack_size >= STACK_MIN && got->stack_size <= stack_max && got->stack_size % 4096 == 0);
        FUZZ_MUST(got->seed != 0);
        FUZZ_MUST(runtime.sched != NULL && runtime.chan != NULL && !runtime.chan->caps.control);
    }
    weft_ns hog_ns = options_hog_ns();
    FUZZ_MUST(hog_ns >= 0 && hog_ns <= (weft_ns)HOG_MS_MAX * 1000000);
    run_if_small(&options, status == WEFT_OK);
    return 0;
}
