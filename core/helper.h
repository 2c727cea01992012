/* Threads of the runtime's own: the monitor, the service of timers, those of blocking calls and those that drive
 * workers. They are known to the detection of deadlocks, and receive no signals, but for those that drive a worker
 * while they do. */
#ifndef CORE_HELPER_H
#define CORE_HELPER_H

#include "atomic.h"

#include <pthread.h>

/* As pthread_create, with all signals blocked but those that a thread raises itself. thread NULL: detached. */
int helper_create(pthread_t *thread, void *(*fn)(void *), void *arg);

/* All threads of this process that belong to the runtime, weft_run()'s caller included. Who makes and ends threads in
 * other ways counts them here. */
void threads_count(int change);
int threads_own(void);
/* Was the calling thread made by helper_create()? It is counted then, for as long as it lives. */
bool threads_own_self(void);
/* Forgets all but the caller, in the child of a fork. */
void threads_forked(void);

#endif
