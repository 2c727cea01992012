#include "blocking.h"

#include "futex.h"
#include "helper.h"
#include "sched.h"

enum { THREADS_MAX = 1024 };
static const weft_ns idle_ns = 10000000000; /* ten seconds */

/* On the calling task's stack. */
struct call {
    task_fn fn;
    void *arg;
    struct task *task;
    uint64_t run;
    struct call *next;
};

/* Under the lock; the words are read without it too. */
static struct {
    struct lock lock;
    struct call *first, *last; /* wait for a thread */
    unsigned threads, idle;
    unsigned starting; /* of the threads: those that do not exist yet, and may never */
    unsigned waiting;  /* calls that no thread has taken yet, those included that are about to be submitted */
    uint64_t run;      /* counts the runs: a call of an older one readies nobody */
    _Atomic(unsigned) out;
    _Atomic(uint32_t) submitted; /* futex word: idle threads wait for a change */
    _Atomic(uint32_t) returned;  /* futex word: counts the calls that have come back */
} blocking;

/* Under the lock: the next call to run, or NULL after a time without any. */
static struct call *next_call(void)
{
    weft_ns deadline = clock_now() + idle_ns;
    while (blocking.first == NULL) {
        uint32_t seen = load_relaxed(&blocking.submitted); /* changed under the lock */
        blocking.idle++;
        lock_release(&blocking.lock);
        enum futex_result result = futex_wait(&blocking.submitted, seen, deadline);
        lock_acquire(&blocking.lock);
        blocking.idle--;
        if (result == FUTEX_TIMED_OUT && blocking.waiting == 0) {
            return NULL;
        }
    }
    struct call *call = blocking.first;
    blocking.first = call->next;
    blocking.waiting--;
    return call;
}

/* Under the lock, which keeps the run from ending meanwhile. */
static void come_back(struct call *call, uint64_t run)
{
    if (run == blocking.run) { /* else its run is over, and the call's memory left to itself */
        race_release(call->task);
        runtime.sched->ready(call->task);
        sub_release(&blocking.out, 1u); /* after ready(): see blocking_out */
        add_release(&blocking.returned, 1u);
        futex_wake(&blocking.returned, 1);
    }
}

static void *serve(void *unused)
{
    (void)unused;
    struct call *call;
    lock_acquire(&blocking.lock);
    while ((call = next_call()) != NULL) {
        uint64_t run = call->run;
        lock_release(&blocking.lock);
        race_acquire(call);
        call->fn(call->arg);
        lock_acquire(&blocking.lock);
        come_back(call, run);
    }
    blocking.threads--;
    lock_release(&blocking.lock);
    return NULL;
}

/* A thread for one call more; false: there is none at all to serve it. One that somebody else is about to start does
 * not count: two tasks that find none, and then get none, would each wait for the other's. */
static bool reserve(void)
{
    lock_acquire(&blocking.lock);
    bool enough = blocking.idle > blocking.waiting || blocking.threads - blocking.starting >= THREADS_MAX;
    blocking.threads += enough ? 0 : 1;
    blocking.starting += enough ? 0 : 1;
    blocking.waiting++;
    lock_release(&blocking.lock);
    if (enough) {
        return true;
    }
    bool started = helper_create(NULL, serve, NULL) == 0;
    lock_acquire(&blocking.lock);
    blocking.starting--;
    blocking.threads -= started ? 0 : 1;
    bool served = started || blocking.threads != blocking.starting;
    blocking.waiting -= served ? 0 : 1;
    lock_release(&blocking.lock);
    return served;
}

/* The commit of the task's park. */
static bool submit(void *arg)
{
    struct call *call = arg;
    race_release(call);
    lock_acquire(&blocking.lock);
    call->run = blocking.run;
    call->next = NULL;
    if (blocking.first == NULL) {
        blocking.first = call;
    } else {
        blocking.last->next = call;
    }
    blocking.last = call;
    add_relaxed(&blocking.submitted, 1u); /* under the lock */
    lock_release(&blocking.lock);
    futex_wake(&blocking.submitted, 1);
    return true;
}

void blocking_run(task_fn fn, void *arg)
{
    struct call call = {.fn = fn, .arg = arg, .task = task_self()};
    add_relaxed(&blocking.out, 1u); /* this task runs, so nobody looks for a deadlock before it parks */
    if (!reserve()) {
        sub_release(&blocking.out, 1u);
        fn(arg);
        return;
    }
    task_park(WAIT_BLOCKING, (const void *)(uintptr_t)fn, submit, &call, NULL);
}

unsigned blocking_out(void)
{
    return load_acquire(&blocking.out);
}

uint32_t blocking_returned(void)
{
    return load_acquire(&blocking.returned);
}

bool blocking_wait(uint32_t seen, weft_ns deadline)
{
    while (blocking_out() != 0 && blocking_returned() == seen) {
        if (futex_wait(&blocking.returned, seen, deadline) == FUTEX_TIMED_OUT) {
            return blocking_returned() != seen;
        }
    }
    return true;
}

bool blocking_end_run(void)
{
    lock_acquire(&blocking.lock);
    unsigned begun = load_relaxed(&blocking.out) - blocking.waiting; /* no worker is left to submit */
    blocking.run++;
    blocking.first = NULL; /* their tasks are abandoned before they began */
    blocking.waiting = 0;
    store_relaxed(&blocking.out, 0u);
    lock_release(&blocking.lock);
    return begun != 0;
}

void blocking_forked(void)
{
    lock_release(&blocking.lock); /* whoever held it is not here */
    blocking.first = NULL;
    blocking.threads = blocking.starting = blocking.idle = blocking.waiting = 0;
    store_relaxed(&blocking.out, 0u);
}
