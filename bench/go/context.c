/* Rows of the suite `go` over contexts: what does cancellation cost?
 *
 * Originals: context/benchmark_test.go.
 *   WithTimeout/concurrency=N   RunParallel; ten contexts with a timeout of an hour are made, then cancelled, while N
 *   others
 *                               are alive, N / P of them made by each of P tasks
 *   CancelTree/depth=D/Root=R   a chain of D contexts. R = Background: under what is never cancelled; OpenCanceler:
 *   under one
 *                               that is then cancelled; ClosedCanceler: under one that is cancelled already
 *   CommonParentCancel          RunParallel; a context under one for all, which has a value above it: made, asked for
 *                               the value, cancelled, with 100 units of made-up work before the cancel and behind it
 *   ContextCancelDone           RunParallel; a look at a context that is not done
 * One operation is what Go counts as one: ten contexts, a tree, a context, a look. Go leaves contexts to its collector;
 * here they are freed, in the timed part.
 * Checked: a context that was cancelled is, and so is the last one of a tree.
 * Not measured: contexts that a task waits for. */
#include "bench/go/go.h"

enum { BENCH_GO_CONTEXTS = 10, BENCH_GO_CONTEXT_WORK = 100, BENCH_GO_ROOTS = 3 };
enum bench_go_root { BENCH_GO_BACKGROUND, BENCH_GO_OPEN, BENCH_GO_CLOSED };
static const weft_ns bench_go_timeout = 3600000000000;

/* --- timeouts --------------------------------------------------------------------------------------- */

static force_inline uint64_t bench_go_cancel_one(struct weft_ctx *ctx)
{
    weft_ctx_cancel(ctx, NULL);
    uint64_t wrong = weft_ctx_err(ctx) != WEFT_CANCELED;
    weft_ctx_free(ctx);
    return wrong;
}

static force_inline void bench_go_timeouts(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_ctx *some[BENCH_GO_CONTEXTS];
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        for (int i = 0; i < BENCH_GO_CONTEXTS; i++) {
            some[i] = weft_ctx_with_timeout(weft_ctx_background(), bench_go_timeout);
        }
        for (int i = 0; i < BENCH_GO_CONTEXTS; i++) {
            wrong += unlikely(some[i] == NULL) ? 1 : bench_go_cancel_one(some[i]);
        }
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_with_timeout)(void *parallel)
{
    bench_go_timeouts(parallel);
}

/* Contexts that are alive while others are measured. */
struct bench_go_alive {
    struct weft_waitgroup *group;
    struct weft_ctx **contexts;
    uint64_t count;
};

static void bench_go_alive_make(void *arg)
{
    struct bench_go_alive *self = arg;
    for (uint64_t i = 0; i < self->count; i++) {
        self->contexts[i] = weft_ctx_with_timeout(weft_ctx_background(), bench_go_timeout);
        bench_check(self->contexts[i] != NULL, "no memory for a context");
    }
    weft_wg_done(self->group);
}

static void bench_go_with_timeout_batch(struct bench_batch *batch)
{
    unsigned tasks = batch->cell->workers;
    uint64_t each = batch->cell->workload->argument / tasks;
    struct weft_waitgroup group = {0};
    struct bench_go_alive *alive = bench_alloc(tasks * sizeof *alive);
    struct weft_ctx **contexts = bench_alloc(tasks * each * sizeof(struct weft_ctx *));
    weft_wg_add(&group, tasks);
    for (unsigned i = 0; i < tasks; i++) {
        alive[i] = (struct bench_go_alive){&group, contexts + i * each, each};
        if (weft_go(bench_go_alive_make, &alive[i]) != WEFT_OK) {
            bench_fail("no memory for a task");
            weft_wg_done(&group);
        }
    }
    weft_wg_wait(&group);
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, BENCH_LOOP_NAME(go_with_timeout), NULL);
    bench_clock_stop(&clock);
    for (uint64_t i = 0; i < tasks * each; i++) {
        weft_ctx_free(contexts[i]);
    }
    free(contexts);
    free(alive);
}

/* --- trees ------------------------------------------------------------------------------------------ */

/* A chain of contexts below root; returns the last one, which keeps the others. NULL: no memory. */
static force_inline struct weft_ctx *bench_go_chain(struct weft_ctx *root, uint64_t depth)
{
    struct weft_ctx *leaf = root;
    for (uint64_t i = 0; i < depth; i++) {
        struct weft_ctx *next = weft_ctx_with_cancel(leaf);
        if (leaf != root) {
            weft_ctx_free(leaf);
        }
        if (unlikely(next == NULL)) {
            return NULL;
        }
        leaf = next;
    }
    return leaf;
}

/* How many trees went wrong. */
static force_inline uint64_t bench_go_tree(uint64_t depth, enum bench_go_root kind)
{
    struct weft_ctx *root = kind == BENCH_GO_BACKGROUND ? NULL : weft_ctx_with_cancel(weft_ctx_background());
    if (kind == BENCH_GO_CLOSED && root != NULL) {
        weft_ctx_cancel(root, NULL);
    }
    struct weft_ctx *leaf = bench_go_chain(root == NULL ? weft_ctx_background() : root, depth);
    if (kind == BENCH_GO_OPEN && root != NULL) {
        weft_ctx_cancel(root, NULL);
    }
    enum weft_status expected = kind == BENCH_GO_BACKGROUND ? WEFT_OK : WEFT_CANCELED;
    uint64_t wrong = leaf == NULL || weft_ctx_err(leaf) != expected;
    weft_ctx_free(leaf);
    weft_ctx_free(root);
    return wrong;
}

BENCH_LOOP(go_cancel_tree)(struct bench_batch *batch)
{
    uint64_t argument = batch->cell->workload->argument;
    uint64_t wrong = 0;
    for (uint64_t i = 0, count = batch->units; i < count; i++) {
        wrong += bench_go_tree(argument / BENCH_GO_ROOTS, (enum bench_go_root)(argument % BENCH_GO_ROOTS));
    }
    bench_check(wrong == 0, "%" PRIu64 " trees were not as they should be", wrong);
}

static void bench_go_cancel_tree_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    BENCH_LOOP_NAME(go_cancel_tree)(batch);
    bench_clock_stop(&clock);
}

/* --- a parent for all ------------------------------------------------------------------------------- */

static const char bench_go_key[] = "key";
static char bench_go_value[] = "value";

static force_inline void bench_go_common_parent(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_ctx *parent = it.parallel->shared;
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        struct weft_ctx *ctx = weft_ctx_with_cancel(parent);
        if (unlikely(ctx == NULL)) {
            wrong++;
            continue;
        }
        wrong += weft_ctx_value(ctx, bench_go_key) != bench_go_value;
        bench_count(BENCH_GO_CONTEXT_WORK);
        weft_ctx_cancel(ctx, NULL);
        weft_ctx_free(ctx);
        bench_count(BENCH_GO_CONTEXT_WORK);
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_common_parent)(void *parallel)
{
    bench_go_common_parent(parallel);
}

static void bench_go_common_parent_batch(struct bench_batch *batch)
{
    struct weft_ctx *root = weft_ctx_with_value(weft_ctx_background(), bench_go_key, bench_go_value);
    struct weft_ctx *parent = root == NULL ? NULL : weft_ctx_with_cancel(root);
    if (parent == NULL) {
        bench_fail("no memory for a context");
        return;
    }
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    bench_parallel(batch, BENCH_LOOP_NAME(go_common_parent), parent);
    bench_clock_stop(&clock);
    bench_check(weft_ctx_err(parent) == WEFT_OK, "the parent was cancelled too");
    weft_ctx_free(parent);
    weft_ctx_free(root);
}

/* --- a look ----------------------------------------------------------------------------------------- */

static force_inline void bench_go_context_look(void *arg)
{
    struct bench_iterations it = bench_iterations(arg);
    struct weft_ctx *ctx = it.parallel->shared;
    uint64_t wrong = 0;
    while (bench_next(&it)) {
        wrong += weft_try_recv(weft_ctx_done(ctx), NULL) != WEFT_AGAIN;
    }
    bench_parallel_leave(&it, wrong);
}

BENCH_LOOP(go_context_look)(void *parallel)
{
    bench_go_context_look(parallel);
}

static void bench_go_context_look_batch(struct bench_batch *batch)
{
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    struct weft_ctx *ctx = weft_ctx_with_cancel(weft_ctx_background());
    if (ctx == NULL) {
        bench_fail("no memory for a context");
        return;
    }
    bench_parallel(batch, BENCH_LOOP_NAME(go_context_look), ctx);
    bench_clock_stop(&clock);
    weft_ctx_free(ctx);
}

#define BENCH_GO_CONTEXT(id, go) BENCH_GO_OF("context", id, go, "context")
#define BENCH_GO_WITH_TIMEOUT(n)                                                                                       \
    {                                                                                                                  \
        BENCH_GO_CONTEXT("WithTimeout." #n, "WithTimeout/concurrency=" #n),                                            \
            .question = "what do ten timeouts cost that are cancelled, with " #n " others alive?",                     \
            .unit = "ten contexts", .argument = (n), .batch = bench_go_with_timeout_batch                              \
    }
#define BENCH_GO_CANCEL_TREE(depth, root, kind)                                                                        \
    {                                                                                                                  \
        BENCH_GO_CONTEXT("CancelTree." #depth "." #root, "CancelTree/depth=" #depth "/Root=" #root),                   \
            .question = "what does a chain of " #depth " contexts cost?", .unit = "tree",                              \
            .argument = (depth)*BENCH_GO_ROOTS + (kind), .batch = bench_go_cancel_tree_batch                           \
    }
#define BENCH_GO_CANCEL_TREES(depth)                                                                                   \
    BENCH_GO_CANCEL_TREE(depth, Background, BENCH_GO_BACKGROUND),                                                      \
        BENCH_GO_CANCEL_TREE(depth, OpenCanceler, BENCH_GO_OPEN),                                                      \
        BENCH_GO_CANCEL_TREE(depth, ClosedCanceler, BENCH_GO_CLOSED)

static const struct bench_workload bench_go_context_rows[] = {
    BENCH_GO_WITH_TIMEOUT(40),
    BENCH_GO_WITH_TIMEOUT(4000),
    BENCH_GO_WITH_TIMEOUT(400000),
    BENCH_GO_CANCEL_TREES(1),
    BENCH_GO_CANCEL_TREES(10),
    BENCH_GO_CANCEL_TREES(100),
    BENCH_GO_CANCEL_TREES(1000),
    {BENCH_GO_CONTEXT("CommonParentCancel", "CommonParentCancel"),
     .question = "what does a context cost below one that all tasks share?", .unit = "context",
     .batch = bench_go_common_parent_batch},
    {BENCH_GO_CONTEXT("ContextCancelDone", "ContextCancelDone"),
     .question = "what does it cost to see that a context is not done?", .unit = "look",
     .batch = bench_go_context_look_batch},
};
