/* weft_rwmutex: a reader that joins one which was handed the lock by a writer sees what the writer wrote. */
#include "tests/litmus/runtime.h"

#define MUTEX_STARVING_NS (-1) /* whoever waits is handed it */
#include "core/rwmutex.c"

static struct weft_rwmutex mutex;
static unsigned written;

static void *writer(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_wlock(&mutex);
    written = 1;
    weft_wunlock(&mutex);
    return NULL;
}

static void *reader(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_rlock(&mutex);
    assert(written <= 1);
    weft_runlock(&mutex);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_now = 1;
    litmus_start(writer, (void *)1);
    litmus_start(reader, (void *)2);
    litmus_start(reader, (void *)3);
    litmus_join();
    assert(written == 1);
    return 0;
}
