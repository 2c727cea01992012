#include "hunt.h"

#include "core/registry.h"

/* Histories in one run of the scheduler. Under sim a history depends on those before it in its run, so there it is
 * short. */
enum { BATCH = 256, BATCH_SIM = 16, ATTEMPTS = 400 };

/* --- programs --------------------------------------------------------------------------------------- */

struct program hunt_program(const struct hunt *hunt, unsigned index)
{
    struct recipe recipe = {.variant = hunt->variant, .tasks = 3, .steps = 3, .rendezvous = hunt->rendezvous};
    if (index % 8 == 6) {
        recipe.tasks = 4;
    } else if (index % 8 == 7) {
        recipe.tasks = 2;
        recipe.steps = 5;
    }
    return program_new(&recipe, random_seed(hunt->seed, index));
}

static unsigned batch_size(const struct hunt *hunt)
{
    return registry_sched(hunt->sched)->caps.virtual_time ? BATCH_SIM : BATCH;
}

unsigned hunt_batch_first(const struct hunt *hunt, unsigned index)
{
    return index / batch_size(hunt) * batch_size(hunt);
}

struct batch {
    const struct hunt *hunt;
    unsigned first;
};

static struct program batch_program(void *arg, unsigned index)
{
    const struct batch *batch = arg;
    return hunt_program(batch->hunt, batch->first + index);
}

static struct program same_program(void *arg, unsigned index)
{
    (void)index;
    return *(const struct program *)arg;
}

/* --- small ------------------------------------------------------------------------------------------ */

/* Runs a program until a history of it is refuted; false: none was. */
static bool fails_again(const struct hunt *hunt, const struct program *program, struct recording *recordings,
                        struct history *history)
{
    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt += BATCH_SIM) {
        struct program copy = *program;
        struct session session = {.sched = hunt->sched,
                                  .workers = hunt->workers,
                                  .seed = random_seed(hunt->seed, attempt),
                                  .made = same_program,
                                  .arg = &copy,
                                  .count = BATCH_SIM,
                                  .recordings = recordings};
        unsigned recorded = session_run(&session);
        for (unsigned i = 0; i < recorded; i++) {
            if (history_check(&recordings[i].history).answer == NOT_LINEARIZABLE) {
                *history = recordings[i].history;
                return true;
            }
        }
    }
    return false;
}

/* Takes steps away as long as what is left fails too. */
static void shrink(const struct hunt *hunt, struct recording *recordings, struct quarry *quarry)
{
    for (unsigned task = 0; task < quarry->program.tasks; task++) {
        for (unsigned step = quarry->program.lengths[task]; step-- > 0;) {
            struct program less = program_without(&quarry->program, task, step);
            if (fails_again(hunt, &less, recordings, &quarry->history)) {
                quarry->program = less;
            }
        }
    }
}

/* --- many ------------------------------------------------------------------------------------------- */

static uint64_t digest(uint64_t hash, const struct history *history)
{
    for (unsigned i = 0; i < history->count; i++) {
        const struct operation *op = &history->ops[i];
        uint64_t words[] = {op->invoked, op->returned, op->who,
                            (uint64_t)op->value << 16 | (uint64_t)op->status << 8 | (uint8_t)op->chosen};
        for (unsigned w = 0; w < sizeof words / sizeof words[0]; w++) {
            hash = (hash ^ words[w]) * 0x100000001B3u; /* FNV-1a, a word at a time */
        }
    }
    return hash;
}

static void judge(const struct hunt *hunt, const struct recording *recording, unsigned index, struct quarry *quarry)
{
    struct verdict verdict = history_check(&recording->history);
    quarry->histories++;
    quarry->overlapping += recording->overlaps;
    quarry->stuck += recording->stuck;
    quarry->hung += recording->hung;
    quarry->states += verdict.states;
    quarry->digest = digest(quarry->digest, &recording->history);
    quarry->undecided += verdict.answer == UNDECIDED;
    if (hunt->show != NULL) {
        fprintf(hunt->show, "history %u: ", index);
        verdict_print(hunt->show, &recording->history, &verdict);
    }
    if (verdict.answer == NOT_LINEARIZABLE && quarry->refuted++ == 0) {
        quarry->index = index;
        quarry->program = hunt_program(hunt, index);
        quarry->history = recording->history;
    }
}

struct quarry hunt(const struct hunt *hunt)
{
    struct quarry quarry = {.digest = 0xCBF29CE484222325u};
    unsigned size = batch_size(hunt);
    struct recording *recordings = malloc(BATCH * sizeof *recordings);
    if (recordings == NULL) {
        abort();
    }
    for (unsigned done = 0; done < hunt->count && quarry.refuted == 0;) {
        struct batch batch = {.hunt = hunt, .first = hunt->first + done};
        unsigned rest = size - batch.first % size; /* batches begin at multiples of their size, whatever is asked for */
        struct session session = {.sched = hunt->sched,
                                  .workers = hunt->workers,
                                  .seed = random_seed(~hunt->seed, batch.first / size),
                                  .made = batch_program,
                                  .arg = &batch,
                                  .count = rest < hunt->count - done ? rest : hunt->count - done,
                                  .recordings = recordings};
        unsigned recorded = session_run(&session);
        for (unsigned i = 0; i < recorded; i++) {
            judge(hunt, &recordings[i], batch.first + i, &quarry);
        }
        done += recorded;
    }
    if (quarry.refuted != 0) {
        if (hunt->shrinks) {
            shrink(hunt, recordings, &quarry);
        }
        quarry.history = history_minimise(&quarry.history);
    }
    free(recordings);
    return quarry;
}
