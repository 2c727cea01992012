/* Main's part: runs the tasks of a program, lets them go on when they wait for each other, empties the channels, and
 * puts the logs together. */
#include "cell.h"

#include "core/registry.h"

enum { STUCKS_MAX = 4 };
static const weft_ns an_hour = 3600000000000;

/* --- being told, and doing --------------------------------------------------------------------------- */

static enum message next_message(struct cell *cell)
{
    enum message message = MESSAGE_STUCK;
    if (runtime.sched->caps.virtual_time) {
        return weft_recv_until(cell->done, &message, weft_now() + an_hour) == WEFT_OK ? message : MESSAGE_STUCK;
    }
    watch_cell(cell);
    weft_recv(cell->done, &message);
    watch_cell(NULL);
    return message;
}

static struct operation *main_does(struct cell *cell, struct operation op)
{
    if (cell->main_count == MAIN_LOG_MAX) {
        return NULL;
    }
    struct operation *entry = &cell->main_ops[cell->main_count++];
    *entry = op;
    if (op.kind != KIND_STUCK) {
        do_operation(cell, entry, 0);
    }
    return entry;
}

static void main_closes(struct cell *cell, unsigned chan)
{
    if (!cell->closed[chan]) {
        cell->closed[chan] = true;
        main_does(cell, (struct operation){.kind = KIND_CLOSE, .chan = (uint8_t)chan});
    }
}

static struct operation main_try(struct cell *cell, unsigned chan, enum weft_op op)
{
    struct history_case only = {.chan = (int8_t)chan, .op = (uint8_t)op};
    if (op == WEFT_SEND) {
        only.value = (uint8_t)(VALUES_OF_MAIN + cell->values++);
    }
    return (struct operation){.kind = KIND_SELECT, .mode = MODE_TRY, .plain = true, .count = 1, .cases = {only}};
}

static bool all_closed(const struct cell *cell)
{
    for (unsigned chan = 0; chan < cell->program->channels; chan++) {
        if (!cell->closed[chan]) {
            return false;
        }
    }
    return true;
}

/* Nothing moves: notes who waits, and gives somebody a chance to go on. False: there is none left to give. */
static bool release(struct cell *cell)
{
    const struct program *program = cell->program;
    unsigned chan = random_below(&cell->dice, program->channels);
    unsigned way = cell->stucks >= STUCKS_MAX ? 0 : random_below(&cell->dice, 6);
    struct operation stuck = {.kind = KIND_STUCK, .invoked = stamp_invoked(cell)};
    for (unsigned task = 0; task < program->tasks; task++) {
        stuck.who |= (uint64_t)load_acquire(&cell->logs[task].current) << 8 * task;
    }
    stuck.returned = stamp_returned(cell);
    main_does(cell, stuck);
    if (all_closed(cell)) {
        return false;
    }
    const struct chan_caps *caps = &program->variants[chan]->caps;
    if (way == 1) {
        main_does(cell, (struct operation){.kind = KIND_CANCEL});
    } else if (way >= 2 && (way < 4 ? caps->multi_consumer : caps->multi_producer)) {
        main_does(cell, main_try(cell, chan, way < 4 ? WEFT_RECV : WEFT_SEND));
    } else {
        for (unsigned other = 0; other < program->channels; other++) {
            if (other == chan || cell->stucks >= STUCKS_MAX) {
                main_closes(cell, other);
            }
        }
    }
    cell->stucks++;
    return true;
}

/* All tasks are through: what is left in the channels comes out. */
static void drain(struct cell *cell)
{
    for (unsigned chan = 0; chan < cell->program->channels; chan++) {
        const struct operation *op;
        main_does(cell, (struct operation){.kind = KIND_LEN, .chan = (uint8_t)chan});
        do {
            op = main_does(cell, main_try(cell, chan, WEFT_RECV));
        } while (op != NULL && op->chosen == 0 && op->status == WEFT_OK);
    }
}

/* --- one program ------------------------------------------------------------------------------------ */

/* As weft_chan_new_as, also for tables that are in no registry. */
static struct weft_chan *make_channel(const struct chan_ops *ops, size_t elem_size, size_t capacity)
{
    if (registry_channel(ops->name) == ops) {
        return weft_chan_new_as(ops->name, elem_size, capacity);
    }
    size_t size = (ops->size(elem_size, capacity) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct weft_chan *chan = aligned_alloc(CACHE_LINE, size);
    if (chan != NULL) {
        memset(chan, 0, size);
        chan->ops = ops;
        chan->elem_size = elem_size;
        chan->capacity = capacity;
        chan->bytes = size;
    }
    return chan == NULL || (ops->init != NULL && ops->init(chan) != WEFT_OK) ? NULL : chan;
}

static void cell_open(struct cell *cell, const struct program *program)
{
    memset(cell, 0, sizeof *cell);
    cell->program = program;
    cell->stage.elem_size = program->elem_size;
    cell->done = weft_chan_new_as("mutex", sizeof(enum message), CREW_MAX + 1);
    cell->stage.ctx = weft_ctx_with_cancel(weft_ctx_background());
    if (cell->done == NULL || cell->stage.ctx == NULL) {
        abort();
    }
    for (unsigned chan = 0; chan < program->channels; chan++) {
        cell->stage.chans[chan] = make_channel(program->variants[chan], program->elem_size, program->capacity[chan]);
        if (cell->stage.chans[chan] == NULL) {
            abort();
        }
    }
    store_relaxed(&cell->dice.random, random_seed(program->seed, 1)); /* main's */
    for (unsigned task = 0; task < program->tasks; task++) {
        cell->logs[task].cell = cell;
    }
}

static void cell_close(struct cell *cell)
{
    for (unsigned chan = 0; chan < cell->program->channels; chan++) {
        weft_chan_free(cell->stage.chans[chan]);
    }
    weft_chan_free(cell->done);
    weft_ctx_free(cell->stage.ctx);
}

/* Copies a log, whose operations get the indices from history->count on; returns the first of them. */
static unsigned append_log(struct history *history, const struct operation *ops, unsigned count)
{
    unsigned first = history->count;
    for (unsigned i = 0; i < count && history->count < OPERATIONS_MAX; i++) {
        history->ops[history->count++] = ops[i];
    }
    return first;
}

static void collect(struct cell *cell, struct history *history)
{
    const struct program *program = cell->program;
    unsigned first[CREW_MAX] = {0};
    *history = (struct history){.channel_count = program->channels};
    for (unsigned chan = 0; chan < program->channels; chan++) {
        history->channels[chan] = channel_spec(program->variants[chan], program->capacity[chan]);
    }
    for (unsigned task = 0; task < program->tasks; task++) {
        struct log *log = &cell->logs[task];
        bool pending = load_acquire(&log->current) != 0;
        first[task] = append_log(history, log->ops, log->count + pending);
    }
    append_log(history, cell->main_ops, cell->main_count);
    for (unsigned i = 0; i < history->count; i++) {
        uint64_t packed = history->ops[i].who;
        history->ops[i].who = 0;
        for (unsigned task = 0; task < program->tasks; task++) {
            unsigned number = packed >> 8 * task & 0xFF;
            history->ops[i].who |= number == 0 ? 0 : (uint64_t)1 << (first[task] + number - 1);
        }
    }
}

static bool any_overlap(const struct history *history)
{
    for (unsigned i = 0; i < history->count; i++) {
        for (unsigned j = 0; j < i; j++) {
            const struct operation *a = &history->ops[i], *b = &history->ops[j];
            if (a->kind == KIND_SELECT && b->kind == KIND_SELECT && a->mode == MODE_TRY && b->mode == MODE_TRY &&
                a->task != b->task && a->invoked < b->returned && b->invoked < a->returned) {
                return true;
            }
        }
    }
    return false;
}

static struct recording record(struct cell *cell, const struct program *program)
{
    struct recording recording = {.stuck = false};
    cell_open(cell, program);
    for (unsigned task = 0; task < program->tasks; task++) {
        if (weft_go(crew_main, &cell->logs[task]) != WEFT_OK) {
            abort();
        }
    }
    for (unsigned finished = 0; finished < program->tasks && !recording.hung;) {
        if (next_message(cell) == MESSAGE_FINISHED) {
            finished++;
        } else {
            recording.stuck = true;
            recording.hung = !release(cell);
        }
    }
    if (!recording.hung) {
        drain(cell);
    }
    collect(cell, &recording.history);
    recording.overlaps = any_overlap(&recording.history);
    if (!recording.hung) { /* else its tasks are still in there: session_run */
        cell_close(cell);
    }
    return recording;
}

/* --- a session -------------------------------------------------------------------------------------- */

struct session_state {
    const struct session *session;
    struct cell *cell;
    unsigned recorded;
    bool hung;
};

static void session_main(void *arg)
{
    struct session_state *state = arg;
    const struct session *session = state->session;
    while (state->recorded < session->count && !state->hung) {
        struct program program = session->made(session->arg, state->recorded);
        struct recording *recording = &session->recordings[state->recorded++];
        *recording = record(state->cell, &program);
        state->hung = recording->hung;
    }
}

unsigned session_run(const struct session *session)
{
    struct weft_options options = {.sched = session->sched, .workers = session->workers, .seed = session->seed};
    struct session_state state = {.session = session,
                                  .cell = aligned_alloc(_Alignof(struct cell), sizeof(struct cell))};
    bool watched = !registry_sched(session->sched)->caps.virtual_time;
    if (state.cell == NULL) {
        abort();
    }
    setenv("WEFT_DEADLOCK", "never", 1); /* here a run that is stuck goes on, or is a result */
    if (watched) {
        watch_start();
    }
    if (weft_run(&options, session_main, &state) != WEFT_OK) {
        abort();
    }
    if (watched) {
        watch_stop();
    }
    if (state.hung) {
        cell_close(state.cell); /* its tasks are no more */
    }
    free(state.cell);
    return state.recorded;
}
