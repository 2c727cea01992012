/* Small random programs of channel operations (tests/linear/program.h), a program for each number that the checker
 * gives. What each operation was asked and told goes to the checker, which looks for an order in which they could have
 * been done one at a time, as the variant's flags claim it (tests/linear/model.h). Here it is not a property that
 * somebody thought of: any wrong result is one.
 *
 * Which operations precede which: A precedes B if A's return happens before B's invocation, as C11 defines that and the
 * checker knows it. The order of the execution itself would ask for too much. A store that "was" before a load need not
 * be seen by it, and who is told of it by nothing can't tell: a send that nobody knows to have returned may be missed
 * by a try, on real processors too (its store is still in a buffer). What an execution's steps were also depends on
 * which of the executions that are the same the search has chosen: happens-before does not. It is not too little
 * either: a task's own operations are in order, so are those that a value, a close or a wake-up has ordered, and that
 * is all that a program can rely on. So that there is more of it, some tasks look how far another one is (acquire),
 * which each leaves behind its operations (release): a part of such a program, not of recording, which is free of any
 * order (model_moment).
 *
 * When nobody can go on, main notes who waits, and releases somebody, as in tests/linear/record.c: a lost wake-up is
 * refuted. Main knows then what all others know, as whoever waits long enough does. At last it empties the channels. */
#include "tests/litmus/channel.h"

#include "tests/linear/attempt.h"
#include "tests/linear/program.c"

enum { PROGRAMS = 1000, STILL_MAX = 2, LOG_MAX = 24 };

extern const unsigned litmus_programs;
const unsigned litmus_programs = PROGRAMS;

struct entry {
    struct operation op;
    struct moment invoked, returned;
};

/* Each task's own; [0] is main's, which reads the others' when they have ended, or nobody can go on. */
static struct log {
    unsigned count;
    struct entry entries[LOG_MAX];
} logs[1 + CREW_MAX];

static struct program program;
static struct stage stage;
static struct worker dice;
static bool closed[CHANNELS_MAX]; /* by main */
static unsigned values;           /* that main has sent */
static bool some_look;
static _Atomic(unsigned) progress[CREW_MAX];

/* --- what channel.h leaves out ------------------------------------------------------------------------ */

const struct chan_ops *const registry_channels[] = {&variant_ops, NULL};

uint64_t random_seed(uint64_t seed, unsigned index) /* as in core/run.c */
{
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (index + 1u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return z == 0 ? 1 : z;
}

int weft_select_ctx(struct weft_ctx *ctx, struct weft_case *cases, size_t count)
{
    (void)ctx;
    (void)cases;
    (void)count;
    assert(!"no program has a context");
    return -1;
}

enum weft_status weft_send_ctx(struct weft_ctx *ctx, struct weft_chan *chan, const void *value)
{
    (void)chan;
    (void)value;
    return (enum weft_status)weft_select_ctx(ctx, NULL, 0);
}

enum weft_status weft_recv_ctx(struct weft_ctx *ctx, struct weft_chan *chan, void *value)
{
    (void)chan;
    (void)value;
    return (enum weft_status)weft_select_ctx(ctx, NULL, 0);
}

void weft_ctx_cancel(struct weft_ctx *ctx, const char *cause)
{
    (void)cause;
    weft_select_ctx(ctx, NULL, 0);
}

/* --- tasks ------------------------------------------------------------------------------------------- */

static const struct operation *perform(unsigned who, struct operation op)
{
    assert(logs[who].count < LOG_MAX);
    struct entry *entry = &logs[who].entries[logs[who].count++];
    struct attempt attempt;
    entry->op = op;
    entry->op.task = (uint8_t)who;
    entry->op.returned = NEVER;
    attempt_begin(&stage, &entry->op, &attempt);
    model_moment(&entry->invoked);
    attempt_make(&stage, &entry->op, 0, &attempt);
    model_moment(&entry->returned);
    attempt_end(&stage, &entry->op, &attempt);
    entry->op.invoked = entry->invoked.number;
    entry->op.returned = entry->returned.number;
    return &entry->op;
}

static void *run_task(void *arg)
{
    unsigned task = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + task);
    for (unsigned i = 0; i < program.lengths[task]; i++) {
        if (program.step[task][i].looks) {
            (void)load_acquire(&progress[(task + 1) % program.tasks]); /* what it has done is known now */
        }
        perform(1 + task, program.step[task][i].op);
        if (some_look) {
            store_release(&progress[task], i + 1);
        }
    }
    return NULL;
}

/* --- main -------------------------------------------------------------------------------------------- */

static void main_closes(unsigned chan)
{
    if (!closed[chan]) {
        closed[chan] = true;
        perform(0, (struct operation){.kind = KIND_CLOSE, .chan = (uint8_t)chan});
    }
}

static const struct operation *main_tries(unsigned chan, enum weft_op op)
{
    struct history_case only = {.chan = (int8_t)chan, .op = (uint8_t)op};
    if (op == WEFT_SEND) {
        only.value = (uint8_t)(VALUES_OF_MAIN + values++);
    }
    return perform(
        0, (struct operation){.kind = KIND_SELECT, .mode = MODE_TRY, .plain = true, .count = 1, .cases = {only}});
}

/* Bits of the tasks that are in an operation: to be made those of operations when these have their places. */
static uint64_t tasks_waiting(void)
{
    uint64_t who = 0;
    for (unsigned task = 1; task <= program.tasks; task++) {
        const struct log *log = &logs[task];
        who |= log->count != 0 && log->entries[log->count - 1].op.returned == NEVER ? (uint64_t)1 << task : 0;
    }
    return who;
}

/* Once nobody can go on: notes who waits, and gives somebody a chance. False: all have ended, or all chances are
 * gone. */
static bool release_one(unsigned round)
{
    model_stillness();
    uint64_t who = tasks_waiting();
    if (who == 0) {
        return false;
    }
    perform(0, (struct operation){.kind = KIND_STUCK, .who = who});
    if (round > STILL_MAX) {
        return false;
    }
    unsigned chan = random_below(&dice, program.channels), way = random_below(&dice, 3);
    for (unsigned other = 0; round >= STILL_MAX && other < program.channels; other++) {
        main_closes(other);
    }
    if (round < STILL_MAX && way == 0) {
        main_closes(chan);
    } else if (round < STILL_MAX) {
        main_tries(chan, way == 1 ? WEFT_RECV : WEFT_SEND);
    }
    return true;
}

/* What is left in the channels comes out. */
static void empty_all(void)
{
    for (unsigned chan = 0; chan < program.channels; chan++) {
        const struct operation *op;
        perform(0, (struct operation){.kind = KIND_LEN, .chan = (uint8_t)chan});
        do {
            op = main_tries(chan, WEFT_RECV);
        } while (op->chosen == 0 && op->status == WEFT_OK);
    }
}

/* --- the history ------------------------------------------------------------------------------------- */

static struct history history;
static const struct entry *places[OPERATIONS_MAX];

static void collect(void)
{
    history = (struct history){.channel_count = program.channels, .partial = true};
    for (unsigned chan = 0; chan < program.channels; chan++) {
        history.channels[chan] = channel_spec(&variant_ops, program.capacity[chan]);
    }
    for (unsigned task = 1; task <= program.tasks + 1; task++) {
        const struct log *log = &logs[task % (program.tasks + 1)]; /* main's last */
        for (unsigned i = 0; i < log->count; i++) {
            places[history.count] = &log->entries[i];
            history.ops[history.count++] = log->entries[i].op;
        }
    }
    for (unsigned op = 0; op < history.count; op++) {
        struct operation *one = &history.ops[op];
        uint64_t tasks = one->who;
        one->who = 0;
        for (unsigned other = 0; other < history.count; other++) {
            const struct operation *that = &history.ops[other];
            bool under_way = that->invoked < one->invoked && one->returned < that->returned;
            one->who |= under_way && (tasks >> that->task & 1) != 0 ? (uint64_t)1 << other : 0;
            bool over = that->returned != NEVER && model_happens_before(&places[other]->returned, &places[op]->invoked);
            one->before |= over ? (uint64_t)1 << other : 0;
        }
    }
}

int main(void)
{
    uint64_t number = model_program();
    struct recipe recipe = {
        .variant = &variant_ops, .tasks = number % 4 == 0 ? 2 : 3, .steps = number % 4 == 1 ? 2 : 3, .timeless = true};
    litmus_begin();
    litmus_enter(0);
    program = program_new(&recipe, number);
    store_relaxed(&dice.random, random_seed(number, 1)); /* main's alone */
    stage.elem_size = program.elem_size;
    for (unsigned chan = 0; chan < program.channels; chan++) {
        stage.chans[chan] = weft_chan_new(program.elem_size, program.capacity[chan]);
    }
    for (unsigned task = 0; task < program.tasks; task++) {
        litmus_threads[1 + task].random = random_below(&dice, 2);
        for (unsigned i = 0; i < program.steps; i++) {
            some_look = some_look || program.step[task][i].looks;
        }
    }
    for (uintptr_t task = 0; task < program.tasks; task++) {
        litmus_start(run_task, (void *)task);
    }
    for (unsigned round = 0; release_one(round); round++) {
    }
    if (tasks_waiting() == 0) {
        litmus_join();
        empty_all();
    }
    collect();
    model_history(&history);
    litmus_join(); /* never, if they still wait */
    for (unsigned chan = 0; chan < program.channels; chan++) {
        weft_chan_free(stage.chans[chan]);
    }
    return 0;
}
