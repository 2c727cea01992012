/* Two hand a flag to each other for ever.
 * The checker must say: does not end */
#include "tests/litmus/runtime.h"

static _Atomic(unsigned) turn;

static void *player(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (;;) {
        while (load_acquire(&turn) != me) {
            cpu_relax();
        }
        store_release(&turn, 1 - me);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_start(player, (void *)0);
    litmus_start(player, (void *)1);
    litmus_join();
    return 0;
}
