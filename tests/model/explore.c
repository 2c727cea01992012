/* The searches: each execution is a list of decisions, choose()'s results.
 *
 *   dfs     all lists in lexicographic order, in which decision 0 is the plainest: go on with the same thread, see the
 *           newest value.
 *           With a bound on preemptions: first those with none, then one more at a time. Without: sleep sets leave out
 *           executions that differ from another one only in the order of operations that do not depend on each other.
 *   pct     threads have random priorities, the highest that can goes on; at a few random steps the running one falls
 *           to the lowest
 *   random  a random walk
 * The random searches see the newest value half of the time. */
#include "model.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENT_ODDS = 24, PCT_DEPTH_MAX = 8, REPLAY_DIGITS = 34 };

struct node {
    uint8_t pick, count, allowed;
    bool is_thread;
    uint8_t sleep; /* threads whose turn here was seen elsewhere */
    uint8_t who[2 * THREADS_MAX];
    uint16_t events; /* bit i: option i is one */
};

const struct search *searching;
uint64_t execution;

static struct node path[TRACE_MAX]; /* what was decided, in this execution or, behind `depth`, in the last */
static unsigned depth;
static unsigned prefix;  /* DFS: so many decisions are to be made as in the last execution */
static uint8_t sleeping; /* now */
static bool full;        /* DFS without a bound */
static uint64_t random_state;
static struct search bounded; /* with the bound of this round */

static uint8_t given[TRACE_MAX]; /* of a replay */
static unsigned given_count;

static uint64_t pct_length = 64; /* steps of an execution so far, at most */
static uint64_t pct_changes[PCT_DEPTH_MAX];
static uint64_t pct_steps;
static uint32_t pct_lowest;

/* S. Vigna, "An experimental exploration of Marsaglia's xorshift generators" (2016). */
static uint32_t random_number(uint32_t bound)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1Du >> 32) * bound >> 32);
}

/* --- decisions ---------------------------------------------------------------------------------------- */

static struct node *node_next(unsigned count, unsigned allowed)
{
    if (depth == TRACE_MAX - 1) {
        execution_end(OUTCOME_CUT);
    }
    struct node *node = &path[depth++];
    if (searching->strategy != SEARCH_DFS || depth > prefix) {
        node->pick = 0;
        node->count = (uint8_t)count;
        node->allowed = (uint8_t)allowed;
        node->is_thread = false;
        node->sleep = 0;
    } else if (node->count != count) {
        fail("the client is not deterministic: another number of choices at decision %u", depth - 1);
    }
    return node;
}

static unsigned replayed(unsigned count)
{
    unsigned pick = depth <= given_count ? given[depth - 1] : 0;
    if (pick >= count) {
        fail("the replay does not fit: decision %u is %u of %u", depth - 1, pick, count);
    }
    return pick;
}

unsigned choose(unsigned count, unsigned allowed)
{
    if (self == NULL) {
        return 0;
    }
    struct node *node = node_next(count, allowed);
    switch (searching->strategy) {
    case SEARCH_DFS: break;
    case SEARCH_REPLAY: node->pick = (uint8_t)replayed(count); break;
    default:
        if (allowed > 1 && random_number(2) != 0) {
            node->pick = (uint8_t)random_number(allowed);
        }
    }
    return node->pick;
}

static bool is_event(const struct node *node, unsigned option)
{
    return (node->events >> option & 1) != 0;
}

/* From `pick` on, the first option whose thread is not asleep; node->allowed: none. */
static unsigned first_awake(const struct node *node, unsigned pick)
{
    while (pick < node->allowed && !is_event(node, pick) && (node->sleep >> node->who[pick] & 1) != 0) {
        pick++;
    }
    return pick;
}

static void choose_dfs(struct node *node)
{
    if (!full) {
        return;
    }
    if (depth > prefix) {
        node->sleep = sleeping;
        node->pick = (uint8_t)first_awake(node, 0);
        if (node->pick == node->allowed) {
            depth--;
            execution_end(OUTCOME_PRUNED);
        }
    }
    sleeping = is_event(node, node->pick) ? 0 : node->sleep;
}

static void choose_pct(struct node *node)
{
    struct vthread *best = NULL;
    pct_steps++;
    for (unsigned i = 0; i < searching->pct_depth && i < PCT_DEPTH_MAX; i++) {
        if (pct_changes[i] == pct_steps) {
            self->priority = pct_lowest--;
        }
    }
    for (unsigned i = 0; i < node->allowed; i++) {
        struct vthread *thread = &threads[node->who[i]];
        if (thread->priority == 0) {
            thread->priority = (1u << 30) + random_number(1u << 30);
        }
        if (is_event(node, i)) {
            if (random_number(EVENT_ODDS) == 0) {
                node->pick = (uint8_t)i;
                return;
            }
        } else if (best == NULL || thread->priority > best->priority) {
            best = thread;
            node->pick = (uint8_t)i;
        }
    }
}

static void choose_random(struct node *node)
{
    unsigned ordinary = 0;
    for (unsigned i = 0; i < node->allowed; i++) {
        ordinary += is_event(node, i) ? 0 : 1;
    }
    if (ordinary < node->allowed && random_number(EVENT_ODDS) == 0) {
        node->pick = (uint8_t)(ordinary + random_number(node->allowed - ordinary));
    } else if (ordinary > 1) {
        node->pick = (uint8_t)random_number(ordinary);
    }
}

unsigned choose_thread(const uint8_t *who, const bool *event, unsigned count, unsigned allowed)
{
    struct node *node = node_next(count, allowed);
    if (searching->strategy != SEARCH_DFS || depth > prefix) {
        node->is_thread = true;
        node->events = 0;
        for (unsigned i = 0; i < count; i++) {
            node->who[i] = who[i];
            node->events |= (uint16_t)(event[i] ? 1u << i : 0);
        }
    }
    switch (searching->strategy) {
    case SEARCH_DFS: choose_dfs(node); break;
    case SEARCH_PCT: choose_pct(node); break;
    case SEARCH_RANDOM: choose_random(node); break;
    case SEARCH_REPLAY: node->pick = (uint8_t)replayed(count); break;
    }
    return node->pick;
}

/* --- sleep sets --------------------------------------------------------------------------------------- */

/* May the order of what the two are about to do matter? */
static bool is_dependent(const struct vthread *a, const struct vthread *b)
{
    if (a->op == MODEL_RELAX || b->op == MODEL_RELAX) {
        return true;
    }
    if (a->op == MODEL_FENCE || b->op == MODEL_FENCE) {
        return a->order == memory_order_seq_cst && b->order == memory_order_seq_cst;
    }
    return a->address == b->address && (a->op != MODEL_LOAD || b->op != MODEL_LOAD);
}

void explore_step(const struct vthread *thread)
{
    for (unsigned i = 0; i < thread_count && sleeping != 0; i++) {
        if ((sleeping >> i & 1) != 0 && (&threads[i] == thread || is_dependent(&threads[i], thread))) {
            sleeping &= (uint8_t) ~(1u << i);
        }
    }
}

/* --- the searches ------------------------------------------------------------------------------------- */

/* Makes `path` begin as the next execution will; false: there is none. */
static bool next_prefix(void)
{
    while (depth > 0) {
        struct node *node = &path[depth - 1];
        unsigned pick = node->pick + 1u;
        if (full && node->is_thread) {
            node->sleep |= (uint8_t)(is_event(node, node->pick) ? 0 : 1u << node->who[node->pick]);
            pick = first_awake(node, pick);
        }
        if (pick < node->allowed) {
            node->pick = (uint8_t)pick;
            prefix = depth;
            return true;
        }
        depth--;
    }
    return false;
}

static void write_replay(char *text, size_t size)
{
    size_t length = 0, end = depth;
    while (end > 0 && path[end - 1].pick == 0) {
        end--;
    }
    text[0] = '\0';
    for (size_t i = 0; i < end && length + 16 < size;) {
        size_t zeros = 0;
        while (i + zeros < end && path[i + zeros].pick == 0) {
            zeros++;
        }
        if (zeros > 3) {
            length += (size_t)snprintf(text + length, size - length, "z%zu.", zeros);
            i += zeros;
        } else if (path[i].pick < REPLAY_DIGITS) {
            text[length++] = "0123456789abcdefghijklmnopqrstuvwx"[path[i++].pick];
            text[length] = '\0';
        } else {
            length += (size_t)snprintf(text + length, size - length, "y%u.", path[i++].pick);
        }
    }
    if (length + 16 >= size) {
        text[0] = '\0'; /* too long: none rather than half of one */
    }
}

static bool read_replay(const char *text)
{
    given_count = 0;
    while (*text != '\0' && given_count < TRACE_MAX) {
        char *end = NULL;
        unsigned long number = 1;
        unsigned value = 0;
        if (*text == 'z' || *text == 'y') {
            number = strtoul(text + 1, &end, 10);
            if (end == text + 1 || *end != '.' || number > TRACE_MAX) {
                return false;
            }
            value = *text == 'y' ? (unsigned)number : 0;
            number = *text == 'y' ? 1 : number;
            text = end;
        } else if (*text >= '0' && *text <= '9') {
            value = (unsigned)(*text - '0');
        } else if (*text >= 'a' && *text < 'y') {
            value = (unsigned)(*text - 'a') + 10;
        } else {
            return false;
        }
        if (value > UINT8_MAX) {
            return false;
        }
        while (number-- > 0 && given_count < TRACE_MAX) {
            given[given_count++] = (uint8_t)value;
        }
        text++;
    }
    return true;
}

static void begin_random(uint64_t number)
{
    random_state = (searching->seed * 0x9E3779B97F4A7C15u ^ (number + 1) * 0xBF58476D1CE4E5B9u) | 1;
    for (unsigned i = 0; i < 4; i++) {
        random_number(2);
    }
    pct_steps = 0;
    pct_lowest = 1u << 20;
    for (unsigned i = 0; i < PCT_DEPTH_MAX; i++) {
        pct_changes[i] = 1 + random_number((uint32_t)pct_length);
    }
}

static void run_one(struct result *result)
{
    execution++;
    depth = 0;
    sleeping = 0;
    threads_reset();
    memory_reset();
    plain_reset();
    client_restore();
    histories_begin();
    enum outcome outcome = threads_run(client_main);
    if ((outcome == OUTCOME_DONE || outcome == OUTCOME_FAILED) && !histories_judge(result)) {
        outcome = OUTCOME_FAILED;
    }
    pct_length = steps > pct_length ? steps : pct_length;
    result->steps_max = steps > result->steps_max ? steps : result->steps_max;
    result->threads = thread_count > result->threads ? thread_count : result->threads;
    result->executions += outcome == OUTCOME_PRUNED ? 0 : 1;
    result->pruned += outcome == OUTCOME_PRUNED ? 1 : 0;
    result->cut += outcome == OUTCOME_CUT ? 1 : 0;
    if (outcome == OUTCOME_FAILED) {
        result->failed = true;
        memcpy(result->message, fail_message, sizeof result->message);
        write_replay(result->replay, sizeof result->replay);
    } else if (outcome == OUTCOME_CUT && result->cut == 1) {
        write_replay(result->replay, sizeof result->replay);
    }
}

static bool is_over(const struct search *search, const struct result *result)
{
    return result->failed || (search->executions != 0 && result->executions + result->pruned >= search->executions);
}

/* One bound. True: all seen. */
static bool search_depth_first(const struct search *search, struct result *result)
{
    prefix = 0;
    do {
        sites_changed = false;
        run_one(result);
        if (sites_changed) {
            depth = 0; /* more is a scheduling point now than where the last executions were */
            prefix = 0;
            continue;
        }
        if (is_over(search, result)) {
            return false;
        }
        if (!next_prefix()) {
            return true;
        }
    } while (!is_over(search, result));
    return false;
}

void model_search(const struct search *search, struct result *result)
{
    *result = (struct result){.executions = 0};
    bounded = *search;
    searching = &bounded;
    full = search->strategy == SEARCH_DFS && search->preemptions < 0;
    if (search->strategy == SEARCH_REPLAY) {
        if (!read_replay(search->replay)) {
            result->failed = true;
            snprintf(result->message, sizeof result->message, "not a replay string: %s", search->replay);
            return;
        }
        run_one(result);
    } else if (search->strategy == SEARCH_DFS) {
        bool all = false;
        for (bounded.preemptions = full ? -1 : 0; bounded.preemptions <= search->preemptions; bounded.preemptions++) {
            bound_was_met = false;
            all = search_depth_first(search, result);
            if (is_over(search, result) || !bound_was_met) {
                break;
            }
        }
        result->complete = all && !result->failed;
    } else {
        for (uint64_t i = 0; !is_over(search, result); i++) {
            begin_random(i);
            run_one(result);
        }
    }
}
