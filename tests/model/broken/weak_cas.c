/* A weak compare-and-swap that fails is taken for a sign that somebody else was there.
 * The checker must say: assertion */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) word;

static void *first(void *unused)
{
    (void)unused;
    unsigned seen = 0;
    if (!cas_weak_acquire(&word, &seen, 1u)) {
        assert(seen != 0);
    }
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    unsigned seen = 5;
    (void)cas_acquire(&word, &seen, 6u);
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
