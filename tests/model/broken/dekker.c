/* Each says that it is there, then looks for the other one: with release and acquire both may miss.
 * The checker must say: assertion */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) here[2];
static bool missed[2];

static void *first(void *unused)
{
    (void)unused;
    store_release(&here[0], 1u);
    missed[0] = load_acquire(&here[1]) == 0;
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    store_release(&here[1], 1u);
    missed[1] = load_acquire(&here[0]) == 0;
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_start(first, NULL);
    litmus_start(second, NULL);
    litmus_join();
    assert(!missed[0] || !missed[1]);
    return 0;
}
