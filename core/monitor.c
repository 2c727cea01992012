#include "monitor.h"

#include "futex.h"
#include "helper.h"
#include "sched.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const weft_ns tick_ns = 10000000;
static const weft_ns tick_ns_max = 100000000; /* while all sleep */
static const weft_ns quit_ns = 1000000000;    /* two SIGQUITs within this end the process */

_Atomic(bool) monitor_soon;

static struct {
    pthread_t thread;
    _Atomic(bool) stop;
    _Atomic(uint32_t) wake;  /* futex word: counts the reasons to look at once */
    _Atomic(bool) slow;      /* it looks less often than each tick, as all slept; a hint */
    _Atomic(unsigned) quits; /* SIGQUITs that came; by the handler */
    unsigned quits_seen;
    weft_ns quit_last;
    unsigned stuck_looks; /* in a row, at which all tasks were asleep */
    struct sigaction before;
    bool handles_quit;
    enum { DEADLOCK_AUTO, DEADLOCK_ALWAYS, DEADLOCK_NEVER } deadlock;
} monitor;

/* --- the list of tasks ------------------------------------------------------------------------------ */

static void dump_task(struct task *task, void *arg)
{
    int fd = *(int *)arg;
    const char *name = load_relaxed(&task->name); /* here and below: a snapshot */
    enum wait_reason reason = load_relaxed(&task->wait_reason);
    const void *object = load_relaxed(&task->wait_object);
    char fn[256], where[32] = "", since[48] = "";
    task_describe_fn(fn, sizeof fn, load_relaxed(&task->fn));
    if (reason != WAIT_NONE && reason != WAIT_SLEEP && reason != WAIT_BLOCKING && object != NULL) {
        snprintf(where, sizeof where, " %p", object);
    }
    if (reason != WAIT_NONE) {
        weft_ns now = runtime.sched->now != NULL ? load_relaxed(&runtime.coarse_now) : clock_now();
        weft_ns waited = now - load_relaxed(&task->since);
        snprintf(since, sizeof since, ", for %.2f s", waited < 0 ? 0.0 : (double)waited / 1e9);
    }
    dprintf(fd, "task %llu \"%s\" fn %s: %s%s%s\n", (unsigned long long)task->number, name == NULL ? "" : name, fn,
            load_relaxed(&task->state) == TASK_NEW ? "not started yet" : wait_reason_name(reason), where, since);
}

void dump_tasks(int fd)
{
    runtime.sched->visit(dump_task, &fd);
}

void weft_dump_tasks(int fd)
{
    if (run_hold()) {
        dump_tasks(fd);
        run_let_go();
    }
}

/* --- deadlocks -------------------------------------------------------------------------------------- */

/* The number of this process's threads; 0: unknown. */
static int count_threads(void)
{
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) {
        return 0;
    }
    text[length] = '\0';
    char *field = strrchr(text, ')'); /* the second field, which may hold spaces; num_threads is the twentieth */
    for (int number = 2; field != NULL && number < 20; number++) {
        field = strchr(field + 1, ' ');
    }
    return field == NULL ? 0 : atoi(field + 1);
}

/* The thread sanitizer has threads of its own, one more behind each fork, started with the first other thread: in its
 * build those that are there before the run are taken for them. */
static int sanitizer_threads;

#ifdef SANITIZE_THREAD
static void *do_nothing(void *unused)
{
    return unused;
}
#endif

static void count_sanitizer_threads(void)
{
#ifdef SANITIZE_THREAD
    pthread_t thread;
    if (pthread_create(&thread, NULL, do_nothing, NULL) == 0) {
        pthread_join(thread, NULL);
    }
    sanitizer_threads = count_threads() - threads_own();
#endif
}

/* May a thread that is none of ours wake a task? */
static bool outside_threads(void)
{
    int own = threads_own() + sanitizer_threads;
    int all = count_threads();
    return all == 0 || all != own || own != threads_own() + sanitizer_threads;
}

/* Counting the threads is dear, so that a program which waits for an outside thread all day has them counted ever more
 * rarely. */
static bool deadlocked(void)
{
    enum { COUNT_EACH = 8 };
    if (monitor.deadlock == DEADLOCK_NEVER || runtime.sched->stuck == NULL || !runtime.sched->stuck()) {
        monitor.stuck_looks = 0;
        return false;
    }
    unsigned looks = ++monitor.stuck_looks;
    if (monitor.deadlock == DEADLOCK_ALWAYS) {
        return true;
    }
    bool counts = (looks & (looks - 1)) == 0 || looks % COUNT_EACH == 0;
    return counts && !outside_threads();
}

void report_deadlock(void)
{
    struct sched_counters counters = {0};
    runtime.sched->counters(&counters);
    fflush(stdout); /* what was printed before comes before */
    if (counters.spawns == counters.exits) {
        dprintf(STDERR_FILENO, "fatal error: no tasks are left (main called weft_exit): deadlock\n");
    } else {
        dprintf(STDERR_FILENO, "fatal error: all tasks are asleep: deadlock\n\n");
        dump_tasks(STDERR_FILENO);
    }
    _exit(2);
}

/* --- SIGQUIT ---------------------------------------------------------------------------------------- */

static void wake_monitor(void)
{
    add_release(&monitor.wake, 1u); /* -> the acquire in watch_over */
    futex_wake(&monitor.wake, 1);
}

/* Not checked for races: it runs on a thread, whose errno it keeps, in the middle of a task that is another thread to
 * the sanitizer. */
no_race_check static void on_quit(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    add_relaxed(&monitor.quits, 1u); /* wake_monitor publishes it */
    wake_monitor();
    errno = saved;
}

static void answer_quit(weft_ns now)
{
    unsigned quits = load_relaxed(&monitor.quits);
    if (quits == monitor.quits_seen) {
        return;
    }
    bool twice = quits - monitor.quits_seen > 1 || (monitor.quit_last != 0 && now - monitor.quit_last < quit_ns);
    monitor.quits_seen = quits;
    monitor.quit_last = now;
    dprintf(STDERR_FILENO, "SIGQUIT: tasks of process %d\n", (int)getpid());
    dump_tasks(STDERR_FILENO);
    if (twice) {
        _exit(2);
    }
}

void monitor_hurry(void)
{
    if (load_relaxed(&monitor.slow)) { /* hint */
        store_relaxed(&monitor.slow, false);
        wake_monitor();
    }
}

void monitor_look_soon(void)
{
    if (!exchange_seq_cst(&monitor_soon, true)) { /* see core/driver.h, D3 */
        wake_monitor();
    }
}

/* --- the thread ------------------------------------------------------------------------------------- */

/* One look; false: nobody is busy. */
static bool look(weft_ns now)
{
    bool busy = true;
    if (run_hold()) {
        if (runtime.sched->now == NULL) {
            store_relaxed(&runtime.coarse_now, now); /* for reports */
        }
        answer_quit(now);
        busy = runtime.sched->watch != NULL && runtime.sched->watch(now);
        if (busy) {
            monitor.stuck_looks = 0;
        } else if (deadlocked()) {
            report_deadlock();
        }
        stacks_trim_depot();
        run_let_go();
    }
    return busy;
}

/* How soon it is to be done again. */
static weft_ns look_at_calls(void)
{
    weft_ns pause = WEFT_FOREVER;
    if (runtime.sched->look != NULL && run_hold()) {
        pause = runtime.sched->look();
        run_let_go();
    }
    return pause;
}

static void *watch_over(void *unused)
{
    (void)unused;
    weft_ns pause = tick_ns, next = 0;
    prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL,
          0UL); /* 50 us is as long as what it waits for between two looks at calls */
    for (;;) {
        uint32_t seen = load_acquire(&monitor.wake); /* first: who sees the last change sees stop, and does not wait */
        if (load_relaxed(&monitor.stop)) {           /* see above */
            break;
        }
        weft_ns now = clock_now();
        bool hurried = pause > tick_ns && !load_relaxed(&monitor.slow); /* hint */
        if (now >= next || hurried || load_relaxed(&monitor.quits) != monitor.quits_seen) {
            pause = look(now) || hurried ? tick_ns : pause * 2 > tick_ns_max ? tick_ns_max : pause * 2;
            store_relaxed(&monitor.slow, pause > tick_ns); /* hint */
            next = now + pause;
        }
        weft_ns calls = look_at_calls();
        futex_wait(&monitor.wake, seen, calls < next - now ? now + calls : next);
    }
    return NULL;
}

bool monitor_start(void)
{
    const char *text = getenv("WEFT_DEADLOCK");
    monitor.deadlock = text == NULL                  ? DEADLOCK_AUTO
                       : strcmp(text, "always") == 0 ? DEADLOCK_ALWAYS
                       : strcmp(text, "never") == 0  ? DEADLOCK_NEVER
                                                     : DEADLOCK_AUTO;
    count_sanitizer_threads();
    store_relaxed(&monitor.stop, false); /* no thread yet */
    store_relaxed(&monitor.slow, false);
    store_relaxed(&monitor_soon, false);
    monitor.stuck_looks = 0;
    if (helper_create(&monitor.thread, watch_over, NULL) != 0) {
        return false;
    }
    struct sigaction action = {.sa_handler = on_quit, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    monitor.handles_quit = sigaction(SIGQUIT, NULL, &monitor.before) == 0 && monitor.before.sa_handler == SIG_DFL &&
                           sigaction(SIGQUIT, &action, NULL) == 0;
    return true;
}

void monitor_stop(void)
{
    if (monitor.handles_quit) {
        sigaction(SIGQUIT, &monitor.before, NULL);
    }
    store_relaxed(&monitor.stop, true); /* wake_monitor's release publishes it */
    wake_monitor();
    pthread_join(monitor.thread, NULL);
}
