/* weft_cond: a signal given under the mutex is not lost; the waiter then sees what was written. */
#include "tests/litmus/runtime.h"

#include "core/mutex.c"

static struct weft_mutex mutex;
static struct weft_cond cond;
static unsigned things;

static void *consumer(void *arg)
{
    litmus_enter((unsigned)(uintptr_t)arg);
    weft_lock(&mutex);
    while (things == 0) {
        weft_cond_wait(&cond, &mutex);
    }
    things--;
    weft_unlock(&mutex);
    return NULL;
}

static void *producer(void *unused)
{
    (void)unused;
    litmus_enter(1);
    for (unsigned i = 0; i < 2; i++) {
        weft_lock(&mutex);
        things++;
        weft_unlock(&mutex);
        weft_cond_signal(&cond);
    }
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_start(consumer, (void *)2);
    litmus_start(consumer, (void *)3);
    litmus_start(producer, NULL);
    litmus_join();
    assert(things == 0);
    return 0;
}
