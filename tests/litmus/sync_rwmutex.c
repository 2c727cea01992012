/* weft_rwmutex: two writers' sections exclude each other and the readers', which see both halves of what they write;
 * whoever waits goes on. */
#include "tests/litmus/runtime.h"

static weft_ns starving_ns; /* -1: whoever waits starves */
#define MUTEX_STARVING_NS starving_ns
#include "core/rwmutex.c"

static struct weft_rwmutex mutex;
static unsigned first, second;

static void *writer(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_wlock(&mutex);
    first++;
    second++;
    weft_wunlock(&mutex);
    return NULL;
}

static void *reader(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_rlock(&mutex);
    assert(first == second);
    weft_runlock(&mutex);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_now = 1;
    starving_ns = (weft_ns)litmus_choose(2) - 1;
    litmus_start(writer, (void *)1);
    litmus_start(reader, (void *)2);
    litmus_start(reader, (void *)3);
    litmus_start(writer, (void *)4);
    litmus_join();
    assert(first == 2 && second == 2);
    return 0;
}
