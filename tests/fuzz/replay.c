/* The model checker's replay strings (tests/model/explore.c), as users type them: whatever the text, an answer within
 * bounds; and what is accepted is written, and read again, as the same decisions. */
#include "fuzz.h"
#include "tests/model/explore.c" /* all of it: what it reads with is its own */

/* --- in the place of the executions, which are not had here ----------------------------------------------- */

struct vthread threads[THREADS_MAX];
unsigned thread_count;
struct vthread *self;
uint64_t steps;
bool bound_was_met, sites_changed;
char fail_message[1024];

noreturn void fail(const char *format, ...)
{
    (void)format;
    abort();
}

noreturn void execution_end(enum outcome outcome)
{
    (void)outcome;
    abort();
}

void threads_reset(void)
{
}

void memory_reset(void)
{
}

void plain_reset(void)
{
}

void client_restore(void)
{
}

void histories_begin(void)
{
}

bool histories_judge(struct result *result)
{
    (void)result;
    return true;
}

void *client_main(void *unused)
{
    return unused;
}

enum outcome threads_run(void *(*main_fn)(void *))
{
    (void)main_fn;
    return OUTCOME_PRUNED;
}

/* --- the target ------------------------------------------------------------------------------------------ */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t first[TRACE_MAX];
    char *text = fuzz_text(data, size), written[sizeof((struct result *)0)->replay];
    bool accepted = read_replay(text);
    free(text);
    FUZZ_MUST(given_count <= TRACE_MAX);
    if (!accepted) {
        return 0;
    }
    unsigned count = depth = given_count;
    for (unsigned i = 0; i < count; i++) {
        path[i].pick = first[i] = given[i];
    }
    while (count > 0 && first[count - 1] == 0) {
        count--; /* what is not there is decision 0 */
    }
    write_replay(written, sizeof written);
    FUZZ_MUST(strlen(written) < sizeof written);
    if (written[0] != '\0' || count == 0) { /* else it was too long */
        FUZZ_MUST(read_replay(written) && given_count == count && memcmp(given, first, count) == 0);
    }
    return 0;
}
