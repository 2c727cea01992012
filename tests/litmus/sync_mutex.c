/* weft_mutex: three tasks, one section each, one of them by try: exclusion, no lost wake-up, and what one section wrote
 * the next sees. */
#include "tests/litmus/runtime.h"

static weft_ns starving_ns; /* -1: whoever was overtaken starves */
#define MUTEX_STARVING_NS starving_ns
#include "core/mutex.c"

static struct weft_mutex mutex;
static unsigned count, tries;

static void *section(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_lock(&mutex);
    count++;
    weft_unlock(&mutex);
    return NULL;
}

static void *attempt(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    if (weft_try_lock(&mutex)) {
        count++;
        tries = 1;
        weft_unlock(&mutex);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_now = 1;
    starving_ns = (weft_ns)litmus_choose(2) - 1;
    litmus_start(section, (void *)1);
    litmus_start(section, (void *)2);
    litmus_start(attempt, (void *)3);
    litmus_join();
    assert(count == 2 + tries);
    return 0;
}
