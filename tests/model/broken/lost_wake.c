/* The waiter waits for the new value instead of the old one: a wake-up that comes first is lost.
 * The checker must say: deadlock */
#include "tests/litmus/runtime.h"

static _Atomic(uint32_t) word;

static void *first(void *unused)
{
    (void)unused;
    litmus_enter(1);
    uint32_t seen = load_acquire(&word);
    futex_wait(&word, seen, WEFT_FOREVER);
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    litmus_enter(2);
    store_release(&word, 1u);
    futex_wake(&word, 1);
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
