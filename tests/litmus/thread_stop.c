/* The end of a run of the scheduler `thread`, by its own thread_run(): the main task returns while one task is parked,
 * or about to be, and another one takes it out of its queue, readies it, and then waits on a word that nobody changes.
 * Each is stopped or ends, once, and goes on only if it was readied; until all have, what lies on a stopped task's
 * stack is there for who still runs (T2); and what they have done is seen behind thread_run. */
#include "tests/litmus/thread_run.h"

static struct lock lock;
static struct waiter *waiting; /* under the lock */
static _Atomic(uint32_t) word;
static unsigned stopped, ended;      /* under the lock */
static bool readied;                 /* ready() orders it */
static bool parker_over, waker_over; /* the task's; main reads them behind the run */

/* --- in core's stead --------------------------------------------------------------------------------- */

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
