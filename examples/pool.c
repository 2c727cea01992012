/* A bounded pool of workers: results in the order of the jobs, and a job that panics costs nobody anything. */
#include <stdint.h>
#include <stdio.h>
#include <weft.h>

static void *square(void *arg)
{
    intptr_t n = (intptr_t)arg;
    if (n == 3) {
        weft_panic("I do not like %d", (int)n);
    }
    return (void *)(n * n);
}

static void start(void *unused)
{
    (void)unused;
    struct weft_pool *pool = weft_pool_new(3, 8);
    struct weft_results *results = weft_results_new(pool, WEFT_ORDERED, 8);
    for (intptr_t n = 1; n <= 5; n++) {
        weft_results_submit(results, square, (void *)n);
    }
    weft_results_close(results);
    struct weft_result result;
    while (weft_results_next(results, &result) == WEFT_OK) {
        if (result.panicked) {
            printf("%d: %s\n", (int)result.index + 1, result.message);
        } else {
            printf("%d: %d\n", (int)result.index + 1, (int)(intptr_t)result.value);
        }
    }
    weft_results_free(results);
    weft_pool_free(pool);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
