/* The parking lot: the word is changed, then the waiters are woken. Whoever waits for the old value is woken, or sees
 * the new one, and then what was written before it. */
#include "tests/litmus/runtime.h"

#include "core/lot.c"

static _Atomic(uint32_t) word;
static unsigned written;

static void *waiter(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    while (load_acquire(&word) == 0) {
        lot_wait(&word, 0);
    }
    assert(written == 1);
    return NULL;
}

static void *changer(void *unused)
{
    (void)unused;
    litmus_enter(1);
    written = 1;
    store_release(&word, 1u);
    lot_wake(&word, 2);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_start(waiter, (void *)2);
    litmus_start(waiter, (void *)3);
    litmus_start(changer, NULL);
    litmus_join();
    return 0;
}
