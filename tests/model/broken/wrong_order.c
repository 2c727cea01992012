/* 2+2W: two stores on each side, and both sides come out first.
 * The checker must say: assertion */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) x, y;

static void *first(void *unused)
{
    (void)unused;
    store_release(&x, 1u);
    store_release(&y, 2u);
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    store_release(&y, 1u);
    store_release(&x, 2u);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_join();
    assert(load_relaxed(&x) != 1 || load_relaxed(&y) != 1);
    return 0;
}
