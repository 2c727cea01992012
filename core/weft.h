/* Weft: goroutines, channels and select for C.
 *
 * The one public header. A program starts a scheduler with weft_run(), spawns tasks with weft_go() and lets
 * them talk over channels. Which scheduler and which channel implementation serve it is an option, an
 * environment variable, or the default: the semantics are the same, the cost is not.
 *
 * Unless a function says otherwise it may be called by tasks only, never by a signal handler, and allocates
 * nothing. "Parks" means: the calling task may stop while its worker thread runs other tasks. Misuse that Go
 * calls a panic (a null channel closed, for one), and a call by a thread that is no task of a function that is for
 * tasks only, prints a message that says what and which task, and ends the process with status 2. A task may go on on
 * another thread after a call that parks: errno and other thread-local values do not come along.
 *
 * Deadlock: when every task waits and no timer, blocking call or thread outside can wake one, the process prints "all
 * tasks are asleep" and the list of tasks, and ends with status 2. Any thread that Weft did not make might call
 * weft_go(), so while there is one nothing is reported, unless $WEFT_DEADLOCK is "always"; "never" switches the report
 * off.
 *
 * Signals: a handler may run on any worker, on the stack of whatever task runs there, and must not call Weft. Weft
 * handles SIGSEGV during a run to name a task that overflows its stack, and passes on other faults; SIGQUIT if the
 * program does not (weft_dump_tasks).
 *
 * Environment: $WEFT_SCHED, $WEFT_CHAN, $WEFT_WORKERS, $WEFT_SEED (see weft_options); $WEFT_DEADLOCK (above);
 * $WEFT_HOG_MS=N has the monitor say which task keeps a worker for more than N ms; $WEFT_SIM (the scheduler `sim`).
 *
 * Fork: the child of a process in which a run is going on has the forking thread only, and the run is over for it: it
 * may exec or _exit; functions for tasks panic, weft_go and weft_run return WEFT_INVALID. Forks while no run is going
 * on are free. */
#ifndef WEFT_H
#define WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t weft_ns; /* nanoseconds: durations, and instants of the monotonic clock of weft_now() */

enum weft_status {
    WEFT_OK = 0,
    WEFT_CLOSED,   /* the channel is closed (and, for a receive, drained) */
    WEFT_AGAIN,    /* would have to wait */
    WEFT_TIMEOUT,  /* the deadline passed first */
    WEFT_CANCELED, /* the context was cancelled first */
    WEFT_NOMEM,    /* no memory, or no thread, was to be had; nothing happened */
    WEFT_INVALID,  /* an argument is out of range; nothing happened */
};

/* A static string: "OK", "CLOSED", ...; "UNKNOWN" for any other number. Any thread. */
const char *weft_status_name(enum weft_status status);

/* --- run -------------------------------------------------------------------------------------------- */

struct weft_options {
    const char *sched; /* scheduler variant; NULL: $WEFT_SCHED, else the default */
    const char *chan;  /* channel variant of weft_chan_new; NULL: $WEFT_CHAN, else the default */
    unsigned workers;  /* 0: $WEFT_WORKERS, else the processors this process may use; at most 1024 */
    size_t stack_size; /* bytes of address space a task's stack may grow to; 0: 1.25 MiB. Rounded up to pages */
    uint64_t seed;     /* of every random choice; 0: $WEFT_SEED, else from the clock */
};

/* Starts a scheduler, runs main_fn(arg) as its main task on a task's stack, and returns when that returns:
 * tasks still alive are abandoned, as in Go; a task that never reaches a scheduling point (an endless loop)
 * holds the return up. An abandoned task's stack is gone: channels on which it waited may be freed but not
 * used again. May be called again, by any thread that is not a task, one run at a time.
 * NULL options: all defaults. Returns WEFT_INVALID (an unknown variant, a number out of range, a shadow stack on which
 * tasks can't be switched, each named on stderr; a run already going on), WEFT_NOMEM, or WEFT_OK. */
enum weft_status weft_run(const struct weft_options *options, void (*main_fn)(void *), void *arg);

/* --- tasks ------------------------------------------------------------------------------------------ */

/* Makes a task that runs fn(arg). Allocates a descriptor; a stack is bound when the task first runs. Does
 * not park. Any thread, during a run: a thread that is no task takes a lock. WEFT_OK, WEFT_NOMEM, or WEFT_INVALID (fn
 * is NULL, or no run is going on). */
enum weft_status weft_go(void (*fn)(void *), void *arg);

/* The same with a name for reports; the string is not copied and must outlive the task. */
enum weft_status weft_go_named(const char *name, void (*fn)(void *), void *arg);

/* Lets every other runnable task of this worker go first. Parks. */
void weft_yield(void);

/* Cheap (one load), for long loops that compute: lets the other tasks of this worker go first if the monitor has seen
 * the caller keep the worker for more than some 10 ms. Channel operations, selects and locks do the same on their way
 * in. */
void weft_poll(void);

/* Ends the calling task, from any depth of calls, as Go's Goexit: the deferred calls of all its frames run first, and
 * can't recover it. In the main task it ends the task, not the run: the others go on, and when the last of them has
 * ended the run is a deadlock. */
void weft_exit(void) __attribute__((noreturn));

/* Runs fn(arg), which may block its thread (a system call, a lock of another library), while the other tasks go on;
 * parks until it has returned. fn runs on a thread's stack (on the scheduler `thread`: on the task's own), on the
 * caller's thread or another, and must not call functions that are for tasks only. A short call costs little: on
 * `steal` and `global` its thread goes on with the task. A signal's handler may run there, so that system calls may say
 * EINTR. A call that is still out when the run ends (on these two: some 5 ms behind its end) is left behind: its
 * arguments and the task's stack stay valid, and until it returns, its thread has the signal mask that weft_run's
 * caller had, so that signals may be handled there. No thread to be had: waits for one of the calls that are out, or,
 * if there is none, blocks the worker. */
void weft_blocking(void (*fn)(void *), void *arg);

/* Parks for at least this long; zero or less yields. */
void weft_sleep(weft_ns duration);

/* The monotonic clock, in nanoseconds since an arbitrary start. Any thread. */
weft_ns weft_now(void);

/* The number of workers of the run the caller belongs to; 0 outside of a run. */
unsigned weft_workers(void);

/* Tasks alive, the main task included; a snapshot that may be stale at once. Any thread; 0 outside a run. */
size_t weft_task_count(void);

/* Writes one line for each live task to the file descriptor: number, name, entry function, state, what it waits for and
 * since when. Any thread, at any time of a run (a snapshot: it stops nobody); takes a lock that spawning a batch of
 * descriptors takes. SIGQUIT does the same to stderr, unless the program has a handler of its own. */
void weft_dump_tasks(int fd);

/* For the end of a test: gives tasks other than the caller up to `patience` to end, then writes a line for each that is
 * still alive to fd (-1: nowhere) and returns how many there are. Parks. */
size_t weft_check_leaks(int fd, weft_ns patience);

/* --- channels --------------------------------------------------------------------------------------- */

struct weft_chan;
#define WEFT_UNBOUNDED SIZE_MAX

/* A channel for elements of elem_size bytes (0 is allowed), holding `capacity` of them; capacity 0 is a
 * rendezvous. The variant is that of the run's options ($WEFT_CHAN, else the default, outside of a run). Any
 * thread. Allocates the channel and its buffer at once. NULL: no memory, or the variant does not serve this
 * capacity or element size (its flags say which). */
struct weft_chan *weft_chan_new(size_t elem_size, size_t capacity);

/* The same with a variant by name; NULL also for an unknown one. */
struct weft_chan *weft_chan_new_as(const char *variant, size_t elem_size, size_t capacity);

/* Frees a channel on which no task waits (a panic, during a run) or will call, closed or not, drained or not. Whoever
 * has received the last value, or seen WEFT_CLOSED, may do so at once: what another task's send or close has still to
 * look at on its way out is kept until it is through. Any thread. NULL is allowed. */
void weft_chan_free(struct weft_chan *chan);

/* Sends a copy of the elem_size bytes at value. Parks while the channel is full, or, on a rendezvous, until
 * a receiver took it. WEFT_OK, or WEFT_CLOSED: nothing was sent. A null channel parks for ever. */
enum weft_status weft_send(struct weft_chan *chan, const void *value);

/* Receives into value (NULL discards). Parks while the channel is empty. WEFT_OK, or WEFT_CLOSED: closed and
 * drained, value is zeroed. A null channel parks for ever. */
enum weft_status weft_recv(struct weft_chan *chan, void *value);

/* The same without parking: also WEFT_AGAIN. */
enum weft_status weft_try_send(struct weft_chan *chan, const void *value);
enum weft_status weft_try_recv(struct weft_chan *chan, void *value);

/* The same with an instant of weft_now() after which they give up: also WEFT_TIMEOUT. An operation that can
 * be done at once is done, even if the deadline has passed. */
enum weft_status weft_send_until(struct weft_chan *chan, const void *value, weft_ns deadline);
enum weft_status weft_recv_until(struct weft_chan *chan, void *value, weft_ns deadline);

/* Closes: senders fail from now on, receivers drain what is in it and then see WEFT_CLOSED; all that wait are
 * woken. WEFT_OK, or WEFT_CLOSED if it was closed before. A null channel is a panic. Does not park. */
enum weft_status weft_close(struct weft_chan *chan);

/* Elements in the buffer now (a snapshot), and how many it holds. 0 for a null channel. Any thread. */
size_t weft_chan_len(const struct weft_chan *chan);
size_t weft_chan_cap(const struct weft_chan *chan);

/* --- select ----------------------------------------------------------------------------------------- */

enum weft_op { WEFT_RECV, WEFT_SEND };

struct weft_case {
    struct weft_chan *chan; /* NULL: never ready */
    enum weft_op op;
    void *value;             /* read by a send, written by a receive; NULL discards */
    enum weft_status status; /* out, of the chosen case: OK or CLOSED */
};

/* Waits until one of the cases can be done, does it, and returns its index; among several that are ready
 * each that is ready when it is called is chosen with the same probability. Parks (for ever when no case has a
 * channel). Channels of different variants may be mixed. Allocates only for more than 16 cases; no memory then is a
 * panic. */
int weft_select(struct weft_case *cases, size_t count);

/* The same without parking: -1, Go's default, when no case is ready. */
int weft_try_select(struct weft_case *cases, size_t count);

/* The same with a deadline on the clock of weft_now(): -1 when it passed first. */
int weft_select_until(struct weft_case *cases, size_t count, weft_ns deadline);

/* --- cancellation ----------------------------------------------------------------------------------- */

struct weft_ctx;

/* The same as weft_send, weft_recv, weft_select and weft_sleep, given up when the context is done first: also
 * WEFT_CANCELED or WEFT_TIMEOUT, as weft_ctx_err() says (select: -1; ask the context). What can be done at once is
 * done, even if the context is done already. NULL: never cancelled. */
enum weft_status weft_send_ctx(struct weft_ctx *ctx, struct weft_chan *chan, const void *value);
enum weft_status weft_recv_ctx(struct weft_ctx *ctx, struct weft_chan *chan, void *value);
int weft_select_ctx(struct weft_ctx *ctx, struct weft_case *cases, size_t count);
enum weft_status weft_sleep_ctx(struct weft_ctx *ctx, weft_ns duration); /* OK: slept to the end */

/* --- time ------------------------------------------------------------------------------------------- */

/* Timers behave as Go's since 1.23: the channel of a timer holds nothing back once stop or reset has returned. They
 * belong to the run in which they were made. The functions are for tasks; several may use one timer. */
struct weft_timer;

/* Fires once, `delay` from now (at once if it is not positive): the instant of firing can be received from
 * weft_timer_chan(). NULL: no memory. */
struct weft_timer *weft_timer_new(weft_ns delay);

/* Fires every `period` > 0, first after one; drops ticks for a slow receiver. NULL: no memory, or a period that is not
 * positive. */
struct weft_timer *weft_ticker_new(weft_ns period);

/* Runs fn(arg) in a task of its own, once, `delay` from now. It has no channel. NULL: no memory. */
struct weft_timer *weft_timer_func(weft_ns delay, void (*fn)(void *), void *arg);

/* Its channel, of weft_ns; NULL for weft_timer_func. Owned by the timer. len and cap are 0, as in Go; only receives are
 * for the user: a send or a close is a panic. */
struct weft_chan *weft_timer_chan(struct weft_timer *timer);

/* True: it was armed, or had fired and nobody had received it; it will not be received any more. */
bool weft_timer_stop(struct weft_timer *timer);

/* Stops it and arms it anew: a ticker with a new period (which must be positive, else a panic). Returns what stop
 * would. */
bool weft_timer_reset(struct weft_timer *timer, weft_ns delay);

/* Stops and frees it. A task of weft_timer_func that has begun goes on. NULL is allowed. */
void weft_timer_free(struct weft_timer *timer);

/* The channel of a timer of its own; weft_chan_free(), by a task, frees both, fired or not. NULL: no memory. */
struct weft_chan *weft_after(weft_ns delay);

/* --- context ---------------------------------------------------------------------------------------- */

/* Contexts are counted: free each one that you made, cancelled or not, in any order; a context lives while its children
 * need it. All functions may be called by several tasks at once; those that make a context return NULL
 * when there is no memory. */
struct weft_ctx *weft_ctx_background(void); /* static: need not be freed, never done */
struct weft_ctx *weft_ctx_with_cancel(struct weft_ctx *parent);
struct weft_ctx *weft_ctx_with_deadline(struct weft_ctx *parent, weft_ns deadline); /* on the clock of weft_now() */
struct weft_ctx *weft_ctx_with_timeout(struct weft_ctx *parent, weft_ns timeout);
/* Keys are compared by address. */
struct weft_ctx *weft_ctx_with_value(struct weft_ctx *parent, const void *key, void *value);
/* Has the values of its parent, and is not done when that is. */
struct weft_ctx *weft_ctx_without_cancel(struct weft_ctx *parent);

/* Cancels the context and all that descend from it, before it returns; the first in time, a deadline included, sets err
 * and cause. `cause` is copied; NULL: "context canceled". A context made by with_value or without_cancel, or the
 * background, is a panic. */
void weft_ctx_cancel(struct weft_ctx *ctx, const char *cause);

/* A channel that is closed when the context is done; NULL if it can't be cancelled. Owned by the context; only receives
 * are for the user. */
struct weft_chan *weft_ctx_done(struct weft_ctx *ctx);
enum weft_status weft_ctx_err(struct weft_ctx *ctx); /* OK, CANCELED, TIMEOUT; not OK implies that done is closed */
const char *weft_ctx_cause(struct weft_ctx *ctx);    /* NULL while err is OK; valid as long as the context */
void *weft_ctx_value(struct weft_ctx *ctx, const void *key); /* of the nearest ancestor that has it; NULL: none has */
bool weft_ctx_deadline(struct weft_ctx *ctx, weft_ns *deadline); /* false: none */

/* Runs fn(arg) in a task of its own once the context is done (at once if it is). stop returns true if that keeps fn
 * from being run; it may be called any number of times until the context is freed, which frees the hook too. NULL: no
 * memory. */
struct weft_ctx_hook;
struct weft_ctx_hook *weft_ctx_after_func(struct weft_ctx *ctx, void (*fn)(void *), void *arg);
bool weft_ctx_hook_stop(struct weft_ctx_hook *hook);

void weft_ctx_free(struct weft_ctx *ctx); /* NULL is allowed */

/* --- panic, defer, recover -------------------------------------------------------------------------- */

/* Runs fn(arg) as a function of Go's: a frame on which weft_defer() registers calls, which run when fn returns, panics
 * or exits, the last registered first. Returns true; false: a panic was recovered in it. A task's own function is such
 * a frame too, and so is each deferred call. A frame that is left by a panic is left by longjmp: automatic variables of
 * the caller that it changed through pointers are kept, registers are not restored by hand. */
bool weft_call(void (*fn)(void *), void *arg);

/* Registers fn(arg) on the innermost frame of the calling task; both are fixed now. It runs when the frame's function
 * has returned, so arg must not point to a variable of that function's own: use one of whoever calls weft_call().
 * Allocates for more than a few on one frame; no memory is a panic. */
void weft_defer(void (*fn)(void *), void *arg);

/* Runs the deferred calls of the task's frames, innermost first. If one of them recovers, the frame that it was
 * deferred on returns false from its weft_call(), once its other deferred calls have run. If none does: prints the
 * chain of panics, the task's name and its stack to stderr and ends the process with status 2. Outside of any task it
 * does the latter at once. The message is cut at 511 bytes. */
void weft_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Directly in a call deferred by a frame that panics (not in a weft_call() made there): stops that panic and returns
 * its message, valid until the task ends or recovers again. Anywhere else, and the second time, NULL: any thread. While
 * no task panics that is one load. */
const char *weft_recover(void);
const char *weft_recover_slow(void); /* weft_recover's alone, like the next */
extern uint32_t weft_panics_in_progress;

/* What is inlined of it; a function of that name exists too. */
extern inline __attribute__((gnu_inline)) const char *weft_recover(void)
{
    return __builtin_expect(__atomic_load_n(&weft_panics_in_progress, __ATOMIC_RELAXED) != 0, 0) ? weft_recover_slow()
                                                                                                 : NULL;
}

/* --- sync: zero-initialised is ready to use ---------------------------------------------------------- */

/* Not bound to a task: any task may unlock. Waiters are served first come, first served, but a running task may
 * overtake them; one that has waited for 1 ms is handed the mutex. Unlock of an unlocked mutex is a panic. A mutex may
 * be freed by the task that holds it last, as soon as it has unlocked it. The same holds for the other objects here.
 * lock parks. */
struct weft_mutex {
    uint32_t state, lock; /* Weft's own */
    void *waiters;
};
enum { WEFT_MUTEX_LOCKED = 1, WEFT_HURRIED = sizeof(void *) };
void weft_lock(struct weft_mutex *mutex);
bool weft_try_lock(struct weft_mutex *mutex);
void weft_unlock(struct weft_mutex *mutex);
void weft_lock_slow(struct weft_mutex *mutex);                   /* weft_lock's alone */
void weft_unlock_slow(struct weft_mutex *mutex, uint32_t state); /* weft_unlock's alone: what it found */

/* What is inlined of them, for tasks that find nobody else there; functions of these names exist too. */
#if defined(__x86_64__)
extern bool weft_alone; /* this run has one worker: its tasks need no atomic operations among themselves */

/* The calling thread's: is its task to let others go first (weft_poll)? NULL: it runs no tasks. Read anew each time, as
 * tasks migrate. */
extern inline __attribute__((gnu_inline, always_inline)) const unsigned char *weft_hurried(void)
{
    const unsigned char *hurried;
    __asm__ volatile("movq weft_worker_tls@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0" : "=r"(hurried));
    return hurried;
}

extern inline __attribute__((gnu_inline)) void weft_lock(struct weft_mutex *mutex)
{
    const unsigned char *hurried = weft_hurried();
    if (__builtin_expect(hurried != NULL && __atomic_load_n(hurried + WEFT_HURRIED, __ATOMIC_RELAXED) == 0, 1)) {
        uint32_t state = 0;
        if (__builtin_expect(!weft_alone, 1)) {
            if (__builtin_expect(__atomic_compare_exchange_n(&mutex->state, &state, WEFT_MUTEX_LOCKED, false,
                                                             __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
                                 1)) {
                return;
            }
        } else if (__builtin_expect(mutex->state == 0, 1)) {
            mutex->state = WEFT_MUTEX_LOCKED;
            return;
        }
    }
    weft_lock_slow(mutex);
}

extern inline __attribute__((gnu_inline)) void weft_unlock(struct weft_mutex *mutex)
{
    uint32_t state;
    if (__builtin_expect(!weft_alone, 1)) {
        state = __atomic_fetch_sub(&mutex->state, WEFT_MUTEX_LOCKED, __ATOMIC_RELEASE);
    } else {
        state = mutex->state;
        mutex->state = state - WEFT_MUTEX_LOCKED;
    }
    if (__builtin_expect(state == WEFT_MUTEX_LOCKED && weft_hurried() != NULL, 1)) {
        return;
    }
    weft_unlock_slow(mutex, state);
}
#endif

/* Many readers or one writer. A writer that waits for readers keeps new ones out, and has the lock when they have left.
 * When a writer unlocks, the readers that wait go before the next waiting writer; but a running task may overtake them
 * all, until one has waited for 1 ms: it is handed the lock. Not for recursive reading. runlock and wunlock of what is
 * not locked so are panics. */
struct weft_rwmutex {
    uint64_t opaque[6];
};
void weft_rlock(struct weft_rwmutex *mutex);
bool weft_try_rlock(struct weft_rwmutex *mutex);
void weft_runlock(struct weft_rwmutex *mutex);
void weft_wlock(struct weft_rwmutex *mutex);
bool weft_try_wlock(struct weft_rwmutex *mutex);
void weft_wunlock(struct weft_rwmutex *mutex);

/* wait unlocks the mutex, parks until a signal that comes later, and locks it again; it never returns for another
 * reason.
 * Signals go first come, first served. */
struct weft_cond {
    uint64_t opaque[3];
};
void weft_cond_wait(struct weft_cond *cond, struct weft_mutex *mutex);
void weft_cond_signal(struct weft_cond *cond);
void weft_cond_broadcast(struct weft_cond *cond);

/* A negative counter is a panic. A group that has been waited for may be used again once all its waits have returned.
 * go is add(1), a task that runs fn(arg), and done when it ends, by a panic that is recovered or weft_exit too;
 * WEFT_NOMEM: nothing happened. */
struct weft_waitgroup {
    uint64_t opaque[3];
};
void weft_wg_add(struct weft_waitgroup *group, int64_t delta);
void weft_wg_done(struct weft_waitgroup *group);
void weft_wg_wait(struct weft_waitgroup *group);
enum weft_status weft_wg_go(struct weft_waitgroup *group, void (*fn)(void *), void *arg);

/* The first call runs fn(arg), all others return when that has returned. A panic or exit of fn counts as its return. A
 * call behind that is one load: any thread may make it, and it is no chance for others to go first (weft_poll). */
struct weft_once {
    uint32_t state, lock; /* Weft's own */
    void *waiters;
};
enum { WEFT_ONCE_DONE = 2 };
void weft_once_do(struct weft_once *once, void (*fn)(void *), void *arg);
void weft_once_do_slow(struct weft_once *once, void (*fn)(void *), void *arg); /* weft_once_do's alone */

/* What is inlined of it; a function of that name exists too. */
extern inline __attribute__((gnu_inline)) void weft_once_do(struct weft_once *once, void (*fn)(void *), void *arg)
{
    if (__builtin_expect(__atomic_load_n(&once->state, __ATOMIC_ACQUIRE) != WEFT_ONCE_DONE, 0)) {
        weft_once_do_slow(once, fn, arg);
    }
}

/* A weighted semaphore, first come, first served: a large request is not overtaken by small ones behind it. acquire:
 * OK, or, when the context (or NULL) is done first, CANCELED or TIMEOUT: nothing was acquired. What is there at once is
 * acquired even then.
 * More than 2^63 - 1 permits are a panic. */
struct weft_sem {
    uint64_t opaque[4];
};
void weft_sem_init(struct weft_sem *sem, uint64_t permits);
enum weft_status weft_sem_acquire(struct weft_sem *sem, uint64_t count, struct weft_ctx *ctx);
bool weft_sem_try_acquire(struct weft_sem *sem, uint64_t count);
void weft_sem_release(struct weft_sem *sem, uint64_t count);

/* --- groups and pools ------------------------------------------------------------------------------- */

/* Tasks that belong together: the first result that is not 0 cancels the context of all, and is what wait returns. */
struct weft_group;
struct weft_group *weft_group_new(struct weft_ctx *parent,
                                  unsigned limit);         /* limit: of tasks at once; 0: none. NULL: no memory */
struct weft_ctx *weft_group_ctx(struct weft_group *group); /* the group's: not to be freed */
/* Parks while the limit is reached. OK or NOMEM. */
enum weft_status weft_group_go(struct weft_group *group, int (*fn)(struct weft_ctx *, void *), void *arg);
bool weft_group_try_go(struct weft_group *group, int (*fn)(struct weft_ctx *, void *),
                       void *arg);              /* false: at the limit */
int weft_group_wait(struct weft_group *group);  /* for all; then cancels the context */
void weft_group_free(struct weft_group *group); /* waits first */

/* `workers` tasks that run jobs from a queue of `queue` places (at least 1). A job that panics does not end its worker:
 * the panic is reported to stderr, or to the handler, and counted. */
struct weft_pool;
struct weft_pool *weft_pool_new(unsigned workers, size_t queue); /* NULL: no memory, or no workers */
/* OK; CLOSED after shutdown. Parks while the queue is full. */
enum weft_status weft_pool_submit(struct weft_pool *pool, void (*job)(void *), void *arg);
enum weft_status weft_pool_try_submit(struct weft_pool *pool, void (*job)(void *), void *arg); /* also AGAIN */
void weft_pool_on_panic(struct weft_pool *pool, void (*handler)(void *arg, const char *message), void *arg);
size_t weft_pool_panics(struct weft_pool *pool);
void weft_pool_drain(struct weft_pool *pool); /* until all submitted so far are done */
/* Takes no more jobs, drops those that wait in the queue, waits for those that run; returns how many were dropped. */
size_t weft_pool_shutdown(struct weft_pool *pool);
void weft_pool_free(struct weft_pool *pool); /* drains first, unless it was shut down */

/* Jobs with results, run by a pool: received in the order of submission, or as they come. One stream may be used by
 * several tasks. `window` > 0: how many results may be under way or unread before submit parks. */
enum weft_order { WEFT_UNORDERED, WEFT_ORDERED };
struct weft_result {
    void *value;    /* what the job returned; NULL if it panicked or was dropped by a shutdown */
    uint64_t index; /* of its submission, from 0 */
    bool panicked;
    bool dropped;
    char message[128]; /* of the panic, cut */
};
struct weft_results;
struct weft_results *weft_results_new(struct weft_pool *pool, enum weft_order order, size_t window);
enum weft_status weft_results_submit(struct weft_results *results, void *(*job)(void *),
                                     void *arg);       /* OK, CLOSED, NOMEM */
void weft_results_close(struct weft_results *results); /* no more submissions */
/* Parks for the next. CLOSED: closed, and all have been received. */
enum weft_status weft_results_next(struct weft_results *results, struct weft_result *result);
void weft_results_free(struct weft_results *results); /* waits for jobs under way; before the pool is freed */

#ifdef __cplusplus
}
#endif
#endif
