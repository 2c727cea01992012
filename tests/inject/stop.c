/* Stops threads at random moments: by a signal to one thread, whose handler sleeps. To the others that is a thread that
 * the kernel has taken off its processor in the worst place, for longer than it ever would. (SIGSTOP stops all threads
 * of a process, so nobody would notice.) */
#undef WEFT_TEST_POINTS /* its own operations are no places to be held up at */
#include "inject.h"

#include "core/atomic.h"
#include "core/helper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PLACES = 4096, STOP_US = 1500, LOST_AFTER = 20 /* pauses */ };

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);

static _Atomic(pid_t) threads[PLACES]; /* 0: free */
static _Atomic(unsigned) used;         /* places that were ever taken */
static _Atomic(unsigned) reading;      /* the stopper is about to signal one: it must not end */
static _Atomic(bool) stopped;          /* one at a time, or the stopped ones would never catch up */
static _Atomic(bool) stopping;
static pthread_t stopper;

static int stop_signal(void)
{
    return SIGRTMIN + 7;
}

static void sleep_ns(uint64_t duration)
{
    nanosleep(&(struct timespec){.tv_sec = (time_t)(duration / 1000000000), .tv_nsec = (long)(duration % 1000000000)},
              NULL);
}

static void on_stop(int number)
{
    (void)number;
    int saved = errno;
    inject_count(FAULT_STOP);
    sleep_ns(1000u * (1u + inject_dice(STOP_US)));
    store_relaxed(&stopped, false);
    errno = saved;
}

int stop_enlist(void)
{
    sigset_t blocked;
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    if (sigismember(&blocked, stop_signal())) {
        return -1; /* one of the runtime's helpers, which take no signals */
    }
    for (int i = 0; i < PLACES; i++) {
        pid_t nobody = 0;
        if (cas_acq_rel(&threads[i], &nobody, gettid())) {
            unsigned most = load_relaxed(&used);
            while (most < (unsigned)i + 1 && !cas_weak_relaxed(&used, &most, (unsigned)i + 1)) {
            }
            return i;
        }
    }
    return -1;
}

void stop_delist(int place)
{
    if (place >= 0) {
        store_seq_cst(&threads[place], 0); /* before the look at `reading`; the stopper does it the other way round */
        while (load_seq_cst(&reading) != 0) {
            cpu_relax();
        }
    }
}

static void stop_one(void)
{
    unsigned count = load_relaxed(&used); /* a hint */
    if (count == 0) {
        return;
    }
    store_seq_cst(&reading, 1u);
    pid_t thread = load_seq_cst(&threads[inject_dice(count)]);
    if (thread != 0) {
        store_relaxed(&stopped, true);
        syscall(SYS_tgkill, getpid(), thread, stop_signal());
    }
    store_seq_cst(&reading, 0u);
}

static void *stop_others(void *unused)
{
    (void)unused;
    for (unsigned pauses = 0; !load_acquire(&stopping); pauses++) {
        sleep_ns(plan->stop_pause_ns / 2 + inject_dice((uint32_t)plan->stop_pause_ns));
        if (!load_relaxed(&stopped) || pauses >= LOST_AFTER) { /* a thread may have ended with the signal on its way */
            stop_one();
            pauses = 0;
        }
    }
    return NULL;
}

void stop_begin(void)
{
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigset_t all, before;
    sigemptyset(&action.sa_mask);
    sigaction(stop_signal(), &action, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    threads_count(1); /* it wakes no task: deadlocks are still reported */
    if (__real_pthread_create(&stopper, NULL, stop_others, NULL) != 0) {
        threads_count(-1);
        store_relaxed(&stopping, true); /* there is none to end */
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void stop_end(void)
{
    if (!exchange_acq_rel(&stopping, true)) {
        pthread_join(stopper, NULL);
        threads_count(-1);
    }
    store_relaxed(&stopping, false);
}
