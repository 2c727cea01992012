/* Two look, and both free: the look is no claim.
 * The checker must say: twice */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) freed;
static unsigned *value;

static void *first(void *unused)
{
    (void)unused;
    if (load_acquire(&freed) == 0) {
        free(value);
        store_release(&freed, 1u);
    }
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    unsigned seen = 0;
    (void)cas_acq_rel(&freed, &seen, 1u);
    if (seen == 0) {
        free(value);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    value = malloc(sizeof *value);
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_join();
    return 0;
}
