/* fib, nqueens: what does fork-join gain from a second worker?
 *
 *   fib      fib(n) = fib(n - 1), by a task of its own, + fib(n - 2), by the caller; joined by a waitgroup in the
 *            caller's frame. Calls below FIB_CUTOFF do without tasks.
 *   nqueens  placements of n queens on a board of n x n; a task for each placement in the first QUEENS_DEPTH rows,
 *            which waits for its own; below, one counts alone.
 *
 * Values: fib_ns / nqueens_ns, wall time of the whole, the median of five; tasks: how many were spawned; serial_ns: the
 * same without any tasks, by the main task. size: n.
 * Checked: the result, against the serial one. */
#include "bench/scale/tools.h"

#include <stdlib.h>

enum { FIB_CUTOFF = 8, QUEENS_DEPTH = 4, FORK_JOIN_RUNS = 5 };

static _Atomic(uint64_t) fork_join_tasks; /* counted in a run that is not timed */
static bool fork_join_counts;

static void fork_join_count(void)
{
    if (fork_join_counts) {
        add_relaxed(&fork_join_tasks, 1u); /* a count */
    }
}

/* Runs and times one of them; expected: its result. */
static void fork_join_measure(struct scale_sample *sample, const char *name, uint64_t (*fn)(uint64_t),
                              uint64_t (*serial)(uint64_t))
{
    weft_ns begin = scale_now();
    uint64_t expected = serial(sample->size);
    double alone = (double)(scale_now() - begin);
    double took[FORK_JOIN_RUNS];
    fork_join_counts = true; /* the first run warms up and counts */
    for (int i = -1; i < FORK_JOIN_RUNS; i++) {
        begin = scale_now();
        uint64_t result = fn(sample->size);
        weft_ns end = scale_now();
        scale_check(result == expected, "%s(%" PRIu64 "): %" PRIu64 ", not %" PRIu64, name, sample->size, result,
                    expected);
        if (i >= 0) {
            took[i] = (double)(end - begin);
        }
        fork_join_counts = false;
    }
    scale_value(sample, scale_median(took, FORK_JOIN_RUNS), "%s_ns", name);
    scale_value(sample, alone, "serial_ns");
    scale_value(sample, (double)load_relaxed(&fork_join_tasks), "tasks"); /* all have ended */
}

/* --- fib -------------------------------------------------------------------------------------------- */

struct fib {
    uint64_t n, result;
    struct weft_waitgroup group;
};

static uint64_t fib_serial(uint64_t n)
{
    return n < 2 ? n : fib_serial(n - 1) + fib_serial(n - 2);
}

static void fib_task(void *arg);

static uint64_t fib_forked(uint64_t n)
{
    if (n < FIB_CUTOFF) {
        return fib_serial(n);
    }
    struct fib child = {.n = n - 1};
    weft_wg_add(&child.group, 1);
    scale_go(fib_task, &child);
    uint64_t other = fib_forked(n - 2);
    weft_wg_wait(&child.group);
    return child.result + other;
}

static void fib_task(void *arg)
{
    struct fib *fib = arg;
    fork_join_count();
    fib->result = fib_forked(fib->n);
    weft_wg_done(&fib->group);
}

static void fib_main(void *sample)
{
    fork_join_measure(sample, "fib", fib_forked, fib_serial);
}

static void fib_measure(struct scale_sample *sample)
{
    scale_run(sample->workers, fib_main, sample);
}

/* --- nqueens ---------------------------------------------------------------------------------------- */

/* Bits that are taken: of the columns, and of the diagonals as they meet the next row. `all`: one for each column. */
struct board {
    uint32_t columns, left, right, all;
};

struct queens {
    struct board board;
    uint32_t row;
    uint64_t found;
    struct weft_waitgroup *group;
};

static struct board queens_place(struct board board, uint32_t bit)
{
    return (struct board){board.columns | bit, (board.left | bit) << 1, (board.right | bit) >> 1, board.all};
}

static uint64_t queens_alone(uint32_t columns, uint32_t left, uint32_t right, uint32_t all)
{
    if (columns == all) {
        return 1;
    }
    uint64_t found = 0;
    for (uint32_t open = ~(columns | left | right) & all; open != 0; open &= open - 1) {
        uint32_t bit = open & -open;
        found += queens_alone(columns | bit, (left | bit) << 1, (right | bit) >> 1, all);
    }
    return found;
}

static void queens_task(void *arg);

static uint64_t queens_forked(struct board board, uint32_t row)
{
    if (row == QUEENS_DEPTH || board.columns == board.all) {
        return queens_alone(board.columns, board.left, board.right, board.all);
    }
    struct queens children[32];
    struct weft_waitgroup group = {0};
    uint32_t count = 0;
    uint32_t open = ~(board.columns | board.left | board.right) & board.all;
    for (; open != 0; open &= open - 1, count++) {
        children[count] = (struct queens){.board = queens_place(board, open & -open), .row = row + 1, .group = &group};
    }
    weft_wg_add(&group, count);
    for (uint32_t i = 0; i < count; i++) {
        scale_go(queens_task, &children[i]);
    }
    weft_wg_wait(&group);
    uint64_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        found += children[i].found;
    }
    return found;
}

static void queens_task(void *arg)
{
    struct queens *queens = arg;
    struct weft_waitgroup *group = queens->group;
    fork_join_count();
    queens->found = queens_forked(queens->board, queens->row);
    weft_wg_done(group);
}

static uint64_t queens_serial(uint64_t n)
{
    return queens_alone(0, 0, 0, (1u << n) - 1);
}

static uint64_t queens_tasks(uint64_t n)
{
    return queens_forked((struct board){.all = (1u << n) - 1}, 0);
}

static void nqueens_main(void *sample)
{
    fork_join_measure(sample, "nqueens", queens_tasks, queens_serial);
}

static void nqueens_measure(struct scale_sample *sample)
{
    scale_run(sample->workers, nqueens_main, sample);
}

const struct scale_figure scale_fib = {
    .name = "fib",
    .question = "a task for each call of a recursion: what does a second worker gain?",
    .size_of = "n",
    .size = 32,
    .size_min = 2,
    .size_max = 50,
    .measure = fib_measure,
};

const struct scale_figure scale_nqueens = {
    .name = "nqueens",
    .question = "a search that forks in its first rows: what does a second worker gain?",
    .size_of = "queens",
    .size = 13,
    .size_min = 1,
    .size_max = 20,
    .measure = nqueens_measure,
};
