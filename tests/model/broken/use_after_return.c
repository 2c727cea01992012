/* A waiter on a stack is touched by its waker after it was told to go on.
 * The checker must say: use after return */
#include "tests/litmus/runtime.h"

struct sleeper {
    _Atomic(unsigned) told;
    unsigned count;
};
static _Atomic(struct sleeper *) waiting;

static __attribute__((noinline)) void wait_here(void)
{
    struct sleeper self = {.count = 0};
    store_release(&waiting, &self);
    while (load_acquire(&self.told) == 0) {
        cpu_relax();
    }
}

static void *first(void *unused)
{
    (void)unused;
    wait_here();
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    struct sleeper *waiter;
    while ((waiter = load_acquire(&waiting)) == NULL) {
        cpu_relax();
    }
    store_release(&waiter->told, 1u);
    waiter->count++;
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
