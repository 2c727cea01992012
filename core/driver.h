/* Drivers: the threads that drive the M:N schedulers' workers, and the calls that may block one.
 *
 * Idea: a worker (queue, timers, caches) and the thread that drives it are two things. A task that calls
 * weft_blocking() leaves its stack; its thread says so in a word of its own, runs the function on its own stack, and
 * takes its word back: two atomic operations, and nobody else hears of a short call. The monitor, which looks at the
 * workers each 40 us while there are calls, finds those that last: it puts their workers into a second list of the
 * idle, from which mn_wake_one() takes one when nobody sleeps, and gives it to a spare thread. A thread that comes back
 * to a worker still in that list goes on with it; one that has lost it takes another out of the list, or else makes its
 * task ready as a thread outside does, and is a spare from then on. A function that has lasted once is expected to
 * last: its next caller puts the worker into the list himself, and wakes a thread for what waits; until it returns
 * soon.
 * Source: the Go runtime's entersyscall, exitsyscall, retake and handoffp (runtime/proc.go). Deviations: a retaken
 * worker has nothing of its own left, and counts as one that sleeps; the monitor sleeps while calls that it need not
 * look at are short.
 * State
 *   driver.state   the number of its last call and what the thread does: AT_WORK (it has the worker, or waits for one),
 *                  IN_CALL, LISTED (in a call; its worker is in the list), TAKEN (in a call, without a worker).
 *                  AT_WORK -> IN_CALL -> AT_WORK: by the thread itself. All else under drivers.lock: IN_CALL -> LISTED
 *                  by the monitor, -> TAKEN at the end of the run; AT_WORK -> LISTED -> AT_WORK by the thread, LISTED
 *                  -> TAKEN by who takes the worker; TAKEN -> AT_WORK by who gives the thread another one, or makes it
 *                  a spare.
 *   worker.driver  whom it is driven by; written under drivers.lock
 *   drivers        under its lock, which is also that of the idle lists in struct mn; `spares`, `used`, `barren` are
 *                  read as hints
 *   lasting        functions whose last call lasted: hints, one for each value of a hash, for all runs
 *   Records of threads are never freed, but used again: a hint may be read from one that has changed hands.
 * Invariants
 *   D1  A worker has one owner: its driver while AT_WORK or IN_CALL; the list's lock while LISTED; then whoever is
 *       given it. A thread touches nothing of the run between the store of IN_CALL and the successful CAS back, or
 *       under the lock with IN_CALL or LISTED in its word: a run that ends takes the workers of all that are in calls,
 *       and its memory goes. What lives longer is the record, the lock, and drivers.run, by which a thread that comes
 *       back knows whether its run is still there.
 *   D2  A listed worker owns nothing that anybody waits for: its tasks were put where all find them (policy.leave), it
 *       watches neither timers nor others, its limbo epoch says that it sleeps. Who lists it looks, once it is in the
 *       list, for tasks and for timers that nobody watches, as a worker does that goes to sleep, and whether somebody
 *       looks after those at work (policy.is_watched), and then wakes one. If there is no spare for it, the monitor
 *       makes one: who wakes may hold a lock of any kind.
 *   D3  While a worker is in a call that is not listed, and anything could be waiting for it (a task or a timer, or
 *       others are at work), the monitor looks each 40 us, later up to 320 us. Who enters a call sees the flag
 *       `monitor_soon`, or looks by himself under the lock; who pushes a task from outside, wakes a worker, leaves the
 *       list of the idle, or comes back from a call the slow way, looks for such calls under the same lock. The monitor
 *       takes its flag back, under the lock, before its last look (seq_cst, both: against the entry; the lock: against
 *       a thread that is given the worker between the two). Besides that it lists such calls at its usual pace.
 *   D4  Of the threads of a run one is in no call: a thread enters one only if it has seen a spare since it got its
 *       worker, so that the last of those seen is at work, or a spare. If it sees none, and none can be made, it looks
 *       once more under the lock; then its call waits for a thread that comes back without a worker, or that is made,
 *       and it goes on driving; or if no thread is to come back (none is taken), it blocks its worker. None is in a
 *       call then beside such as block theirs: where one has been seen, a spare or a taken one is left until the end of
 *       the run. So whoever needs a spare for other than a listed worker leaves one, or leaves a taken one in its
 *       stead.
 *       While calls wait there are no spares. A thread that comes back makes one of them first, and leaves its task to
 *       those who drive. It does so as any spare that is woken, with the signals and the policy of that run.
 *   D5  weft_run's caller makes no calls: it could not return from weft_run before they do. The first call on its
 *       worker moves the worker to another thread for good; but not to the last spare, which others may have seen: if
 *       no other is to be had, that makes the call, or it waits (D4).
 * Ordering
 *   E1 IN_CALL store (seq_cst) -> the CAS (acquire) of who lists or takes the worker: what its tasks did there
 *   E2 all hand-overs are under the lock, and `wake` release -> acquire tells the thread
 *   E3 CAS IN_CALL -> AT_WORK relaxed: nobody had the worker in between, as each call has a number of its own
 * Cost: of a short call two switches of contexts, a store and a CAS of a line that is the thread's own; and, while one
 * of several workers makes such calls all the time, the monitor's looks, 5 % of a processor in a virtual machine. The
 * first call that lasts among many short ones holds up what waits behind it for 0.6 ms, later ones for 80 us. */
#ifndef CORE_DRIVER_H
#define CORE_DRIVER_H

#include "context.h"
#include "lock.h"
#include "task.h"

#include <pthread.h>
#include <signal.h>

struct mn_worker;

enum driver_kind { DRIVER_AT_WORK, DRIVER_IN_CALL, DRIVER_LISTED, DRIVER_TAKEN, DRIVER_KINDS };

/* On the calling task's stack. */
struct call {
    task_fn fn;
    void *arg;
    struct task *task;
    struct call *next;
};

struct driver {
    /* written by the thread at each call, read by the monitor */
    _Alignas(CACHE_LINE) _Atomic(uint32_t) state;
    _Atomic(uint32_t) wake;   /* futex word of a spare: 1 once it has been given a worker, or a call that waited */
    struct mn_worker *worker; /* the thread's, or under the lock while it has none */
    struct call *call;        /* to be made next: its thread's, or under the lock while it has no worker */
    task_fn fn;               /* the call that is under way: written before IN_CALL */
    uint64_t run;             /* that it has, or had, a worker of; under the lock */
    struct context loop;      /* the thread's own stack */
    struct driver *next;      /* of the spares, or of the unused; under the lock */
    bool is_spare;            /* under the lock */
    bool forked;              /* this is the child of a fork in its call */
    pthread_t thread;
    char *signal_stack;
};

extern struct drivers {
    _Alignas(CACHE_LINE) struct lock lock;
    struct driver *first_spare;
    struct driver *unused;       /* records without a thread */
    struct driver *caller;       /* weft_run's */
    unsigned threads;            /* the caller left out */
    unsigned out;                /* calls of this run that are listed, taken, or wait for a thread */
    unsigned taken;              /* of these: taken */
    struct call *waiting, *last; /* calls that wait for a thread, D4 */
    uint64_t run;                /* counts the runs */
    sigset_t signals;            /* the mask of weft_run's caller, for those who drive */
    /* looked at by every call */
    _Alignas(CACHE_LINE) _Atomic(unsigned) spares; /* written under the lock */
    _Atomic(bool) used;                            /* there was a call in this run; written under the lock */
    _Atomic(bool) barren;                          /* no thread was to be had of late: the monitor tries again */
    _Atomic(unsigned) lacking;                     /* see drivers_lack() */
    _Atomic(uint32_t)
        over; /* futex word: 1 once the main task has returned; the caller may wait for it without a worker */
} drivers;

/* Around a run, on its caller's thread. False: no memory. */
bool drivers_begin(void);
/* Gives each of the first `count` workers a driver, the caller to the first; returns how many have one then. */
unsigned drivers_start(unsigned count);
/* Behind mn_stop(): returns when no thread has one of the `count` workers any more; waits for all but those in calls.
 * */
void drivers_join(unsigned count);
/* True if calls are still out, whose tasks' stacks must be left alone; gives them a moment to come back. */
bool drivers_end(void);
/* In the child of a fork: the other threads are gone. */
void drivers_forked(void);

/* The call driver->call. False: the thread has no worker any more. *task: who goes on, NULL: nobody in particular. */
bool driver_call(struct driver *driver, struct task **task);
/* The same, of a thread that was given a call instead of a worker, D4. */
bool driver_call_waiting(struct driver *driver, struct task **task);
/* Under the lock: takes a worker out of the list, and gives it to a spare thread, which must then be woken; NULL: one
 * of the two is missing. */
struct driver *driver_give_listed(void);
void driver_wake(struct driver *driver);
/* There was no spare for a worker in the list: the monitor makes one. From anywhere, as the caller may hold a lock of
 * whatever kind. */
void drivers_lack(void);
/* The monitor's, at each tick: are threads to be had again? */
void drivers_retry(void);
/* Under the lock: is a call under way that the monitor ought to look at, and does not? Then monitor_look_soon(),
 * without the lock. */
bool drivers_missed(void);
/* Is the worker in a call that is not listed? A hint. */
bool driver_in_call(const struct mn_worker *worker);
/* Makes the worker this driver's: under the lock, or while there is no other thread. */
void driver_bind(struct driver *driver, struct mn_worker *worker);
/* The monitor's look at the calls (sched_ops.look). */
weft_ns drivers_look(void);

#endif
