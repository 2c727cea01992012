/* The spin lock: three sections exclude each other, and each sees what the one before wrote. */
#include "tests/litmus/runtime.h"

static struct lock lock;
static unsigned count;

static void *section(void *unused)
{
    (void)unused;
    lock_acquire(&lock);
    count++;
    lock_release(&lock);
    return NULL;
}

int main(void)
{
    litmus_begin();
    for (unsigned i = 0; i < 3; i++) {
        litmus_start(section, NULL);
    }
    litmus_join();
    assert(count == 3);
    return 0;
}
