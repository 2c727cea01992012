#include "helper.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static _Atomic(int) own;
static _Thread_local bool self_is_own;

void threads_count(int change)
{
    add_relaxed(&own, change); /* read by the monitor, twice in a row: see monitor.c */
}

int threads_own(void)
{
    return load_relaxed(&own);
}

bool threads_own_self(void)
{
    return self_is_own;
}

void threads_forked(void)
{
    store_relaxed(&own, self_is_own ? 1 : 0); /* one thread is left */
}

struct helper {
    void *(*fn)(void *);
    void *arg;
};

static void *helper_main(void *arg)
{
    struct helper helper = *(struct helper *)arg;
    free(arg);
    self_is_own = true;
    void *result = helper.fn(helper.arg);
    threads_count(-1);
    return result;
}

int helper_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    struct helper *helper = malloc(sizeof *helper);
    if (helper == NULL) {
        return ENOMEM;
    }
    *helper = (struct helper){fn, arg};
    sigset_t blocked, before;
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGTRAP);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    threads_count(1);
    pthread_t made;
    int error = pthread_create(&made, NULL, helper_main, helper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        threads_count(-1);
        free(helper);
    } else if (thread != NULL) {
        *thread = made;
    } else {
        pthread_detach(made);
    }
    return error;
}
