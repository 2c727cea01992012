#include "checker.h"

#include "model.h"

enum { STATES_MAX = 1 << 17, CACHE_START = 1 << 8 };

/* States that were left in vain: open addressing, by the states' bytes. */
struct cache {
    struct model *states;
    uint32_t *slots; /* index + 1 into states; 0: free */
    size_t count, room, slot_count;
};

struct search {
    struct world world;
    struct cache cache;
    struct verdict verdict;
    uint8_t path[OPERATIONS_MAX]; /* operations in the order in which they were done */
    unsigned depth;
};

/* --- the cache -------------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct model *model)
{
    uint64_t words[sizeof *model / sizeof(uint64_t)], hash = 0xCBF29CE484222325u; /* FNV-1a, a word at a time, mixed */
    memcpy(words, model, sizeof words);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        hash = (hash ^ words[i]) * 0x100000001B3u;
        hash ^= hash >> 29;
    }
    return hash;
}

static void *grown(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (memory == NULL) {
        fprintf(stderr, "linear: no memory for %zu bytes\n", size);
        abort();
    }
    return memory;
}

static void cache_grow(struct cache *cache)
{
    cache->room = cache->room == 0 ? CACHE_START : 2 * cache->room;
    cache->slot_count = 2 * cache->room;
    cache->states = grown(cache->states, cache->room * sizeof *cache->states);
    cache->slots = grown(cache->slots, cache->slot_count * sizeof *cache->slots);
    memset(cache->slots, 0, cache->slot_count * sizeof *cache->slots);
    for (size_t i = 0; i < cache->count; i++) {
        size_t slot = hash_of(&cache->states[i]) % cache->slot_count;
        while (cache->slots[slot] != 0) {
            slot = (slot + 1) % cache->slot_count;
        }
        cache->slots[slot] = (uint32_t)i + 1;
    }
}

/* False: it was there already. */
static bool cache_enter(struct cache *cache, const struct model *model)
{
    if (cache->count == cache->room) {
        cache_grow(cache);
    }
    size_t slot = hash_of(model) % cache->slot_count;
    for (; cache->slots[slot] != 0; slot = (slot + 1) % cache->slot_count) {
        if (memcmp(&cache->states[cache->slots[slot] - 1], model, sizeof *model) == 0) {
            return false;
        }
    }
    memcpy(&cache->states[cache->count++], model, sizeof *model);
    cache->slots[slot] = (uint32_t)cache->count;
    return true;
}

/* --- the search ------------------------------------------------------------------------------------- */

static unsigned count_bits(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

/* Remembers the way to the state in which most is explained. */
static void note_depth(struct search *search, const struct model *model)
{
    unsigned explained = count_bits(model->done);
    if (explained > search->verdict.explained) {
        search->verdict.explained = explained;
        memcpy(search->verdict.order, search->path, sizeof search->verdict.order);
    }
}

/* Does what changes nothing, and notes it in the path. */
static void settle(struct search *search, struct model *model)
{
    uint64_t before = model->done;
    model_settle(&search->world, model);
    for (unsigned op = 0; op < search->world.history->count; op++) {
        if (((model->done & ~before) >> op & 1) != 0) {
            search->path[search->depth++] = (uint8_t)op;
        }
    }
}

/* What must return early first: it is the most likely to have happened first. */
static void sort_moves(const struct history *history, struct move *moves, unsigned count)
{
    for (unsigned i = 1; i < count; i++) {
        struct move move = moves[i];
        unsigned j = i;
        while (j > 0 && history->ops[moves[j - 1].op].returned > history->ops[move.op].returned) {
            moves[j] = moves[j - 1];
            j--;
        }
        moves[j] = move;
    }
}

static bool explain(struct search *search, const struct model *before)
{
    struct model model = *before;
    struct move moves[MOVES_MAX];
    unsigned depth = search->depth;
    settle(search, &model);
    note_depth(search, &model);
    bool found = model_finished(&search->world, &model);
    if (!found && search->cache.count < STATES_MAX && cache_enter(&search->cache, &model)) {
        unsigned count = model_moves(&search->world, &model, moves);
        sort_moves(search->world.history, moves, count);
        unsigned settled = search->depth;
        for (unsigned i = 0; i < count && !found; i++) {
            struct model next = model;
            model_apply(&search->world, &next, &moves[i]);
            search->depth = settled;
            if (moves[i].kind != MOVE_ENTER) {
                search->path[search->depth++] = moves[i].op;
            }
            if (moves[i].kind != MOVE_ENTER && moves[i].partner != NOBODY) {
                search->path[search->depth++] = moves[i].partner;
            }
            found = explain(search, &next);
        }
    }
    search->depth = depth;
    return found;
}

struct verdict history_check(const struct history *history)
{
    struct search search = {.depth = 0};
    struct model start;
    memset(&start, 0, sizeof start);
    world_init(&search.world, history);
    bool found = explain(&search, &start);
    search.verdict.states = search.cache.count;
    search.verdict.answer = found ? LINEARIZABLE : search.cache.count >= STATES_MAX ? UNDECIDED : NOT_LINEARIZABLE;
    free(search.cache.states);
    free(search.cache.slots);
    return search.verdict;
}

static bool refuted(const struct history *history)
{
    return history_check(history).answer == NOT_LINEARIZABLE;
}

/* Nothing excuses anything: no operation is judged by what overlaps with it. */
static bool is_exact(const struct history *history)
{
    for (unsigned chan = 0; chan < history->channel_count; chan++) {
        if (!history->channels[chan].capacity_exact || !history->channels[chan].try_exact) {
            return false;
        }
    }
    return true;
}

/* Has had no effect. */
static bool is_idle(const struct operation *op)
{
    switch ((enum kind)op->kind) {
    case KIND_SELECT: return op->returned != NEVER && (op->chosen == CHOSE_NONE || op->status != WEFT_OK);
    case KIND_CLOSE: return op->returned != NEVER && op->status != WEFT_OK;
    case KIND_LEN:
    case KIND_SEEN:
    case KIND_STUCK: return true;
    case KIND_CANCEL: return false;
    }
    return false;
}

/* --- views ------------------------------------------------------------------------------------------ */

static bool is_default_over_all(const struct history *history, const struct operation *op)
{
    bool over[CHANNELS_MAX] = {false};
    for (unsigned c = 0; op->kind == KIND_SELECT && op->chosen == CHOSE_NONE && c < op->count; c++) {
        if (op->cases[c].chan >= 0) {
            over[op->cases[c].chan] = true;
        }
    }
    bool all = true;
    for (unsigned chan = 0; chan < history->channel_count; chan++) {
        all = all && over[chan];
    }
    return all;
}

static unsigned count_defaults(const struct history *history)
{
    unsigned count = 0;
    for (unsigned op = 0; op < history->count; op++) {
        count += is_default_over_all(history, &history->ops[op]);
    }
    return count;
}

unsigned history_views(const struct history *history)
{
    return !history->partial || history->channel_count == 1 ? 1 : history->channel_count + 1 + count_defaults(history);
}

struct history history_view(const struct history *history, unsigned index)
{
    struct history view = *history;
    unsigned channels = history->channel_count, defaults = count_defaults(history);
    if (history_views(history) == 1) {
        return view;
    }
    for (unsigned chan = 0; chan < channels && index < channels; chan++) {
        view.channels[chan].left_out = chan != index;
    }
    for (unsigned op = view.count; index >= channels && op-- > 0;) {
        bool kept = is_default_over_all(history, &view.ops[op]) && defaults-- == index - channels;
        if (!kept && is_idle(&view.ops[op])) {
            view = history_without(&view, op);
        }
    }
    return view;
}

/* --- a smaller one ---------------------------------------------------------------------------------- */

struct history history_minimise(const struct history *history)
{
    struct history least = *history;
    unsigned events = history_events(history);
    for (unsigned cut = 1; cut < events; cut++) { /* what begins a linearizable history is linearizable */
        struct history prefix = history_prefix(history, cut);
        if (refuted(&prefix)) {
            least = prefix;
            break;
        }
    }
    for (unsigned op = least.count; op-- > 0 && is_exact(history);) {
        struct history less = history_without(&least, op);
        if (is_idle(&least.ops[op]) && refuted(&less)) { /* it had no effect, and nobody is excused by it */
            least = less;
        }
    }
    return least;
}

/* --- in words --------------------------------------------------------------------------------------- */

static void print_rules(FILE *to, const struct history *history)
{
    for (unsigned i = 0; i < history->channel_count; i++) {
        const struct channel_spec *spec = &history->channels[i];
        if (spec->left_out) {
            fprintf(to, "  %c: %s, left out of this view\n", 'a' + (int)i, spec->variant);
            continue;
        }
        fprintf(to, "  %c: %s, capacity %zu;%s%s%s%s%s\n", 'a' + (int)i, spec->variant, spec->capacity,
                spec->capacity_exact ? " exact capacity" : "", spec->try_exact ? " exact tries" : "",
                spec->select_atomic ? " atomic default" : "", spec->fifo_waiters ? " waiters in order" : "",
                spec->hand_off ? " hand-off" : "");
    }
}

static void print_operation(FILE *to, const struct operation *op, const char *between)
{
    char words[128], result[64];
    operation_words(op, words, sizeof words);
    operation_result(op, result, sizeof result);
    fprintf(to, "%s%s = %s", between, words, result);
}

/* What of another task's precedes, and not by way of a third one. */
static void print_order(FILE *to, const struct history *history)
{
    char words[128], later[128];
    for (unsigned b = 0; b < history->count; b++) {
        for (unsigned a = 0; a < history->count; a++) {
            bool direct = history_precedes(history, a, b) && history->ops[a].task != history->ops[b].task;
            for (unsigned c = 0; c < history->count && direct; c++) {
                direct = !history_precedes(history, a, c) || !history_precedes(history, c, b);
            }
            if (direct) {
                operation_words(&history->ops[a], words, sizeof words);
                operation_words(&history->ops[b], later, sizeof later);
                fprintf(to, "  %s happens before %s\n", words, later);
            }
        }
    }
}

void verdict_print(FILE *to, const struct history *history, const struct verdict *verdict)
{
    static const char *const answers[] = {"linearizable", "not linearizable", "undecided"};
    bool explained[OPERATIONS_MAX] = {false};
    fprintf(to, "%s (%zu states)\n", answers[verdict->answer], verdict->states);
    print_rules(to, history);
    history_print(to, history);
    if (history->partial) {
        print_order(to, history);
    }
    fprintf(to, "  can be put in this order:");
    for (unsigned i = 0; i < verdict->explained; i++) {
        explained[verdict->order[i]] = true;
        print_operation(to, &history->ops[verdict->order[i]], i == 0 ? " " : "; ");
    }
    if (verdict->answer != LINEARIZABLE) {
        fprintf(to, "%s\n  but nothing of this can come next:", verdict->explained == 0 ? " nothing" : "");
        const char *between = " ";
        for (unsigned op = 0; op < history->count; op++) {
            if (!explained[op]) {
                print_operation(to, &history->ops[op], between);
                between = "; ";
            }
        }
    }
    fprintf(to, "\n");
}
