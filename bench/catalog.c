/* What there is to measure, by index and by name: variants, workloads, limits, and the names of cells. */
#include "bench/harness.h"

#include <stdio.h>
#include <string.h>

#define CHANNEL(name) extern const struct bench_rows bench_channel_##name[];
#define SCHED(name) extern const struct bench_rows bench_sched_##name[];
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED

/* In the registry's order. */
static const struct bench_rows *const channel_instances[] = {
#define CHANNEL(name) bench_channel_##name,
#define SCHED(name)
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED
    NULL,
};

static const struct bench_rows *const sched_instances[] = {
#define CHANNEL(name)
#define SCHED(name) bench_sched_##name,
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED
    NULL,
};

enum { WORKERS_MAX = 1024 };

/* --- list ------------------------------------------------------------------------------------------- */

static void add_flag(struct bench_variant *variant, const char *name, enum bench_kind kind, uint64_t number,
                     const char *text)
{
    variant->flags[variant->flag_count++] = (struct bench_flag){name, kind, number, text};
}

bool bench_channel_at(size_t index, struct bench_variant *variant)
{
    if (channel_instances[index] == NULL) {
        return false;
    }
    const struct chan_ops *ops = registry_channels[index];
    const struct chan_caps *caps = &ops->caps;
    *variant = (struct bench_variant){.name = ops->name, .summary = ops->summary, .control = caps->control};
    add_flag(variant, "capacity_min", BENCH_NUMBER, caps->capacity_min, NULL);
    add_flag(variant, "capacity_exact", BENCH_BOOL, caps->capacity_exact, NULL);
    add_flag(variant, "fifo_waiters", BENCH_BOOL, caps->fifo_waiters, NULL);
    add_flag(variant, "wakes_all", BENCH_BOOL, caps->wakes_all, NULL);
    add_flag(variant, "hand_off", BENCH_BOOL, caps->hand_off, NULL);
    add_flag(variant, "multi_producer", BENCH_BOOL, caps->multi_producer, NULL);
    add_flag(variant, "multi_consumer", BENCH_BOOL, caps->multi_consumer, NULL);
    add_flag(variant, "select", BENCH_BOOL, caps->select, NULL);
    add_flag(variant, "select_atomic", BENCH_BOOL, caps->select_atomic, NULL);
    add_flag(variant, "try_exact", BENCH_BOOL, caps->try_exact, NULL);
    add_flag(variant, "elem_size_max", BENCH_NUMBER, caps->elem_size_max, NULL);
    if (caps->allocates_per_message_above == SIZE_MAX) {
        add_flag(variant, "allocates_per_message_above", BENCH_TEXT, 0, "never");
    } else {
        add_flag(variant, "allocates_per_message_above", BENCH_NUMBER, caps->allocates_per_message_above, NULL);
    }
    add_flag(variant, "progress", BENCH_TEXT, 0, chan_progress_name(caps->progress));
    return true;
}

bool bench_sched_at(size_t index, struct bench_variant *variant)
{
    if (sched_instances[index] == NULL) {
        return false;
    }
    const struct sched_ops *ops = registry_scheds[index];
    *variant = (struct bench_variant){.name = ops->name, .summary = ops->summary};
    add_flag(variant, "os_threads", BENCH_BOOL, ops->caps.os_threads, NULL);
    add_flag(variant, "stealing", BENCH_BOOL, ops->caps.stealing, NULL);
    add_flag(variant, "fair", BENCH_BOOL, ops->caps.fair, NULL);
    add_flag(variant, "spawn_cheap", BENCH_BOOL, ops->caps.spawn_cheap, NULL);
    add_flag(variant, "virtual_time", BENCH_BOOL, ops->caps.virtual_time, NULL);
    return true;
}

/* The row of this index in the lists one after the other; past their end NULL, and the index in what follows them. */
static const struct bench_workload *row_at(const struct bench_rows *lists, size_t *index)
{
    for (; lists->count != 0; lists++) {
        if (*index < lists->count) {
            return &lists->rows[*index];
        }
        *index -= lists->count;
    }
    return NULL;
}

const struct bench_workload *bench_workload_at(size_t index)
{
    const struct bench_workload *workload = row_at(sched_instances[0], &index);
    workload = workload != NULL ? workload : row_at(channel_instances[0], &index);
    return workload != NULL ? workload : row_at(bench_calls, &index);
}

const struct bench_limit *bench_limit_at(size_t index)
{
    return bench_limits[index];
}

/* --- names of cells --------------------------------------------------------------------------------- */

struct parser {
    const char *rest;
    char word[64]; /* the last value taken */
    char *why;
    size_t why_size;
};

#define complain(parser, ...) (snprintf((parser)->why, (parser)->why_size, __VA_ARGS__), false)

/* Takes the text up to the next '/' or the end. */
static bool take_word(struct parser *parser)
{
    size_t length = strcspn(parser->rest, "/");
    if (length == 0 || length >= sizeof parser->word) {
        return complain(parser, "a cell's name is WORKLOAD/chan:NAME/sched:NAME/PARAMETER:N/workers:N");
    }
    memcpy(parser->word, parser->rest, length);
    parser->word[length] = '\0';
    parser->rest += length;
    return true;
}

/* Takes "/key:value". */
static bool take_field(struct parser *parser, const char *key)
{
    size_t length = strlen(key);
    if (parser->rest[0] != '/' || strncmp(parser->rest + 1, key, length) != 0 || parser->rest[1 + length] != ':') {
        return complain(parser, "expected /%s:... at '%s'", key, parser->rest);
    }
    parser->rest += length + 2;
    return take_word(parser);
}

static bool take_number(struct parser *parser, const char *key, uint64_t min, uint64_t max, uint64_t *number)
{
    if (!take_field(parser, key)) {
        return false;
    }
    size_t digits = strspn(parser->word, "0123456789");
    if (parser->word[digits] != '\0' || digits > 18 || (digits > 1 && parser->word[0] == '0')) {
        return complain(parser, "%s: '%s' is not a number", key, parser->word);
    }
    *number = strtoull(parser->word, NULL, 10);
    if (*number < min || *number > max) {
        return complain(parser, "%s: %s is not in %" PRIu64 " ... %" PRIu64, key, parser->word, min, max);
    }
    return true;
}

static bool take_param(struct parser *parser, const struct bench_param *param, uint64_t *number)
{
    return param == NULL || take_number(parser, param->name, param->min, param->max, number);
}

static const struct bench_workload *find_workload(const struct bench_rows *lists, const char *name)
{
    for (size_t i = 0;; i++) {
        size_t at = i;
        const struct bench_workload *workload = row_at(lists, &at);
        if (workload == NULL || strcmp(workload->name, name) == 0) {
            return workload;
        }
    }
}

/* The instance that belongs to the cell's channel, or to its scheduler if the workload uses no channel. NULL: a control
 * has none, and the suite `calls` one for all. */
static const struct bench_workload *find_instance(const struct bench_cell *cell, const char *name)
{
    for (size_t i = 0; cell->chan != NULL && channel_instances[i] != NULL; i++) {
        if (registry_channels[i] == cell->chan) {
            return find_workload(channel_instances[i], name);
        }
    }
    for (size_t i = 0; cell->chan == NULL && sched_instances[i] != NULL; i++) {
        if (registry_scheds[i] == cell->sched) {
            return find_workload(sched_instances[i], name);
        }
    }
    return NULL;
}

static bool parse_limit(struct parser *parser, struct bench_cell *cell)
{
    if (parser->rest[0] != '/') {
        return complain(parser, "a limit's name is limit/NAME or limit/NAME/PARAMETER:N");
    }
    parser->rest++;
    if (!take_word(parser)) {
        return false;
    }
    for (size_t i = 0; bench_limits[i] != NULL; i++) {
        if (strcmp(bench_limits[i]->name, parser->word) == 0) {
            cell->limit = bench_limits[i];
            return take_param(parser, cell->limit->param, &cell->param);
        }
    }
    return complain(parser, "unknown limit '%s'", parser->word);
}

static bool parse_variants(struct parser *parser, struct bench_cell *cell, bool uses_chan)
{
    if (uses_chan) {
        if (!take_field(parser, "chan")) {
            return false;
        }
        cell->chan = registry_channel(parser->word);
        if (cell->chan == NULL) {
            return complain(parser, "unknown channel '%s'", parser->word);
        }
    }
    if (!take_field(parser, "sched")) {
        return false;
    }
    cell->sched = registry_sched(parser->word);
    return cell->sched != NULL || complain(parser, "unknown scheduler '%s'", parser->word);
}

static bool parse_workload(struct parser *parser, struct bench_cell *cell)
{
    char name[sizeof parser->word];
    uint64_t workers;
    memcpy(name, parser->word, sizeof name);
    const struct bench_workload *any = find_workload(sched_instances[0], name);
    any = any != NULL ? any : find_workload(channel_instances[0], name);
    any = any != NULL ? any : find_workload(bench_calls, name);
    if (any == NULL) {
        return complain(parser, "unknown workload '%s'", name);
    }
    if (!parse_variants(parser, cell, any->uses_chan) || !take_param(parser, any->param, &cell->param) ||
        !take_number(parser, "workers", 1, WORKERS_MAX, &workers)) {
        return false;
    }
    cell->workers = (unsigned)workers;
    cell->workload = find_instance(cell, name);
    if (cell->workload == NULL) {
        cell->workload = any; /* which says why: bench_cell_refuse() */
    }
    return true;
}

bool bench_cell_parse(const char *name, struct bench_cell *cell, char *why, size_t why_size)
{
    struct parser parser = {.rest = name, .why = why, .why_size = why_size};
    *cell = (struct bench_cell){0};
    if (!take_word(&parser)) {
        return false;
    }
    bool limit = strcmp(parser.word, "limit") == 0;
    if (!(limit ? parse_limit(&parser, cell) : parse_workload(&parser, cell))) {
        return false;
    }
    return parser.rest[0] == '\0' || complain(&parser, "nothing may follow: '%s'", parser.rest);
}

/* By what the workload says that it needs; rows of suites need a channel for many producers and consumers. */
static const char *refuse_needs(const struct bench_cell *cell)
{
    unsigned needs = cell->workload->needs;
    const struct chan_ops *chan = cell->chan;
    if (cell->workload->suite != NULL && chan != NULL) {
        if (chan->caps.control) {
            return "controls serve spsc only";
        }
        if (!chan->caps.multi_producer || !chan->caps.multi_consumer) {
            return "the channel does not serve many producers and many consumers";
        }
    }
    if ((needs & BENCH_NEEDS_RENDEZVOUS) != 0 && chan->caps.capacity_min > 0) {
        return bench_refuse_capacity(chan, 0);
    }
    if ((needs & BENCH_NEEDS_SELECT) != 0 && !chan->caps.select) {
        return "the channel may not stand in a select";
    }
    if ((needs & BENCH_NEEDS_ONE_WORKER) != 0 && cell->workers != 1) {
        return "the original runs on one processor, whatever -cpu says";
    }
    return NULL;
}

const char *bench_cell_refuse(const struct bench_cell *cell)
{
    if (cell->limit != NULL) {
        return cell->limit->refuse(cell->param);
    }
    if (cell->sched->caps.virtual_time) {
        return "its scheduler is for tests: it keeps a time of its own, so nothing can be measured on it";
    }
    const char *why = refuse_needs(cell);
    return why == NULL && cell->workload->refuse != NULL ? cell->workload->refuse(cell) : why;
}
