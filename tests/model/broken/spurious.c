/* A futex is trusted to return for a reason.
 * The checker must say: assertion */
#include "tests/litmus/runtime.h"

static _Atomic(uint32_t) word;

static void *first(void *unused)
{
    (void)unused;
    litmus_enter(1);
    if (load_acquire(&word) == 0) {
        futex_wait(&word, 0, WEFT_FOREVER);
        assert(load_seq_cst(&word) == 1);
    }
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    litmus_enter(2);
    store_seq_cst(&word, 1u);
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
