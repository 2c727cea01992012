/* How time is recorded. One atomic counter: each operation takes a number of it before its call, with acquire, and another behind its
 * return, with release. If A's return has a lower number than B's invocation, then the additions of A's return and of B's invocation are in that
 * order in the counter's modification order, all between them are read-modify-writes, and so A's return happens before B's call (release
 * sequence): what A did, B must see, in the C11 model too and not only by the clock. Numbers the other way round say "they may have overlapped", which
 * constrains nothing. So no order is recorded that is not real. The price: a task that begins an operation knows of all that had
 * returned by then; what only shows without that (a missing release between two operations of one task) is for the
 * model checker, and within an operation nothing is added. Everything else is written to a log of the task's own.
 *
 * Who waits: a task parks behind its entry in the queues of its channels and under their locks (sched.h), with wait_reason set, so one that reads
 * wait_reason of an operation that is under way, and then takes and releases the channels' locks, comes behind that entry. Only waits
 * on channels count: one on a lock's word, or for a time, says nothing.
 *
 * When nothing moves: under virtual time a deadline in an hour comes when nothing else can happen. Elsewhere a thread outside asks the
 * scheduler what the deadlock detector asks (sched_ops.stuck), twice with nothing recorded in between, and has main woken. */
#include "record.h"

#include "core/registry.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

enum {
    LOG_MAX = 2 * STEPS_MAX,
    MAIN_LOG_MAX = 30,
    LOOKS = 16,
    STUCKS_MAX = 4,
    WORDS_MAX = 3,
    GATHER_ROUNDS = 200,
    MEET_SPINS = 300
};
static const weft_ns an_hour = 3600000000000;
static const long look_ns = 20000;

/* What main is told. */
enum message { MESSAGE_FINISHED, MESSAGE_STUCK };

/* One task's: it alone writes it while it runs. */
struct log {
    struct cell *cell;
    struct task *task;
    unsigned count;
    struct operation ops[LOG_MAX];
    _Atomic(uint32_t) current; /* its operation under way: number in the log + 1; 0: none. Read by those who look */
    _Atomic(bool) timed;       /* waits with a deadline, or sleeps */
} __attribute__((aligned(CACHE_LINE)));

/* One program being recorded. */
struct cell {
    const struct program *program;
    struct weft_chan *chans[CHANNELS_MAX];
    struct weft_ctx *ctx;
    struct weft_chan *done; /* of enum message */
    struct log logs[CREW_MAX];
    struct operation main_ops[MAIN_LOG_MAX]; /* main's log */
    unsigned main_count;
    bool closed[CHANNELS_MAX]; /* by main */
    unsigned stucks;
    unsigned values; /* that main has sent */
    struct worker dice;
    _Alignas(CACHE_LINE) _Atomic(uint32_t) clock;
    _Alignas(CACHE_LINE) _Atomic(unsigned) arrived;
    _Atomic(unsigned) meetings;        /* tasks that have come to a PAUSE_MEET so far */
    _Atomic(unsigned) where[CREW_MAX]; /* worker that each task was last seen on */
};

/* --- time ------------------------------------------------------------------------------------------- */

static uint32_t stamp_invoked(struct cell *cell)
{
    return add_acq_rel(&cell->clock, 1u) + 1; /* acquire: see above; what it releases the last return has released */
}

static uint32_t stamp_returned(struct cell *cell)
{
    return add_release(&cell->clock, 1u) + 1; /* see above */
}

/* --- values ----------------------------------------------------------------------------------------- */

static void write_value(uint64_t words[WORDS_MAX], uint8_t value)
{
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        words[i] = value * 0x0101010101010101u;
    }
}

static uint8_t read_value(const struct cell *cell, const uint64_t words[WORDS_MAX])
{
    uint8_t value = (uint8_t)words[0];
    for (unsigned i = 0; i < cell->program->elem_size / sizeof words[0]; i++) {
        if (words[i] != value * 0x0101010101010101u) {
            return VALUE_TORN;
        }
    }
    return value;
}

/* --- one operation ---------------------------------------------------------------------------------- */

static int by_select(struct cell *cell, const struct operation *op, weft_ns deadline, struct weft_case *cases)
{
    switch ((enum mode)op->mode) {
    case MODE_WAIT: return weft_select(cases, op->count);
    case MODE_TRY: return weft_try_select(cases, op->count);
    case MODE_UNTIL: return weft_select_until(cases, op->count, deadline);
    case MODE_CTX: return weft_select_ctx(cell->ctx, cases, op->count);
    }
    return -1;
}

/* The same by the function for one channel; its status for "nothing" must be that of the mode. */
static int plainly(struct cell *cell, const struct operation *op, weft_ns deadline, struct weft_case *only)
{
    static const enum weft_status nothing[] = {WEFT_INVALID, WEFT_AGAIN, WEFT_TIMEOUT, WEFT_CANCELED};
    struct weft_chan *chan = only->chan;
    bool sends = only->op == WEFT_SEND;
    enum weft_status status = WEFT_INVALID;
    switch ((enum mode)op->mode) {
    case MODE_WAIT: status = sends ? weft_send(chan, only->value) : weft_recv(chan, only->value); break;
    case MODE_TRY: status = sends ? weft_try_send(chan, only->value) : weft_try_recv(chan, only->value); break;
    case MODE_UNTIL:
        status = sends ? weft_send_until(chan, only->value, deadline) : weft_recv_until(chan, only->value, deadline);
        break;
    case MODE_CTX:
        status = sends ? weft_send_ctx(cell->ctx, chan, only->value) : weft_recv_ctx(cell->ctx, chan, only->value);
        break;
    }
    only->status = status;
    return status == nothing[op->mode] ? CHOSE_NONE : 0;
}

static void do_select(struct cell *cell, struct operation *op, weft_ns deadline)
{
    uint64_t words[CASES_MAX][WORDS_MAX];
    struct weft_case cases[CASES_MAX];
    for (unsigned c = 0; c < op->count; c++) {
        int chan = op->cases[c].chan;
        write_value(words[c], op->cases[c].op == WEFT_SEND ? op->cases[c].value : (uint8_t)(VALUE_TORN - 1));
        cases[c] = (struct weft_case){.chan = chan < 0 ? NULL : cell->chans[chan],
                                      .op = (enum weft_op)op->cases[c].op,
                                      .value = words[c],
                                      .status = WEFT_INVALID};
    }
    op->invoked = stamp_invoked(cell);
    int chosen = op->plain ? plainly(cell, op, deadline, &cases[0]) : by_select(cell, op, deadline, cases);
    op->returned = stamp_returned(cell);
    bool nonsense = chosen < CHOSE_NONE || chosen >= op->count;
    op->chosen = (int8_t)(nonsense ? 0 : chosen);
    op->status = nonsense ? WEFT_INVALID : WEFT_OK;
    if (!nonsense && chosen != CHOSE_NONE) {
        op->status = (uint8_t)cases[chosen].status;
        op->value = cases[chosen].op == WEFT_RECV ? read_value(cell, words[chosen]) : 0;
    }
}

static void do_operation(struct cell *cell, struct operation *op, weft_ns deadline)
{
    if (op->kind == KIND_SELECT) {
        do_select(cell, op, deadline);
        return;
    }
    op->invoked = stamp_invoked(cell);
    if (op->kind == KIND_CLOSE) {
        op->status = (uint8_t)weft_close(cell->chans[op->chan]);
    } else if (op->kind == KIND_LEN) {
        size_t len = weft_chan_len(cell->chans[op->chan]);
        op->value = len > VALUE_TORN ? VALUE_TORN : (uint8_t)len;
    } else if (op->kind == KIND_CANCEL) {
        weft_ctx_cancel(cell->ctx, NULL);
    }
    op->returned = stamp_returned(cell);
}

static void do_step(struct log *log, const struct step *step)
{
    struct operation *op = &log->ops[log->count];
    *op = step->op;
    op->returned = NEVER;
    store_relaxed(&log->timed, op->kind == KIND_SELECT && op->mode == MODE_UNTIL); /* published by current */
    store_release(&log->current, log->count + 1);                                  /* -> acquire in seen_waiting */
    weft_ns deadline = op->mode == MODE_UNTIL ? weft_now() + step->patience_ns : 0;
    do_operation(log->cell, op, deadline);
    store_release(&log->current, 0u);
    store_relaxed(&log->timed, false);
    log->count++;
}

/* --- looking who waits ------------------------------------------------------------------------------ */

/* The operation in which the task waits for a channel, as its number in the log + 1; 0: none. */
static uint32_t seen_waiting(struct log *log)
{
    uint32_t before = load_acquire(&log->current); /* the wait reason of any earlier operation is gone */
    if (before == 0) {
        return 0;
    }
    uint8_t reason = load_acquire(&log->task->wait_reason); /* acquire: the second look comes behind it */
    bool waits = reason == WAIT_RECV || reason == WAIT_SEND || reason == WAIT_SELECT;
    return waits && load_relaxed(&log->current) == before ? before : 0;
}

/* Comes behind what those that were seen waiting did under the channels' locks. */
static void follow_locks(struct cell *cell)
{
    for (unsigned chan = 0; chan < cell->program->channels; chan++) {
        lock_acquire(&cell->chans[chan]->lock);
        lock_release(&cell->chans[chan]->lock);
    }
}

/* All operations seen waiting, 8 bits for each task: number in its log + 1. */
static uint64_t look(struct cell *cell, const struct log *but_for)
{
    uint64_t who = 0;
    for (unsigned task = 0; task < cell->program->tasks; task++) {
        if (&cell->logs[task] != but_for) {
            who |= (uint64_t)seen_waiting(&cell->logs[task]) << 8 * task;
        }
    }
    follow_locks(cell);
    return who;
}

static void do_look(struct log *log)
{
    struct cell *cell = log->cell;
    struct operation *op = &log->ops[log->count];
    *op = (struct operation){.kind = KIND_SEEN, .task = (uint8_t)(log - cell->logs + 1)};
    for (unsigned i = 0; i < LOOKS && op->who == 0; i++) {
        weft_yield();
        op->invoked = stamp_invoked(cell);
        op->who = look(cell, log);
    }
    op->returned = stamp_returned(cell);
    log->count += op->who != 0 ? 1 : 0;
}

/* --- a task of the crew ----------------------------------------------------------------------------- */

/* Can two tasks run at the same instant? */
static bool runs_parallel(void)
{
    return runtime.options.workers > 1;
}

/* Tasks come in pairs: the first spins a little for the second, so that both begin their operations at once. Relaxed: they meet in time, and
 * must not learn of each other's doings here. */
static void meet(struct cell *cell)
{
    unsigned both = (add_relaxed(&cell->meetings, 1u) | 1u) + 1;
    for (unsigned i = 0; i < MEET_SPINS && load_relaxed(&cell->meetings) < both; i++) {
        cpu_relax();
    }
}

/* All have begun, on as many workers as there can be. */
static bool have_gathered(struct cell *cell)
{
    const struct program *program = cell->program;
    unsigned workers = 0;
    if (load_acquire(&cell->arrived) < program->tasks) {
        return false;
    }
    if (runtime.sched->caps.os_threads) {
        return true;
    }
    for (unsigned task = 0; task < program->tasks; task++) {
        bool first = true;
        for (unsigned other = 0; other < task; other++) {
            first = first && load_relaxed(&cell->where[other]) != load_relaxed(&cell->where[task]); /* hints */
        }
        workers += first ? 1 : 0;
    }
    return workers >= (runtime.options.workers < program->tasks ? runtime.options.workers : program->tasks);
}

static void gather(struct log *log, unsigned task)
{
    struct cell *cell = log->cell;
    log->task = task_self();
    store_relaxed(&cell->where[task], worker_self()->index); /* a hint */
    add_acq_rel(&cell->arrived, 1u);                         /* publishes log->task to those that gather */
    for (unsigned i = 0;
         !have_gathered(cell) && (i < GATHER_ROUNDS || load_acquire(&cell->arrived) < cell->program->tasks); i++) {
        weft_yield();
        store_relaxed(&cell->where[task], worker_self()->index);
    }
}

static void do_pause(struct log *log, const struct step *step)
{
    if (step->pause == PAUSE_MEET && runs_parallel()) {
        meet(log->cell);
        return;
    }
    for (unsigned i = 0; i < step->length; i++) {
        switch ((enum pause)step->pause) {
        case PAUSE_SPIN: cpu_relax(); break;
        case PAUSE_YIELD: weft_yield(); break;
        case PAUSE_THREAD: sched_yield(); break;
        case PAUSE_NONE:
        case PAUSE_MEET:
        case PAUSE_SLEEP: break;
        }
    }
    if (step->pause == PAUSE_SLEEP) {
        store_relaxed(&log->timed, true); /* for the thread that looks whether anything moves */
        weft_sleep(step->length * (weft_ns)100);
        store_relaxed(&log->timed, false);
    }
}

static void crew_main(void *arg)
{
    struct log *log = arg;
    struct cell *cell = log->cell;
    const struct program *program = cell->program;
    unsigned task = (unsigned)(log - cell->logs);
    gather(log, task);
    for (unsigned step = 0; step < program->lengths[task]; step++) {
        do_pause(log, &program->step[task][step]);
        if (program->step[task][step].looks) {
            do_look(log);
        }
        do_step(log, &program->step[task][step]);
    }
    enum message message = MESSAGE_FINISHED;
    weft_send(cell->done, &message);
}

/* --- main ------------------------------------------------------------------------------------------- */

/* The thread outside, and whom it tells. */
static struct {
    pthread_t thread;
    _Atomic(bool) stop;
    _Atomic(struct cell *) watched; /* main waits for this one; NULL: nothing to watch */
    _Atomic(unsigned)
        false_alarms; /* times that the scheduler called a run stuck in which a deadline was still to come */
} outside;

unsigned session_false_alarms(void)
{
    return load_relaxed(&outside.false_alarms); /* no other thread any more */
}

static void tell_stuck(void *arg)
{
    struct cell *cell = arg;
    enum message message = MESSAGE_STUCK;
    weft_send(cell->done, &message);
}

static bool scheduler_is_stuck(void)
{
    bool stuck = false;
    if (run_hold()) {
        stuck = runtime.sched->stuck();
        run_let_go();
    }
    return stuck;
}

static bool any_timed(struct cell *cell)
{
    for (unsigned task = 0; task < cell->program->tasks; task++) {
        if (load_relaxed(&cell->logs[task].timed)) { /* its writer is asleep if the scheduler is stuck */
            return true;
        }
    }
    return false;
}

static void watch_once(struct cell *cell)
{
    uint32_t before = load_acquire(&cell->clock);
    if (!scheduler_is_stuck() || !scheduler_is_stuck() || load_acquire(&cell->clock) != before) {
        return;
    }
    if (any_timed(cell)) {
        add_relaxed(&outside.false_alarms, 1u);
        return;
    }
    store_relaxed(&outside.watched, NULL); /* main sets it again, behind the message */
    weft_go(tell_stuck, cell);
}

static void *watch_outside(void *unused)
{
    (void)unused;
    struct timespec pause = {.tv_nsec = look_ns};
    while (!load_acquire(&outside.stop)) {
        struct cell *cell = load_acquire(&outside.watched);
        if (cell != NULL) {
            watch_once(cell);
        }
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static enum message next_message(struct cell *cell)
{
    enum message message = MESSAGE_STUCK;
    if (runtime.sched->caps.virtual_time) {
        return weft_recv_until(cell->done, &message, weft_now() + an_hour) == WEFT_OK ? message : MESSAGE_STUCK;
    }
    store_release(&outside.watched, cell);
    weft_recv(cell->done, &message);
    store_release(&outside.watched, NULL);
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

/* As weft_chan_new, for tables that are in no registry. */
static struct weft_chan *make_channel(const struct chan_ops *ops, size_t elem_size, size_t capacity)
{
    size_t size = (ops->size(elem_size, capacity) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    struct weft_chan *chan = aligned_alloc(CACHE_LINE, size);
    if (chan == NULL) {
        abort();
    }
    memset(chan, 0, size);
    chan->ops = ops;
    chan->elem_size = elem_size;
    chan->capacity = capacity;
    if (ops->init(chan) != WEFT_OK) {
        abort();
    }
    return chan;
}

static void cell_open(struct cell *cell, const struct program *program)
{
    memset(cell, 0, sizeof *cell);
    cell->program = program;
    cell->done = weft_chan_new_as("mutex", sizeof(enum message), CREW_MAX + 1);
    cell->ctx = weft_ctx_with_cancel(weft_ctx_background());
    if (cell->done == NULL || cell->ctx == NULL) {
        abort();
    }
    for (unsigned chan = 0; chan < program->channels; chan++) {
        cell->chans[chan] = make_channel(program->variants[chan], program->elem_size, program->capacity[chan]);
    }
    store_relaxed(&cell->dice.random, random_seed(program->seed, 1)); /* main's */
    for (unsigned task = 0; task < program->tasks; task++) {
        cell->logs[task].cell = cell;
    }
}

static void cell_close(struct cell *cell)
{
    for (unsigned chan = 0; chan < cell->program->channels; chan++) {
        weft_chan_free(cell->chans[chan]);
    }
    weft_chan_free(cell->done);
    weft_ctx_free(cell->ctx);
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
    store_relaxed(&outside.stop, false); /* no thread yet */
    if (state.cell == NULL || (watched && pthread_create(&outside.thread, NULL, watch_outside, NULL) != 0)) {
        abort();
    }
    if (weft_run(&options, session_main, &state) != WEFT_OK) {
        abort();
    }
    if (watched) {
        store_release(&outside.stop, true);
        pthread_join(outside.thread, NULL);
    }
    if (state.hung) {
        cell_close(state.cell); /* its tasks are no more */
    }
    free(state.cell);
    return state.recorded;
}
