/* The names of cells (bench/catalog.c), as weft-bench reads them from its command line: whatever the text, an answer; a
 * name that is accepted is the name of that cell, letter by letter, as names are keys of results. */
#include "bench/harness.h"
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rows in the place of the benchmarks' own ------------------------------------------------------------ */

static uint64_t one(const struct bench_cell *cell)
{
    (void)cell;
    return 1;
}

static const char *serve_all(const struct bench_cell *cell)
{
    (void)cell;
    return NULL;
}

static const char *refuse_odd(uint64_t number)
{
    return number % 2 == 0 ? NULL : "odd";
}

static const struct bench_param capacity = {
    .name = "cap", .default_count = 1, .defaults = {64}, .min = 0, .max = 1048576};

static const struct bench_workload over_channels[] = {
    {.name = "spsc", .unit = "message", .uses_chan = true, .param = &capacity, .grain = one, .refuse = serve_all},
    {.name = "ping_pong", .unit = "trip", .uses_chan = true, .grain = one, .refuse = serve_all},
};
static const struct bench_workload over_scheds[] = {
    {.name = "spawn", .unit = "task", .grain = one, .refuse = serve_all},
};

#define CHANNEL(name)                                                                                                  \
    const struct bench_rows bench_channel_##name[];                                                                    \
    const struct bench_rows bench_channel_##name[] = {{over_channels, 2}, BENCH_ROWS_END};
#define SCHED(name)                                                                                                    \
    const struct bench_rows bench_sched_##name[];                                                                      \
    const struct bench_rows bench_sched_##name[] = {{over_scheds, 1}, BENCH_ROWS_END};
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED
const struct bench_rows bench_calls[] = {{over_channels, 2}, BENCH_ROWS_END};

static const struct bench_limit plain_limit = {.name = "empty_loop", .unit = "turn", .refuse = refuse_odd};
static const struct bench_limit sized_limit = {
    .name = "threads", .unit = "thread", .param = &capacity, .refuse = refuse_odd};
const struct bench_limit *const bench_limits[] = {&plain_limit, &sized_limit, NULL};

/* --- the target ------------------------------------------------------------------------------------------ */

/* The name that the cell should have. */
static void spell(const struct bench_cell *cell, char *name, size_t size)
{
    const struct bench_param *param = cell->limit != NULL ? cell->limit->param : cell->workload->param;
    char number[64] = "";
    if (param != NULL) {
        snprintf(number, sizeof number, "/%s:%" PRIu64, param->name, cell->param);
    }
    if (cell->limit != NULL) {
        snprintf(name, size, "limit/%s%s", cell->limit->name, number);
    } else if (cell->chan != NULL) {
        snprintf(name, size, "%s/chan:%s/sched:%s%s/workers:%u", cell->workload->name, cell->chan->name,
                 cell->sched->name, number, cell->workers);
    } else {
        snprintf(name, size, "%s/sched:%s%s/workers:%u", cell->workload->name, cell->sched->name, number,
                 cell->workers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct bench_cell cell;
    char name[512], why[100] = "";
    if (bench_cell_parse(text, &cell, why, sizeof why)) {
        spell(&cell, name, sizeof name);
        FUZZ_MUST(strcmp(name, text) == 0);
        const char *refused = bench_cell_refuse(&cell);
        FUZZ_MUST(refused == NULL || refused[0] != '\0');
    } else {
        FUZZ_MUST(why[0] != '\0' && strlen(why) < sizeof why);
    }
    free(text);
    return 0;
}
