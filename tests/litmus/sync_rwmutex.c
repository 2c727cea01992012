/* weft_rwmutex: two writers' sections exclude each other and the reader's, which sees both halves of what they write. */
#include "tests/litmus/runtime.h"

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
    litmus_start(writer, (void *)1);
    litmus_start(reader, (void *)2);
    litmus_start(reader, (void *)3);
    litmus_start(writer, (void *)4);
    litmus_join();
    assert(first == 2 && second == 2);
    return 0;
}
