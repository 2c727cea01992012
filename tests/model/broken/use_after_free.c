/* The owner frees what another one may still look at.
 * The checker must say: use after free */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned *) shared;

static void *first(void *unused)
{
    (void)unused;
    unsigned *value = exchange_acq_rel(&shared, NULL);
    if (value != NULL) {
        free(value);
    }
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    unsigned *value = load_acquire(&shared);
    if (value != NULL) {
        assert(load_relaxed((_Atomic(unsigned) *)(void *)value) == 1);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    unsigned *value = malloc(sizeof *value);
    *value = 1;
    store_relaxed(&shared, value);
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_join();
    return 0;
}
