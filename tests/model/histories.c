/* Histories: what a client has recorded of its execution is kept until that is over, and then judged on the program's
 * own stack (a fiber's is too small for the checker's search). Each is judged once: those that were linearizable are
 * remembered by a hash of 64 bits, as long as the client is the same. */
#include "tests/linear/checker.h"

#include "model.h" /* behind core's headers, which have other uses for its names */

enum { KNOWN_START = 1 << 12 };

static struct history recorded, refuted;
static bool has_recorded, has_refuted;

static uint64_t *known; /* open addressing; 0: free */
static size_t known_count, known_room;

/* As in core/run.c, which has more in it than belongs here. */
const char *weft_status_name(enum weft_status status)
{
    static const char *const names[] = {"OK", "CLOSED", "AGAIN", "TIMEOUT", "CANCELED", "NOMEM", "INVALID"};
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "UNKNOWN";
}

void model_history(const struct history *history)
{
    recorded = *history;
    has_recorded = true;
}

uint64_t model_program(void)
{
    return searching->program;
}

void histories_begin(void)
{
    has_recorded = has_refuted = false;
}

void histories_forget(void)
{
    free(known);
    known = NULL;
    known_count = known_room = 0;
}

/* Of what was asked, told and known; not of the numbers in which it happened, which mean nothing here. */
static uint64_t digest(void)
{
    uint64_t hash = 0xCBF29CE484222325u ^ searching->program; /* FNV-1a, a word at a time, mixed */
    for (unsigned i = 0; i < recorded.count; i++) {
        const struct operation *op = &recorded.ops[i];
        uint64_t words[] = {op->before, op->who,
                            (uint64_t)op->task << 48 | (uint64_t)op->kind << 40 |
                                (uint64_t)(op->returned == NEVER) << 32 | (uint64_t)op->value << 16 |
                                (uint64_t)op->status << 8 | (uint8_t)op->chosen};
        for (unsigned w = 0; w < sizeof words / sizeof words[0]; w++) {
            hash = (hash ^ words[w]) * 0x100000001B3u;
            hash ^= hash >> 29;
        }
    }
    return hash == 0 ? 1 : hash;
}

static uint64_t *place_of(uint64_t hash)
{
    size_t place = hash % known_room;
    while (known[place] != 0 && known[place] != hash) {
        place = (place + 1) % known_room;
    }
    return &known[place];
}

static void make_room(void)
{
    uint64_t *old = known;
    size_t old_room = known_room;
    known_room = old_room == 0 ? KNOWN_START : 2 * old_room;
    known = calloc(known_room, sizeof *known);
    if (known == NULL) {
        abort();
    }
    for (size_t i = 0; i < old_room; i++) {
        if (old[i] != 0) {
            *place_of(old[i]) = old[i];
        }
    }
    free(old);
}

bool histories_judge(struct result *result)
{
    if (!has_recorded) {
        return true;
    }
    if (2 * known_count >= known_room) {
        make_room();
    }
    uint64_t hash = digest();
    result->histories++;
    if (*place_of(hash) == hash) {
        return true;
    }
    result->histories_new++;
    for (unsigned i = 0; i < history_views(&recorded); i++) {
        struct history view = history_view(&recorded, i);
        enum answer answer = history_check(&view).answer;
        if (answer != LINEARIZABLE) {
            bool wrong = answer == NOT_LINEARIZABLE;
            refuted = wrong ? history_minimise(&view) : view;
            has_refuted = true;
            snprintf(fail_message, sizeof fail_message, "a history is %s",
                     wrong ? "not linearizable" : "too long to be judged");
            return false;
        }
    }
    *place_of(hash) = hash;
    known_count++;
    return true;
}

void histories_print_refuted(void)
{
    if (has_refuted) {
        struct verdict verdict = history_check(&refuted);
        printf("  the history is ");
        verdict_print(stdout, &refuted, &verdict);
    }
}
