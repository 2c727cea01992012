/* When nothing moves. Under virtual time a deadline in an hour comes when nothing else can happen (record.c). Elsewhere
 * a thread outside asks the scheduler what the deadlock detector asks (sched_ops.stuck), twice with nothing recorded in
 * between, and has main told. */
#include "cell.h"

#include <pthread.h>
#include <time.h>

static const long look_ns = 20000;

/* The thread outside, and whom it tells. */
static struct {
    pthread_t thread;
    _Atomic(bool) stop;
    struct lock lock;
    struct cell *watched; /* main waits for this one; NULL: nothing to watch. Under the lock, like the looks at it */
    _Atomic(unsigned)
        false_alarms; /* times that the scheduler called a run stuck in which a deadline was still to come */
} outside;

unsigned session_false_alarms(void)
{
    return load_relaxed(&outside.false_alarms); /* no other thread any more */
}

static void tell_stuck(void *arg)
{
    struct cell *cell = arg;
    enum message message = MESSAGE_STUCK;
    weft_send(cell->done, &message);
}

static bool scheduler_is_stuck(void)
{
    bool stuck = false;
    if (run_hold()) {
        stuck = runtime.sched->stuck();
        run_let_go();
    }
    return stuck;
}

static bool any_timed(struct cell *cell)
{
    for (unsigned task = 0; task < cell->program->tasks; task++) {
        if (load_relaxed(&cell->logs[task].timed)) { /* its writer is asleep if the scheduler is stuck */
            return true;
        }
    }
    return false;
}

static void watch_once(struct cell *cell)
{
    uint32_t before = load_acquire(&cell->clock);
    if (!scheduler_is_stuck() || !scheduler_is_stuck() || load_acquire(&cell->clock) != before) {
        return;
    }
    if (any_timed(cell)) {
        add_relaxed(&outside.false_alarms, 1u);
        return;
    }
    outside.watched = NULL; /* main sets it again, behind the message */
    weft_go(tell_stuck, cell);
}

static void *watch_outside(void *unused)
{
    (void)unused;
    struct timespec pause = {.tv_nsec = look_ns};
    while (!load_acquire(&outside.stop)) {
        lock_acquire(&outside.lock);
        if (outside.watched != NULL) {
            watch_once(outside.watched);
        }
        lock_release(&outside.lock);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

void watch_cell(struct cell *cell)
{
    lock_acquire(&outside.lock); /* behind it nobody looks at the last one any more */
    outside.watched = cell;
    lock_release(&outside.lock);
}

void watch_start(void)
{
    store_relaxed(&outside.stop, false); /* no thread yet */
    if (pthread_create(&outside.thread, NULL, watch_outside, NULL) != 0) {
        abort();
    }
}

void watch_stop(void)
{
    store_release(&outside.stop, true);
    pthread_join(outside.thread, NULL);
}
