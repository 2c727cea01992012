/* A value is published without release.
 * The checker must say: a race */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) flag;
static unsigned value;

static void *first(void *unused)
{
    (void)unused;
    value = 1;
    store_relaxed(&flag, 1u);
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    if (load_acquire(&flag) != 0) {
        assert(value == 1);
    }
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
