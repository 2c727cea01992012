/* Waits for what nobody does.
 * The checker must say: deadlock */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) word;

static void *first(void *unused)
{
    (void)unused;
    while (load_acquire(&word) != 2) {
        cpu_relax();
    }
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    store_release(&word, 1u);
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
