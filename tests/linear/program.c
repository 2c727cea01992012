#include "program.h"

#include "core/registry.h"

struct author {
    uint64_t dice;
    struct program program;
    unsigned profile;
};

/* What the steps of a program are mostly. */
enum { PROFILE_PLAIN, PROFILE_TRY, PROFILE_SELECT, PROFILE_TIMED, PROFILE_MIXED, PROFILES = 6 /* two of them mixed */ };

/* Not random_below(): where the model checker looks on, that would be two operations of the execution. S. Vigna, "An
 * experimental exploration of Marsaglia's xorshift generators" (2016). */
static uint32_t draw(struct author *author, uint32_t bound)
{
    author->dice ^= author->dice >> 12;
    author->dice ^= author->dice << 25;
    author->dice ^= author->dice >> 27;
    return (uint32_t)((author->dice * 0x2545F4914F6CDD1Du >> 32) * bound >> 32);
}

static bool chance(struct author *author, uint32_t percent)
{
    return draw(author, 100) < percent;
}

/* --- what the variants serve ------------------------------------------------------------------------ */

/* Where a variant serves one producer, or one consumer, it is always the same task. */
static bool may_use(const struct program *program, unsigned task, unsigned chan, enum weft_op op)
{
    const struct chan_caps *caps = &program->variants[chan]->caps;
    return op == WEFT_SEND ? caps->multi_producer || task == chan % program->tasks
                           : caps->multi_consumer || task == (chan + 1) % program->tasks;
}

static bool all_select(const struct program *program)
{
    for (unsigned chan = 0; chan < program->channels; chan++) {
        if (!program->variants[chan]->caps.select) {
            return false;
        }
    }
    return true;
}

static const struct chan_ops *another_variant(struct author *author, const struct chan_ops *variant)
{
    const struct chan_ops *found[16];
    unsigned count = 0;
    for (size_t i = 0; registry_channels[i] != NULL && count < 16; i++) {
        const struct chan_caps *caps = &registry_channels[i]->caps;
        if (!caps->control && !caps->mailbox && caps->elem_size_max == 0) {
            found[count++] = registry_channels[i];
        }
    }
    return count != 0 && chance(author, 25) ? found[draw(author, count)] : variant;
}

static size_t some_capacity(struct author *author, const struct chan_ops *variant)
{
    static const uint8_t likely_ones[] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3};
    size_t capacity = likely_ones[draw(author, sizeof likely_ones)];
    return capacity < variant->caps.capacity_min ? variant->caps.capacity_min + capacity : capacity;
}

static void choose_channels(struct author *author, const struct recipe *recipe)
{
    const struct chan_ops *variant = recipe->variant;
    struct program *program = &author->program;
    program->channels = chance(author, 40) ? 2 : 1;
    program->variants[0] = variant;
    program->variants[1] = program->channels == 2 ? another_variant(author, variant) : NULL;
    for (unsigned chan = 0; chan < program->channels; chan++) {
        bool none = recipe->rendezvous && program->variants[chan] == variant;
        program->capacity[chan] = none ? 0 : some_capacity(author, program->variants[chan]);
    }
    size_t most = variant->caps.elem_size_max;
    program->elem_size = chance(author, 25) && (most == 0 || most >= 24) ? 24 : 8;
}

/* --- steps ------------------------------------------------------------------------------------------ */

static uint8_t value_of(unsigned task, unsigned step, unsigned c)
{
    return (uint8_t)(1 + (task * STEPS_MAX + step) * CASES_MAX + c);
}

/* A case that the task may do; a null channel if there is none. */
static struct history_case some_case(struct author *author, unsigned task, unsigned step, unsigned c)
{
    const struct program *program = &author->program;
    unsigned chan = draw(author, program->channels);
    enum weft_op op = draw(author, 2) == 0 ? WEFT_RECV : WEFT_SEND;
    if (!may_use(program, task, chan, op)) {
        op = op == WEFT_RECV ? WEFT_SEND : WEFT_RECV;
    }
    bool none = !may_use(program, task, chan, op);
    return (struct history_case){.chan = (int8_t)(none ? -1 : (int)chan),
                                 .op = (uint8_t)op,
                                 .value = op == WEFT_SEND ? value_of(task, step, c) : 0};
}

static enum mode some_mode(struct author *author, bool selects)
{
    static const uint8_t weights[PROFILES][4] = {/* of wait, try, until, ctx */
                                                 {90, 10, 0, 0},   {25, 75, 0, 0},   {60, 40, 0, 0},
                                                 {20, 10, 35, 35}, {40, 30, 20, 10}, {40, 30, 20, 10}};
    uint32_t roll = draw(author, 100);
    unsigned mode = 0;
    while (roll >= weights[author->profile][mode]) {
        roll -= weights[author->profile][mode++];
    }
    return !selects && mode > MODE_TRY ? MODE_WAIT : (enum mode)mode;
}

static void write_select(struct author *author, unsigned task, unsigned step, struct step *to)
{
    static const uint8_t selects_percent[PROFILES] = {0, 10, 75, 30, 30, 30};
    bool selects = all_select(&author->program);
    struct operation *op = &to->op;
    op->kind = KIND_SELECT;
    op->mode = (uint8_t)some_mode(author, selects);
    op->plain = !selects || !chance(author, selects_percent[author->profile]);
    op->count = op->plain ? 1 : (uint8_t)(1 + draw(author, CASES_MAX));
    for (unsigned c = 0; c < op->count; c++) {
        op->cases[c] = some_case(author, task, step, c);
        if (!op->plain && op->count > 1 && chance(author, 5)) {
            op->cases[c].chan = -1;
        }
    }
    to->patience_ns = chance(author, 20) ? -1 : (int32_t)draw(author, chance(author, 50) ? 2000 : 30000);
}

/* A wait that nothing can end is none of a test. */
static bool waits_for_ever(const struct operation *op)
{
    for (unsigned c = 0; op->kind == KIND_SELECT && c < op->count; c++) {
        if (op->cases[c].chan >= 0) {
            return false;
        }
    }
    return op->kind == KIND_SELECT;
}

static void write_pause(struct author *author, struct step *to)
{
    static const uint8_t most[] = {1, 1, 60, 3, 2, 200}; /* rounds, yields, units of 100 ns */
    static const uint8_t weights[] = {25, 35, 15, 12, 6, 7};
    uint32_t roll = draw(author, 100);
    to->pause = 0;
    while (roll >= weights[to->pause]) {
        roll -= weights[to->pause++];
    }
    to->length = (uint16_t)(1 + draw(author, most[to->pause]));
}

static void write_step(struct author *author, unsigned task, unsigned step)
{
    struct step *to = &author->program.step[task][step];
    bool timed = author->profile >= PROFILE_TIMED;
    uint32_t roll = draw(author, 100);
    write_pause(author, to);
    to->looks = chance(author, 15);
    to->op.task = (uint8_t)(task + 1);
    to->op.chan = (uint8_t)draw(author, author->program.channels);
    if (roll < 6) {
        to->op.kind = KIND_CLOSE;
    } else if (roll < 11) {
        to->op.kind = KIND_LEN;
    } else if (roll < 17 && timed) {
        to->op.kind = KIND_CANCEL;
    } else {
        write_select(author, task, step, to);
        if (waits_for_ever(&to->op)) {
            to->op.kind = KIND_LEN;
        }
    }
}

struct program program_new(const struct recipe *recipe, uint64_t seed)
{
    struct author author = {.program = {.seed = seed}, .dice = random_seed(seed, 0)};
    author.program.tasks = recipe->tasks;
    author.program.steps = recipe->steps;
    author.profile = draw(&author, recipe->timeless ? PROFILE_TIMED : PROFILES);
    choose_channels(&author, recipe);
    for (unsigned task = 0; task < recipe->tasks; task++) {
        author.program.lengths[task] = (uint8_t)recipe->steps;
        for (unsigned step = 0; step < recipe->steps; step++) {
            write_step(&author, task, step);
        }
    }
    return author.program;
}

struct program program_without(const struct program *program, unsigned task, unsigned step)
{
    struct program less = *program;
    less.lengths[task]--;
    memmove(less.step[task] + step, less.step[task] + step + 1, (less.lengths[task] - step) * sizeof less.step[0][0]);
    return less;
}

void program_print(FILE *to, const struct program *program)
{
    char words[128];
    for (unsigned task = 0; task < program->tasks; task++) {
        fprintf(to, "  task %u:", task + 1);
        for (unsigned step = 0; step < program->lengths[task]; step++) {
            operation_words(&program->step[task][step].op, words, sizeof words);
            fprintf(to, "%s %s", step == 0 ? "" : ";", words);
        }
        fprintf(to, "\n");
    }
}
