/* How time is recorded. One atomic counter: each operation takes a number of it before its call, with acquire, and
 * another behind its return, with release. If A's return has a lower number than B's invocation, then the additions of
 * A's return and of B's invocation are in that order in the counter's modification order, all between them are
 * read-modify-writes, and so A's return happens before B's call (release sequence): what A did, B must see, in the C11
 * model too and not only by the clock. Numbers the other way round say "they may have overlapped", which constrains
 * nothing. So no order is recorded that is not real. The price: a task that begins an operation knows of all that had
 * returned by then; what only shows without that (a missing release between two operations of one task) is for the
 * model checker, and within an operation nothing is added. Everything else is written to a log of the task's own.
 *
 * Who waits: a task parks behind its entry in the queues of its channels and under their locks (sched.h), with
 * wait_reason set, so one that reads wait_reason of an operation that is under way, and then takes and releases the
 * channels' locks, comes behind that entry. Only waits on channels count: one on a lock's word, or for a time, says
 * nothing. */
#include "cell.h"

#include <sched.h>

enum { LOOKS = 16, GATHER_ROUNDS = 2000, MEET_SPINS = 300 };

/* --- time ------------------------------------------------------------------------------------------- */

uint32_t stamp_invoked(struct cell *cell)
{
    return add_acq_rel(&cell->clock, 1u) + 1; /* acquire: see above; what it releases the last return has released */
}

uint32_t stamp_returned(struct cell *cell)
{
    return add_release(&cell->clock, 1u) + 1; /* see above */
}

/* --- one operation ---------------------------------------------------------------------------------- */

void do_operation(struct cell *cell, struct operation *op, weft_ns deadline)
{
    struct attempt attempt;
    attempt_begin(&cell->stage, op, &attempt);
    op->invoked = stamp_invoked(cell);
    attempt_make(&cell->stage, op, deadline, &attempt);
    op->returned = stamp_returned(cell);
    attempt_end(&cell->stage, op, &attempt);
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

static bool waits_on_channel(const struct task *task)
{
    /* acquire: what the looker does next comes behind it */
    uint8_t reason = task == NULL ? (uint8_t)WAIT_NONE : load_acquire(&task->wait_reason);
    return reason == WAIT_RECV || reason == WAIT_SEND || reason == WAIT_SELECT;
}

/* The operation in which the task waits for a channel, as its number in the log + 1; 0: none. */
static uint32_t seen_waiting(struct log *log)
{
    uint32_t before = load_acquire(&log->current); /* the wait reason of any earlier operation is gone */
    if (before == 0) {
        return 0;
    }
    lock_acquire(&log->looking);
    bool waits = waits_on_channel(log->task);
    lock_release(&log->looking);
    return waits && load_acquire(&log->current) == before ? before : 0;
}

/* Sets the task, or NULL, that others may look at. */
static void show_task(struct log *log, struct task *task)
{
    lock_acquire(&log->looking);
    log->task = task;
    lock_release(&log->looking);
}

/* Comes behind what those that were seen waiting did under the channels' locks. */
static void follow_locks(struct cell *cell)
{
    for (unsigned chan = 0; chan < cell->program->channels; chan++) {
        lock_acquire(&cell->stage.chans[chan]->lock);
        lock_release(&cell->stage.chans[chan]->lock);
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

/* Tasks come in pairs: the first spins a little for the second, so that both begin their operations at once. Relaxed:
 * they meet in time, and must not learn of each other's doings here. */
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
    show_task(log, task_self());
    store_relaxed(&cell->where[task], worker_self()->index); /* a hint */
    add_acq_rel(&cell->arrived, 1u);
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

void crew_main(void *arg)
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
    show_task(log, NULL);
    enum message message = MESSAGE_FINISHED;
    weft_send(cell->done, &message);
}
