/* Nobody frees it if the second one comes first.
 * The checker must say: a leak */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned *) shared;

static void *first(void *unused)
{
    (void)unused;
    store_release(&shared, (unsigned *)malloc(sizeof(unsigned)));
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    free(exchange_acq_rel(&shared, NULL));
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_join();
    return 0;
}
