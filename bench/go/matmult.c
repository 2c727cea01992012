/* The row Matmult of the suite `go`: what does it cost to divide work among tasks that are joined by channels?
 *
 * Original: runtime/proc_test.go. C += A * B of square matrices, divided in two along the longest axis down to edges
 * below 8. Along the first two axes one half goes to a task of its own, which is joined over a channel of capacity 1
 * without elements made for it. Go counts b.N multiplications for matrices of the edge cbrt(b.N) + 1, a few more than
 * that, and so does this.
 * Timed: all of it but making the matrices. Rows are allocated one by one, as Go's.
 * Checked: the sum of the result. Beside the time: the same without tasks and channels, divided by the processors
 * (work_ns).
 * Not measured: a fast product. */
#include "bench/go/go.h"

enum { BENCH_GO_MATMULT_THRESHOLD = 8 };

struct bench_go_matrices {
    double **a, **b, **c;
    size_t edge;
};

/* A block of the product, and who waits for it. */
struct bench_go_block {
    const struct bench_go_matrices *all;
    struct weft_chan *done; /* NULL: nobody */
    size_t i0, i1, j0, j1, k0, k1;
    bool alone; /* without tasks */
};

/* Go loads the sum and the rows' addresses anew for each product, and so does this: not compilers are compared. */
static void bench_go_multiply(double **c, double **a, double **b, const struct bench_go_block *block)
{
    for (size_t i = block->i0; i < block->i1; i++) {
        for (size_t j = block->j0; j < block->j1; j++) {
            for (size_t k = block->k0; k < block->k1; k++) {
                c[i][j] += a[i][k] * b[k][j];
                bench_forget_memory();
            }
        }
    }
}

/* One half by a task, the other by the caller, then the join. */
static force_inline void bench_go_fork(const struct chan_ops *ops, task_fn self, struct bench_go_block *first,
                                       struct bench_go_block *second)
{
    first->done = second->done = NULL;
    if (first->alone) {
        self(first);
        self(second);
        return;
    }
    first->done = bench_chan_make(0, 1);
    if (first->done == NULL || weft_go(self, first) != WEFT_OK) {
        bench_fail("spawning a task");
        return;
    }
    self(second);
    ops->recv(first->done, NULL);
    weft_chan_free(first->done);
}

static force_inline void bench_go_matmult(const struct chan_ops *ops, task_fn self, struct bench_go_block *block)
{
    enum { THRESHOLD = BENCH_GO_MATMULT_THRESHOLD };
    size_t di = block->i1 - block->i0;
    size_t dj = block->j1 - block->j0;
    size_t dk = block->k1 - block->k0;
    struct bench_go_block first = *block;
    struct bench_go_block second = *block;
    if (di >= dj && di >= dk && di >= THRESHOLD) {
        first.i1 = second.i0 = block->i0 + di / 2;
        bench_go_fork(ops, self, &first, &second);
    } else if (dj >= dk && dj >= THRESHOLD) {
        first.j1 = second.j0 = block->j0 + dj / 2;
        bench_go_fork(ops, self, &first, &second);
    } else if (dk >= THRESHOLD) { /* not in parallel: both halves add to the same elements */
        first.k1 = second.k0 = block->k0 + dk / 2;
        first.done = second.done = NULL;
        self(&first);
        self(&second);
    } else {
        bench_go_multiply(block->all->c, block->all->a, block->all->b, block);
    }
    if (block->done != NULL) {
        char nothing = 0;
        ops->send(block->done, &nothing);
    }
}

BENCH_LOOP(go_matmult)(void *block)
{
    bench_go_matmult(BENCH_OPS, BENCH_LOOP_NAME(go_matmult), block);
}

static double **bench_go_matrix_new(size_t edge)
{
    double **matrix = bench_alloc(edge * sizeof *matrix);
    for (size_t i = 0; i < edge; i++) {
        matrix[i] = bench_alloc(edge * sizeof *matrix[i]);
        for (size_t j = 0; j < edge; j++) {
            matrix[i][j] = (double)(i * edge + j);
        }
    }
    return matrix;
}

static void bench_go_matrix_free(double **matrix, size_t edge)
{
    for (size_t i = 0; i < edge; i++) {
        free(matrix[i]);
    }
    free(matrix);
}

/* The sum of C = A * B is that of (sum of A's column k) * (sum of B's row k); C began as A. */
static void bench_go_matmult_check(const struct bench_go_matrices *all)
{
    double expected = 0;
    double sum = 0;
    for (size_t k = 0; k < all->edge; k++) {
        double column = 0;
        double row = 0;
        for (size_t i = 0; i < all->edge; i++) {
            column += all->a[i][k];
            row += all->b[k][i];
            sum += all->c[k][i];
            expected += all->a[k][i];
        }
        expected += column * row;
    }
    bench_check(sum >= expected * (1 - 1e-9) && sum <= expected * (1 + 1e-9), "the product's sum is %g and not %g", sum,
                expected);
}

static void bench_go_matmult_batch(struct bench_batch *batch)
{
    struct bench_go_matrices all = {.edge = 1};
    while ((uint64_t)all.edge * all.edge * all.edge <= batch->units) {
        all.edge++;
    }
    all.a = bench_go_matrix_new(all.edge);
    all.b = bench_go_matrix_new(all.edge);
    all.c = bench_go_matrix_new(all.edge);
    struct bench_go_block block = {.all = &all, .i1 = all.edge, .j1 = all.edge, .k1 = all.edge};
    struct bench_clock clock;
    bench_clock_start(&clock, batch);
    BENCH_LOOP_NAME(go_matmult)(&block);
    bench_clock_stop(&clock);
    if (bench_failure() != NULL) {
        return; /* tasks that did start still use the matrices */
    }
    bench_go_matmult_check(&all);
    block.alone = true;
    double parallel = bench_work_parallel(batch->cell, UINT32_MAX);
    bench_work_alone(batch, BENCH_LOOP_NAME(go_matmult), &block, 1 / parallel / (double)batch->units);
    bench_go_matrix_free(all.a, all.edge);
    bench_go_matrix_free(all.b, all.edge);
    bench_go_matrix_free(all.c, all.edge);
}

static const struct bench_workload bench_go_matmult_rows[] = {
    {BENCH_GO("Matmult", "work"),
     .question = "what does it cost to divide work among tasks that are joined by channels?", .unit = "multiplication",
     .uses_chan = true, .batch = bench_go_matmult_batch},
};
