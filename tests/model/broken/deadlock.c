/* Two mutexes, in opposite order.
 * The checker must say: deadlock */
#include "tests/litmus/runtime.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;

static void both(pthread_mutex_t *one, pthread_mutex_t *other)
{
    pthread_mutex_lock(one);
    pthread_mutex_lock(other);
    pthread_mutex_unlock(other);
    pthread_mutex_unlock(one);
}

static void *first(void *unused)
{
    (void)unused;
    both(&a, &b);
    return NULL;
}

static void *second(void *unused)
{
    (void)unused;
    both(&b, &a);
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
