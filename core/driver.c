#include "driver.h"

#include "futex.h"
#include "helper.h"
#include "mn.h"
#include "monitor.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

no_race_check_below;

enum {
    CALLS_MAX = 1024,
    STATE_KIND = DRIVER_KINDS - 1, /* of the word; above it the number of the call */
    STATE_STEP = DRIVER_KINDS,
    CALLS_PER_TIMER_CHECK = 64,
    LASTING_BITS = 6,
};
#ifndef DRIVER_LOOKS    /* a litmus client has fewer */
#define DRIVER_LOOKS 16 /* at one pace */
#endif
#ifndef DRIVER_MOMENTS
#define DRIVER_MOMENTS 8 /* that the end of a run gives calls to come back, each as long as all before: 5 ms */
#endif
static const long moment_ns = 20000;
static const weft_ns idle_ns = 10000000000; /* ten seconds */
static const weft_ns look_first_ns = 40000;
static const weft_ns look_last_ns = 320000;
static const weft_ns short_ns = 20000;

struct drivers drivers;

static _Thread_local struct driver *driver_self; /* for drivers_forked() */
static struct driver
    *outer_self; /* of the thread that runs now: it may be in a call that an older run has left behind */

static force_inline uint32_t with_kind(uint32_t state, enum driver_kind kind)
{
    return (state & ~(uint32_t)STATE_KIND) | kind;
}

static force_inline enum driver_kind kind_of(uint32_t state)
{
    return state & STATE_KIND;
}

/* --- threads ---------------------------------------------------------------------------------------- */

static void *driver_main(void *arg);

static struct driver *record_new(void)
{
    struct driver *driver = aligned_alloc(CACHE_LINE, sizeof *driver);
    if (driver == NULL) {
        return NULL;
    }
    memset(driver, 0, sizeof *driver);
    driver->signal_stack = malloc(SIGNAL_STACK_SIZE);
    if (driver->signal_stack == NULL) {
        free(driver);
        return NULL;
    }
    return driver;
}

/* Under the lock. */
static void record_put(struct driver *driver)
{
    driver->next = drivers.unused;
    drivers.unused = driver;
}

/* A thread that waits to be given a worker, and is in no list yet; NULL: none is to be had. */
static struct driver *driver_new(void)
{
    lock_acquire(&drivers.lock);
    bool room = drivers.threads < CALLS_MAX + 2 * mn.count;
    struct driver *driver = room ? drivers.unused : NULL;
    if (driver != NULL) {
        drivers.unused = driver->next;
    }
    drivers.threads += room ? 1 : 0;
    lock_release(&drivers.lock);
    if (!room) {
        return NULL;
    }
    driver = driver != NULL ? driver : record_new();
    if (driver != NULL) {
        driver->worker = NULL;
        driver->call = NULL;
        driver->is_spare = driver->forked = false;
        store_relaxed(&driver->wake, 0u); /* no thread yet, or the lock orders it */
        store_relaxed(&driver->state, with_kind(load_relaxed(&driver->state), DRIVER_AT_WORK));
        if (helper_create(&driver->thread, driver_main, driver) == 0) {
            return driver;
        }
    }
    lock_acquire(&drivers.lock);
    drivers.threads--;
    if (driver != NULL) {
        record_put(driver);
    }
    lock_release(&drivers.lock);
    return NULL;
}

/* Under the lock: the thread has no worker, and waits for one, or is about to. True: it makes a call that waits for a
 * thread (D4), and must be woken; else it is a spare. */
static bool spare_put(struct driver *driver)
{
    struct call *call = drivers.waiting;
    driver->worker = NULL;
    if (call == NULL || load_relaxed(&mn.stop)) {
        driver->is_spare = true;
        driver->next = drivers.first_spare;
        drivers.first_spare = driver;
        store_relaxed(&drivers.spares, load_relaxed(&drivers.spares) + 1);
        return false;
    }
    drivers.waiting = call->next;
    drivers.taken++;
    driver->call = call;
    driver->run = drivers.run;
    store_relaxed(&driver->state, with_kind(load_relaxed(&driver->state), DRIVER_TAKEN)); /* under the lock */
    store_release(&driver->wake, 1u);                                                     /* E2 */
    return true;
}

/* Under the lock. */
static struct driver *spare_take(void)
{
    struct driver *driver = drivers.first_spare;
    if (driver != NULL) {
        drivers.first_spare = driver->next;
        driver->is_spare = false;
        store_relaxed(&drivers.spares, load_relaxed(&drivers.spares) - 1);
    }
    return driver;
}

/* One more spare thread, or one for a call that waits; false: none is to be had. */
static bool driver_add(void)
{
    struct driver *driver = driver_new();
    store_relaxed(&drivers.barren, driver == NULL); /* hint */
    if (driver == NULL) {
        return false;
    }
    lock_acquire(&drivers.lock);
    bool calls = spare_put(driver);
    lock_release(&drivers.lock);
    if (calls) {
        driver_wake(driver);
    }
    return true;
}

/* D4. False: there is no spare, and none can be made. */
static force_inline bool see_spare(void)
{
    while (unlikely(load_relaxed(&drivers.spares) == 0)) {
        if (!driver_add()) { /* else it is a spare, or makes a call that waited */
            return false;
        }
    }
    return true;
}

void drivers_lack(void)
{
    if (!load_relaxed(&drivers.barren)) {  /* hint */
        add_seq_cst(&drivers.lacking, 1u); /* before the flag, against the monitor's last look, as D3 */
        monitor_look_soon();
    }
}

/* The monitor's: for each worker that was wanted, as long as any is idle. */
static void make_spares(void)
{
    if (load_seq_cst(&drivers.lacking) != 0) { /* seq_cst: see drivers_lack() */
        for (unsigned count = exchange_seq_cst(&drivers.lacking, 0u); count != 0; count--) {
            if (!see_spare() || !mn_wake_one()) {
                break;
            }
        }
    }
}

void drivers_retry(void)
{
    if (load_relaxed(&drivers.barren)) { /* hint */
        store_relaxed(&drivers.barren, false);
        add_seq_cst(&drivers.lacking, 1u);
        make_spares();
    }
}

/* A spare has been idle for long: does it end? The last one stays for as long as a run might want it (D4). */
static bool spare_ends(struct driver *driver)
{
    lock_acquire(&drivers.lock);
    bool ends = driver->is_spare && (load_relaxed(&drivers.spares) > 1 || !load_relaxed(&drivers.used));
    if (ends) {
        struct driver **link = &drivers.first_spare;
        while (*link != driver) {
            link = &(*link)->next;
        }
        *link = driver->next;
        store_relaxed(&drivers.spares, load_relaxed(&drivers.spares) - 1);
    }
    lock_release(&drivers.lock);
    return ends;
}

/* Or for a call. False: after a time without either. */
static bool wait_for_worker(struct driver *driver)
{
    weft_ns deadline = clock_now() + idle_ns;
    while (load_acquire(&driver->wake) == 0) { /* E2 */
        if (futex_wait(&driver->wake, 0, deadline) == FUTEX_TIMED_OUT) {
            if (spare_ends(driver)) {
                return false;
            }
            deadline = clock_now() + idle_ns;
        }
    }
    store_relaxed(&driver->wake, 0u); /* its own until it is a spare again */
    return true;
}

/* Tasks run with the signals of weft_run's caller; idle threads have them blocked, as helper.h says. */
static no_race_check void *driver_main(void *arg)
{
    struct driver *driver = arg;
    struct signal_stack signal_stack;
    sigset_t blocked;
    bool ended = false;
    driver_self = driver;
    signal_stack_install(&signal_stack, driver->signal_stack);
    context_init_thread(&driver->loop);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    while (!ended && wait_for_worker(driver)) {
        lock_acquire(&drivers.lock); /* who makes a call may do so behind its run's end */
        sigset_t signals = drivers.signals;
        lock_release(&drivers.lock);
        pthread_sigmask(SIG_SETMASK, &signals, NULL);
        ended = mn_drive(driver);
        pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    }
    signal_stack_remove(&signal_stack);
    if (!ended) { /* else somebody joins it */
        pthread_detach(pthread_self());
        lock_acquire(&drivers.lock);
        drivers.threads--;
        record_put(driver);
        lock_release(&drivers.lock);
    }
    return NULL;
}

/* --- workers change hands --------------------------------------------------------------------------- */

no_race_check void driver_bind(struct driver *driver, struct mn_worker *worker)
{
    driver->worker = worker;
    driver->run = drivers.run;
    store_relaxed(&driver->state, with_kind(load_relaxed(&driver->state), DRIVER_AT_WORK)); /* under the lock */
    worker->loop = &driver->loop;
    store_release(&worker->driver, driver); /* a record may be new: for who looks without the lock */
}

/* Under the lock, to a thread that waits for a worker. */
static void give(struct driver *driver, struct mn_worker *worker)
{
    driver_bind(driver, worker);
    store_release(&driver->wake, 1u); /* E2 */
}

void driver_wake(struct driver *driver)
{
    futex_wake(&driver->wake, 1);
}

/* Under the lock: out of the list, as one that somebody wakes. */
static void unlist(struct mn_worker *worker)
{
    struct mn_worker **link = &mn.listed_first;
    while (*link != worker) {
        link = &(*link)->idle_next;
    }
    *link = worker->idle_next;
    sub_seq_cst(&mn.idle_count, 1u);
    sub_seq_cst(&mn.asleep, 1u);
}

/* Under the lock: the first of the list, away from its thread, which is in a call. */
static struct mn_worker *take_listed(void)
{
    struct mn_worker *worker = mn.listed_first;
    unlist(worker);
    struct driver *driver = load_relaxed(&worker->driver); /* under the lock */
    store_relaxed(&driver->state, with_kind(load_relaxed(&driver->state), DRIVER_TAKEN));
    drivers.taken++;
    return worker;
}

no_race_check struct driver *driver_give_listed(void)
{
    if (mn.listed_first == NULL || load_relaxed(&mn.stop)) { /* D1: drivers_join() takes them */
        return NULL;
    }
    struct driver *driver = spare_take();
    if (driver != NULL) {
        struct mn_worker *worker = take_listed();
        worker->chosen = true;
        give(driver, worker);
    }
    return driver;
}

/* --- calls ------------------------------------------------------------------------------------------ */

/* Functions whose last call lasted: hints, one for each value of a hash. */
static _Atomic(task_fn) lasting[1 << LASTING_BITS];

static force_inline _Atomic(task_fn) *lasting_of(task_fn fn)
{
    return &lasting[(uint64_t)(uintptr_t)fn * 0x9E3779B97F4A7C15u >> (64 - LASTING_BITS)]; /* Fibonacci hashing */
}

/* Under the lock, by the worker's owner: it is in a call that lasts. True: a task or a timer waits for somebody, or
 * others are at work, and no sleeper looks after them. */
static bool list(struct mn_worker *worker)
{
    if (mn.policy->leave != NULL) {
        mn.policy->leave(worker); /* D2 */
    }
    worker->idle_next = mn.listed_first;
    mn.listed_first = worker;
    drivers.out++;
    add_seq_cst(&mn.asleep, 1u);
    add_seq_cst(&mn.idle_count, 1u); /* then it looks once more: D2 */
    bool watched = mn.policy->is_watched == NULL || load_relaxed(&mn.idle_count) == mn.count || mn.policy->is_watched();
    return !watched || mn.policy->any_work(worker, true) || mn_timer_is_left();
}

bool driver_in_call(const struct mn_worker *worker)
{
    const struct driver *driver = load_acquire(&worker->driver);
    /* relaxed: a hint, but for drivers_missed() */
    return driver != NULL && kind_of(load_relaxed(&driver->state)) == DRIVER_IN_CALL;
}

/* Relaxed: who enters a call, and sees that the monitor does not look, takes the lock in look_around(). If that was
 * before, all that he had written and seen is known here; if it comes later, he sees what this thread has pushed. */
bool drivers_missed(void)
{
    if (!load_relaxed(&drivers.used) || load_relaxed(&monitor_soon)) {
        return false;
    }
    for (unsigned i = 0; i < mn.count; i++) {
        if (driver_in_call(&mn.workers[i])) {
            return true;
        }
    }
    return false;
}

/* D3, on the way into a call that the monitor does not look at: should it? */
static cold_function void look_around(struct driver *driver)
{
    bool needed = false;
    lock_acquire(&drivers.lock);
    if (kind_of(load_relaxed(&driver->state)) == DRIVER_IN_CALL) { /* D1: so its run is there, while the lock is held */
        needed = load_relaxed(&mn.idle_count) + 1 < mn.count || mn.policy->any_work(driver->worker, false) ||
                 mn_timer_is_left();
    }
    lock_release(&drivers.lock);
    if (needed) {
        monitor_look_soon();
    }
}

/* Under the lock, behind a call: true: the thread has a worker again, and its task goes on. Else *sleeper is to be
 * woken, if it is not NULL. */
static bool come_back(struct driver *driver, struct task *task, struct mn_worker **sleeper)
{
    if (kind_of(load_relaxed(&driver->state)) == DRIVER_LISTED) {
        unlist(driver->worker);
        driver_bind(driver, driver->worker);
        drivers.out--;
        return true;
    }
    if (driver->run != drivers.run) { /* D1: left behind */
        return false;
    }
    drivers.taken--;
    drivers.out--;
    if (load_relaxed(&mn.stop)) { /* and the task does not go on */
        return false;
    }
    if (mn.listed_first != NULL && drivers.waiting == NULL) {
        driver_bind(driver, take_listed());
        return true;
    }
    mn.policy->inject(task);
    *sleeper = mn_choose_sleeper(); /* if there is none, there is a thread that drives: D4 */
    return false;
}

/* The worker has been listed, or is gone. False: the thread has none any more; it is a spare, or makes another call. */
static cold_function bool return_slowly(struct driver *driver, struct task *task)
{
    struct mn_worker *sleeper = NULL;
    if (driver->forked) {
        task_lost();
    }
    race_release(task);
    lock_acquire(&drivers.lock);
    bool back = come_back(driver, task, &sleeper);
    bool calls = !back && spare_put(driver);                            /* it is awake */
    bool lacking = calls && sleeper == NULL && mn.listed_first != NULL; /* for its task */
    bool missed = drivers_missed(); /* D3: it has pushed a task, or left the list of the idle */
    lock_release(&drivers.lock);
    if (lacking) {
        drivers_lack();
    }
    if (missed) {
        monitor_look_soon();
    }
    if (sleeper != NULL) {
        futex_wake(&sleeper->wake, 1); /* late is harmless: see mn_wake_one; and so is a worker that is gone */
    }
    if (back) {
        worker_set_self(&driver->worker->base);
        limbo_quiet(&driver->worker->base.epoch);
        mn.policy->resume(driver->worker);
    }
    return back;
}

no_race_check bool driver_call_waiting(struct driver *driver, struct task **task)
{
    struct call *call = driver->call; /* on a stack that is left alone until this thread comes back, or for ever */
    driver->call = NULL;
    *task = call->task;
    race_acquire(*task);
    lock_acquire(&drivers.lock);
    bool begins = driver->run == drivers.run && !load_relaxed(&mn.stop);
    lock_release(&drivers.lock);
    if (begins) {
        call->fn(call->arg);
    }
    return return_slowly(driver, *task);
}

enum without_spare { SPARE_IS_THERE, CALL_IS_LEFT, CALL_IS_MADE };

/* D4: no spare thread was seen, or the thread is the caller, who enters no call. Is there one by now? Else the call is
 * left to a thread, or has blocked the worker. */
static cold_function enum without_spare call_without_spare(struct driver *driver, struct call *call)
{
    struct mn_worker *worker = driver->worker;
    struct driver *maker = NULL;
    lock_acquire(&drivers.lock);
    if (driver == drivers.caller) {
        maker = spare_take();
    } else if (drivers.first_spare != NULL) {
        lock_release(&drivers.lock);
        return SPARE_IS_THERE;
    }
    bool waits = maker != NULL || drivers.taken != 0;
    if (waits) {
        call->next = NULL;
        if (drivers.waiting == NULL) {
            drivers.waiting = call;
        } else {
            drivers.last->next = call;
        }
        drivers.last = call;
        drivers.out++;
        store_relaxed(&drivers.barren, true); /* it is to be tried again */
    }
    bool wakes = maker != NULL && spare_put(maker); /* with the call, but at the run's end */
    lock_release(&drivers.lock);
    if (wakes) {
        driver_wake(maker);
    }
    if (waits) {
        return CALL_IS_LEFT;
    }
    worker_set_self(NULL);
    store_relaxed(&worker->blocked, true); /* hint */
    store_release(&worker->base.epoch, LIMBO_ASLEEP);
    call->fn(call->arg);
    if (driver->forked) {
        task_lost();
    }
    store_relaxed(&worker->blocked, false);
    limbo_quiet(&worker->base.epoch);
    worker_set_self(&worker->base);
    race_release(call->task);
    return CALL_IS_MADE;
}

/* D5. False: there is no thread, or only one that somebody may have counted on. */
static cold_function bool move_worker(struct driver *caller)
{
    lock_acquire(&drivers.lock);
    struct driver *driver = load_relaxed(&drivers.spares) > 1 ? spare_take() : NULL;
    lock_release(&drivers.lock);
    driver = driver != NULL ? driver : driver_new();
    if (driver == NULL) {
        return false;
    }
    worker_set_self(NULL);
    lock_acquire(&drivers.lock);
    driver->call = caller->call;
    caller->call = NULL;
    give(driver, caller->worker);
    caller->worker = NULL;
    lock_release(&drivers.lock);
    driver_wake(driver);
    return true;
}

/* The function is known to last: its worker is listed from the beginning. */
static cold_function bool call_listed(struct driver *driver, task_fn fn, void *arg, struct task **task)
{
    weft_ns began = clock_now();
    struct mn_worker *worker = driver->worker;
    bool wanted = false;
    worker_set_self(NULL);
    store_release(&worker->base.epoch, LIMBO_ASLEEP);
    lock_acquire(&drivers.lock);
    bool stops = load_relaxed(&mn.stop); /* stored before drivers_join() took the lock */
    if (!stops) {
        store_relaxed(&driver->state, with_kind(load_relaxed(&driver->state) + STATE_STEP, DRIVER_LISTED));
        wanted = list(worker);
    }
    lock_release(&drivers.lock);
    if (stops) {
        *task = NULL; /* the call is not made, and the task does not go on */
        return true;
    }
    if (wanted) {
        mn_wake_one(); /* D1: touches the lists only; if the run has ended, those of a later one, or empty ones */
    }
    fn(arg);
    if (clock_now() - began < short_ns) {
        store_relaxed(lasting_of(fn), NULL); /* hint */
    }
    return return_slowly(driver, *task);
}

no_race_check bool driver_call(struct driver *driver, struct task **task)
{
    struct mn_worker *worker = driver->worker;
    struct call *call = driver->call;
    race_acquire(worker); /* all that its tasks did, as at the end of mn_drive: for the next owner */
    if (unlikely(!load_acquire(&drivers.used))) { /* acquire: with it the number of spares when it was set */
        /* D4: no last spare ends behind this; D3: who has the lock later looks for calls */
        lock_acquire(&drivers.lock);
        store_release(&drivers.used, true);
        lock_release(&drivers.lock);
    }
    if (unlikely(driver == drivers.caller) && move_worker(driver)) {
        return false;
    }
    driver->call = NULL;
    *task = call->task;
    race_acquire(*task);
    if (unlikely(driver == drivers.caller || !see_spare())) {
        enum without_spare what = call_without_spare(driver, call);
        if (what != SPARE_IS_THERE) {
            *task = what == CALL_IS_LEFT ? NULL : *task;
            return true;
        }
    }
    task_fn fn = call->fn;
    void *arg = call->arg;
    if (unlikely(load_relaxed(lasting_of(fn)) == fn)) { /* hint */
        return call_listed(driver, fn, arg, task);
    }
    uint32_t state = with_kind(load_relaxed(&driver->state) + STATE_STEP, DRIVER_IN_CALL);
    driver->fn = fn;
    worker_set_self(NULL);
    store_release(&worker->base.epoch, LIMBO_ASLEEP); /* as in mn_sleep */
    store_seq_cst(&driver->state, state);             /* E1; seq_cst: D3, and against drivers_join */
    if (!load_seq_cst(&monitor_soon)) {
        look_around(driver);
    }
    bool made = load_seq_cst(&drivers.over) == 0; /* seq_cst: drivers_join. Of its own run, or of a later one */
    if (likely(made)) { /* else the run's end waits for this thread, unless it has taken the worker */
        fn(arg);
    }
    uint32_t seen = state;
    if (unlikely(!cas_relaxed(&driver->state, &seen, with_kind(state, DRIVER_AT_WORK)))) { /* E3 */
        bool back = return_slowly(driver, *task);
        *task = made ? *task : NULL;
        return back;
    }
    if (unlikely(!made)) { /* nowhere to go on */
        *task = NULL;
        return true;
    }
    limbo_quiet(&worker->base.epoch);
    worker_set_self(&worker->base);
    if (unlikely(state / STATE_STEP % CALLS_PER_TIMER_CHECK == 0)) { /* calls are no decisions */
        mn_fire_at_work(worker);
    }
    race_release(*task);
    return true;
}

/* --- the monitor's ---------------------------------------------------------------------------------- */

/* The worker's call has lasted since the last look. True: a task or a timer was waiting. */
static bool list_worker(struct mn_worker *worker, uint32_t state)
{
    bool wanted = false;
    lock_acquire(&drivers.lock);
    struct driver *driver = load_relaxed(&worker->driver);                      /* under the lock */
    if (cas_acquire(&driver->state, &state, with_kind(state, DRIVER_LISTED))) { /* E1 */
        store_relaxed(lasting_of(driver->fn), driver->fn);                      /* hint */
        wanted = list(worker);
    }
    lock_release(&drivers.lock);
    if (wanted) {
        mn_wake_one();
    }
    return wanted;
}

/* *any: there have been calls since the last look. True: something had waited for one. */
static bool look_at_all(bool *any)
{
    bool wanted = false;
    for (unsigned i = 0; i < mn.count; i++) {
        struct mn_worker *worker = &mn.workers[i];
        const struct driver *driver = load_acquire(&worker->driver); /* not before the last look: see drivers_look() */
        if (driver == NULL) {                                        /* the run begins */
            continue;
        }
        uint32_t state = load_seq_cst(&driver->state); /* seq_cst: D3 */
        *any = *any || state != worker->call_seen;
        if (state == worker->call_seen && kind_of(state) == DRIVER_IN_CALL) {
            wanted = list_worker(worker, state) || wanted;
        }
        worker->call_seen = state;
    }
    return wanted;
}

no_race_check weft_ns drivers_look(void)
{
    static struct {
        weft_ns pause;
        unsigned looks, quiet; /* since the pace changed; since there was a call */
        bool soon;
    } watch; /* the monitor's */
    bool any = false;
    /* a thread that an older run has left in a call may set the flag at any time */
    if (!load_relaxed(&drivers.used) && !load_relaxed(&monitor_soon)) {
        return WEFT_FOREVER;
    }
    bool wanted = look_at_all(&any);
    make_spares();
    if (!load_relaxed(&monitor_soon)) { /* who has set it has woken the monitor behind that */
        watch.soon = false;
        return WEFT_FOREVER;
    }
    if (wanted || !watch.soon) {
        watch.soon = true;
        watch.pause = look_first_ns;
        watch.looks = watch.quiet = 0;
    }
    watch.quiet = any ? 0 : watch.quiet + 1;
    if (++watch.looks % DRIVER_LOOKS == 0 && watch.pause < look_last_ns) {
        watch.pause *= 2;
    }
    if (watch.quiet > DRIVER_LOOKS) {
        lock_acquire(&drivers.lock);         /* who is given a worker later sees the flag; else this sees who has it */
        store_seq_cst(&monitor_soon, false); /* D3 */
        lock_release(&drivers.lock);
        any = false;
        look_at_all(&any);
        make_spares();
        if (!any) {
            watch.soon = false;
            return WEFT_FOREVER;
        }
        store_relaxed(&monitor_soon, true); /* it looks anyway */
        watch.quiet = 0;
    }
    return watch.pause;
}

/* --- around a run ----------------------------------------------------------------------------------- */

bool drivers_begin(void)
{
    if (drivers.caller == NULL && (drivers.caller = record_new()) == NULL) {
        return false;
    }
    lock_acquire(&drivers.lock); /* against threads of older runs */
    pthread_sigmask(SIG_SETMASK, NULL, &drivers.signals);
    store_relaxed(&drivers.used, false);
    store_relaxed(&drivers.barren, false);
    store_relaxed(&drivers.lacking, 0u);
    store_relaxed(&drivers.over, 0u);
    lock_release(&drivers.lock);
    drivers.caller->call = NULL; /* the last run may have ended before it was made */
    drivers.caller->forked = false;
    outer_self = driver_self;
    driver_self = drivers.caller;
    return true;
}

unsigned drivers_start(unsigned count)
{
    lock_acquire(&drivers.lock);
    driver_bind(drivers.caller, &mn.workers[0]);
    lock_release(&drivers.lock);
    for (unsigned i = 1; i < count; i++) {
        struct driver *driver = driver_new();
        if (driver == NULL) {
            return i;
        }
        lock_acquire(&drivers.lock);
        give(driver, &mn.workers[i]);
        lock_release(&drivers.lock);
        driver_wake(driver);
    }
    return count;
}

void drivers_join(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct mn_worker *worker = &mn.workers[i];
        lock_acquire(&drivers.lock);
        struct driver *driver = load_relaxed(&worker->driver); /* under the lock */
        /* seq_cst, against driver_call: `over` was stored, then this looks at the state; there, the other way round */
        uint32_t state = load_seq_cst(&driver->state);
        bool in_call = false;
        /* E1: by the look */
        if (kind_of(state) == DRIVER_IN_CALL && cas_relaxed(&driver->state, &state, with_kind(state, DRIVER_TAKEN))) {
            in_call = true;
            drivers.out++;
            drivers.taken++;
        } else if (kind_of(state) == DRIVER_LISTED) {
            in_call = true;
            unlist(worker);
            store_relaxed(&driver->state, with_kind(state, DRIVER_TAKEN)); /* under the lock */
            drivers.taken++;
        }
        lock_release(&drivers.lock);
        if (!in_call && driver != drivers.caller) { /* it sees mn.stop, in whatever call it is just about to enter */
            pthread_join(driver->thread, NULL);
            lock_acquire(&drivers.lock);
            drivers.threads--;
            record_put(driver);
            lock_release(&drivers.lock);
        }
    }
}

bool drivers_end(void)
{
    lock_acquire(&drivers.lock);
    for (; drivers.waiting != NULL;
         drivers.waiting = drivers.waiting->next) { /* never to begin: their tasks just end */
        drivers.out--;
    }
    for (unsigned i = 0; drivers.out != 0 && i < DRIVER_MOMENTS; i++) {
        lock_release(&drivers.lock);
        nanosleep(&(struct timespec){.tv_nsec = moment_ns << i}, NULL);
        lock_acquire(&drivers.lock);
    }
    unsigned out = drivers.out;
    drivers.run++;
    drivers.out = drivers.taken = 0;
    store_relaxed(&drivers.used, false);
    lock_release(&drivers.lock);
    driver_self = outer_self;
    outer_self = NULL;
    return out != 0;
}

void drivers_forked(void)
{
    lock_release(&drivers.lock); /* whoever held it is not here */
    drivers.first_spare = drivers.unused = NULL;
    store_relaxed(&drivers.spares, 0u);
    drivers.threads = drivers.out = drivers.taken = 0;
    drivers.waiting = NULL;
    if (driver_self != NULL) {
        driver_self->forked = true;
        store_relaxed(&driver_self->state,
                      with_kind(load_relaxed(&driver_self->state), DRIVER_TAKEN)); /* one thread is left */
    }
}

no_race_check_end;
