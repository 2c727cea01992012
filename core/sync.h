/* What the synchronisation objects share: a first come, first served queue of parked tasks that takes one pointer.
 * Under a lock that its owner names. The waiters are on the stacks of their tasks: whoever takes one out readies its
 * task last, and does not touch it behind that. */
#ifndef CORE_SYNC_H
#define CORE_SYNC_H

#include "lock.h"
#include "sched.h"

/* The way in of what never parks and has no use for the task: a panic on a thread that is none. One load less than
 * task_self(). */
static force_inline void sync_by_task(void)
{
    if (unlikely(worker_self() == NULL)) {
        task_self();
    }
}

/* Of mutexes and rwmutexes. A client of the model checker has values of its own: it would never queue, or nobody would
 * be handed anything. */
enum { LOOK_PAUSES = 4 };
#ifndef MUTEX_LOOKS
#define MUTEX_LOOKS 8
#endif
#ifndef MUTEX_STARVING_NS
#define MUTEX_STARVING_NS 1000000
#endif

struct sync_waiter {
    struct sync_waiter *next; /* circular: the tail's is the head */
    struct task *task;
    uint64_t count; /* semaphore: permits; rwmutex: 1 for a writer */
    bool starving;  /* mutex: to be handed it */
    bool granted;   /* out: it has what it waited for */
};

static inline void sync_push(struct sync_waiter **tail, struct sync_waiter *waiter)
{
    if (*tail == NULL) {
        waiter->next = waiter;
    } else {
        waiter->next = (*tail)->next;
        (*tail)->next = waiter;
    }
    *tail = waiter;
}

static inline void sync_push_front(struct sync_waiter **tail, struct sync_waiter *waiter)
{
    struct sync_waiter *last = *tail;
    sync_push(tail, waiter);
    if (last != NULL) {
        *tail = last;
    }
}

static inline struct sync_waiter *sync_head(struct sync_waiter *tail)
{
    return tail == NULL ? NULL : tail->next;
}

/* NULL: the queue is empty. */
static inline struct sync_waiter *sync_pop(struct sync_waiter **tail)
{
    struct sync_waiter *head = sync_head(*tail);
    if (head == NULL) {
        return NULL;
    }
    if (head == *tail) {
        *tail = NULL;
    } else {
        (*tail)->next = head->next;
    }
    return head;
}

/* Readies all of a queue that nobody else can reach any more. */
static inline void sync_ready_all(struct sync_waiter *tail)
{
    struct sync_waiter *waiter;
    while ((waiter = sync_pop(&tail)) != NULL) {
        task_ready(waiter->task);
    }
}

#endif
