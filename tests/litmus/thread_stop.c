/* The end of a run of the scheduler `thread`, by its own thread_run(): the main task returns while one task is parked, or about to be, and another one takes it
 * out of its queue, readies it, and then waits on a word that nobody changes. Each is stopped or ends, once, and goes on only if it was readied; until
 * all have, what lies on a stopped task's stack is there for who still runs (T2); and what they have done is seen behind thread_run. */
#define LITMUS_RUNS
#include "tests/litmus/absent.h"

/* Threads that the scheduler makes: number 0 is the client's main(), which is the main task's too. */
static int litmus_create(pthread_t *thread, void *(*fn)(void *), void *arg);
#define pthread_create(thread, attributes, fn, arg) ((void)(attributes), litmus_create(thread, fn, arg))
#define sched_getaffinity(pid, size, set) (-1) /* no processors are looked at */
#include "variants/sched/thread.c"
#undef pthread_create

static struct lock lock;
static struct waiter *waiting; /* under the lock */
static _Atomic(uint32_t) word;
static unsigned stopped, ended;      /* under the lock */
static bool readied;                 /* ready() orders it */
static bool parker_over, waker_over; /* the task's; main reads them behind the run */

/* --- in core's stead --------------------------------------------------------------------------------- */

static struct launch {
    void *(*fn)(void *);
    void *arg;
} launches[LITMUS_THREADS];
static unsigned launched; /* by number 0 only */

static void *launch(void *arg)
{
    struct launch *self = arg;
    litmus_enter((unsigned)(self - launches));
    return self->fn(self->arg);
}

static int litmus_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    struct launch *self = &launches[++launched];
    *self = (struct launch){fn, arg};
    return pthread_create(thread, NULL, launch, self);
}

int helper_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
    return litmus_create(thread, fn, arg);
}

bool weft_call(task_fn fn, void *arg)
{
    fn(arg);
    return true;
}

static void over(struct task *self, unsigned *count)
{
    *(bool *)self->arg = true;
    lock_acquire(&lock);
    ++*count;
    lock_release(&lock);
}

void frames_finish(struct task *self)
{
    if (self->arg == &parker_over || self->arg == &waker_over) {
        over(self, &ended);
    }
}

void frames_forget(struct task *self)
{
    over(self, &stopped);
}

void threads_count(int change)
{
    (void)change;
}

void guard_of_thread(struct guard *guard)
{
    (void)guard;
}

void run_observable(bool yes)
{
    (void)yes;
}

/* --- the tasks --------------------------------------------------------------------------------------- */

static void parker(void *unused)
{
    (void)unused;
    struct waiter self = {.task = task_self(), .index = 77};
    lock_acquire(&lock);
    waiting = &self;
    thread_park(park_unlock, &lock, NULL);
    assert(readied); /* a wake-up to stop it is none to go on */
}

static void waker(void *unused)
{
    (void)unused;
    lock_acquire(&lock);
    struct task *task = NULL;
    if (waiting != NULL) {
        assert(waiting->index == 77);
        task = waiting->task;
        waiting = NULL;
    }
    lock_release(&lock);
    if (task != NULL) {
        readied = true;
        thread_ready(task);
    }
    thread_wait_word(&word, 0);
}

static void begin(void *unused)
{
    (void)unused;
    enum weft_status status = thread_spawn("parker", parker, &parker_over);
    assert(status == WEFT_OK);
    status = thread_spawn("waker", waker, &waker_over);
    assert(status == WEFT_OK);
    (void)status;
}

int main(void)
{
    litmus_begin();
    litmus_enter(0);
    worker_set_self(NULL);
    runtime.sched = &thread_ops;
    struct weft_options options = {.workers = 1};
    enum weft_status status = thread_run(&options, begin, NULL);
    assert(status == WEFT_OK);
    (void)status;
    assert(stopped + ended == 2 && parker_over && waker_over);
    assert(thread_state.threads == NULL && thread_state.ended.exits == 3);
    return 0;
}
