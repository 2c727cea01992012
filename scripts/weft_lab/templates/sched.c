/* @NAME@: M:N, one line that says what it is.
 *
 * Idea: three sentences. (core/mn.h is the engine: workers, stacks, the switch. This file says where runnable tasks
 * wait, and who is woken when; sched.h has the contract.)
 * Source: authors, title, venue, year, or an address.
 * Guarantees: the capability flags below, in words.
 * State: each shared word: who writes it, who reads it, its bits.
 * Invariants
 *   I1  A worker sleeps only if ...
 * Ordering: release -> acquire pairs, labelled as in the code.
 * Cost: atomic read-modify-writes and shared lines for a park and a ready.
 * Good at: ... Bad at: ... */
#include "core/mn.h"

no_race_check_below;

/* Everything below is to be written; until then each step says so and ends the program. */
static inline void @NAME@_push(struct mn_worker *worker, struct task *task, enum push_kind kind)
{
    (void)worker;
    (void)task;
    (void)kind;
    weft_panic("scheduler @NAME@: push is not written yet");
}

static inline struct task *@NAME@_pop(struct mn_worker *worker)
{
    (void)worker;
    weft_panic("scheduler @NAME@: pop is not written yet");
}

static struct task *@NAME@_find(struct mn_worker *worker)
{
    (void)worker;
    weft_panic("scheduler @NAME@: find is not written yet");
}

static bool @NAME@_init(void)
{
    return true; /* what all workers share goes to mn.workers[i].local */
}

static void @NAME@_fini(void)
{
}

static void @NAME@_entry(struct context *from, struct context *self, struct worker *worker);

static const struct mn_policy @NAME@_policy = {
    .init = @NAME@_init,
    .fini = @NAME@_fini,
    .push = @NAME@_push,
    .pop = @NAME@_pop,
    .find = @NAME@_find,
    .entry = @NAME@_entry,
};

MN_SCHEDULER(@NAME@, &@NAME@_policy)

const struct sched_ops @NAME@_ops = {
    .name = "@NAME@",
    .summary = "not written yet",
    .caps = {.fair = true, .spawn_cheap = true},
    .run = @NAME@_run,
    .spawn = @NAME@_spawn,
    .park = @NAME@_park,
    .ready = @NAME@_ready,
    .yield = @NAME@_yield,
    .exit = @NAME@_exit,
    .counters = mn_counters,
    .visit = mn_visit,
};

no_race_check_end;
