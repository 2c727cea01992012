/* weft_once: one of three runs it, and nobody returns before it has been run. */
#include "tests/litmus/runtime.h"

#include "core/waitgroup.c"

static void (*deferred)(void *);
static void *deferred_arg;
static unsigned runs;

void weft_defer(void (*fn)(void *), void *arg)
{
    deferred = fn; /* of the one that runs */
    deferred_arg = arg;
}

bool weft_call(void (*fn)(void *), void *arg)
{
    fn(arg);
    deferred(deferred_arg);
    return true;
}

enum weft_status weft_go(void (*fn)(void *), void *arg)
{
    (void)fn;
    (void)arg;
    abort();
}

static struct weft_once once;

static void run(void *unused)
{
    (void)unused;
    runs++;
}

static void *caller(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_once_do(&once, run, NULL);
    assert(runs == 1);
    return NULL;
}

int main(void)
{
    litmus_begin();
    for (uintptr_t i = 1; i <= 3; i++) {
        litmus_start(caller, (void *)i);
    }
    litmus_join();
    return 0;
}
