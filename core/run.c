/* weft_run: options, the registry, and what belongs to no other file. */
#include "blocking.h"
#include "driver.h"
#include "helper.h"
#include "lot.h"
#include "monitor.h"
#include "overflow.h"
#include "panic.h"
#include "registry.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct runtime runtime;

static _Atomic(bool) running; /* one run at a time */

/* Threads outside may look at a run only while its workers exist: the mutex orders them with its start and end. */
static pthread_mutex_t observing = PTHREAD_MUTEX_INITIALIZER;
static bool observable;

enum { WORKERS_MAX = 1024, STACK_DEFAULT = 1280 * 1024, STACK_MIN = 16 * 1024, HOG_MS_MAX = 24 * 60 * 60 * 1000 };
static const size_t stack_max = (size_t)1 << 40;

/* --- the registry ----------------------------------------------------------------------------------- */

const struct chan_ops *registry_channel(const char *name)
{
    for (size_t i = 0; name != NULL && registry_channels[i] != NULL; i++) {
        if (strcmp(registry_channels[i]->name, name) == 0) {
            return registry_channels[i];
        }
    }
    return NULL;
}

const struct sched_ops *registry_sched(const char *name)
{
    for (size_t i = 0; name != NULL && registry_scheds[i] != NULL; i++) {
        if (strcmp(registry_scheds[i]->name, name) == 0) {
            return registry_scheds[i];
        }
    }
    return NULL;
}

static void complain_unknown(const char *what, const char *name, const char *from)
{
    fprintf(stderr, "weft: unknown %s '%s' (%s); there are:", what, name, from);
    if (strcmp(what, "channel") == 0) {
        for (size_t i = 0; registry_channels[i] != NULL; i++) {
            if (!registry_channels[i]->caps.control) {
                fprintf(stderr, " %s", registry_channels[i]->name);
            }
        }
    } else {
        for (size_t i = 0; registry_scheds[i] != NULL; i++) {
            fprintf(stderr, " %s", registry_scheds[i]->name);
        }
    }
    fputc('\n', stderr);
}

static const char *nonempty_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const struct chan_ops *choose_channel(const char *option)
{
    const char *name = option != NULL ? option : nonempty_env("WEFT_CHAN");
    if (name == NULL) {
        return registry_channels[0];
    }
    const struct chan_ops *ops = registry_channel(name);
    if (ops == NULL || ops->caps.control) {
        complain_unknown("channel", name, option != NULL ? "weft_options.chan" : "WEFT_CHAN");
        return NULL;
    }
    return ops;
}

const struct chan_ops *registry_default_channel(void)
{
    return choose_channel(NULL);
}

static const struct sched_ops *choose_sched(const char *option)
{
    const char *name = option != NULL ? option : nonempty_env("WEFT_SCHED");
    if (name == NULL) {
        return registry_scheds[0];
    }
    const struct sched_ops *ops = registry_sched(name);
    if (ops == NULL) {
        complain_unknown("scheduler", name, option != NULL ? "weft_options.sched" : "WEFT_SCHED");
    }
    return ops;
}

/* --- options ---------------------------------------------------------------------------------------- */

static unsigned usable_processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* Reads a number, written in digits and nothing else; what is not set leaves it as it was. False, and a message: it is
 * none, or is too large. */
static bool read_number(const char *name, unsigned long long most, unsigned long long *number)
{
    const char *text = nonempty_env(name);
    if (text == NULL) {
        return true;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || value > most) {
        fprintf(stderr, "weft: %s: '%s' is not a whole number from 0 to %llu\n", name, text, most);
        return false;
    }
    *number = value;
    return true;
}

/* The number of workers; 0: not a number in range, and a message. */
static unsigned choose_workers(unsigned option)
{
    unsigned long long workers = option != 0 ? option : usable_processors();
    if (option == 0 && !read_number("WEFT_WORKERS", WORKERS_MAX, &workers)) {
        return 0;
    }
    if (workers < 1 || workers > WORKERS_MAX) {
        fprintf(stderr, "weft: %s: the number of workers is from 1 to %d\n",
                option == 0 ? "WEFT_WORKERS" : "weft_options.workers", WORKERS_MAX);
        return 0;
    }
    return (unsigned)workers;
}

static size_t choose_stack_size(size_t option)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = option == 0 ? STACK_DEFAULT : option;
    if (size > stack_max) {
        fprintf(stderr, "weft: weft_options.stack_size: %zu is more than %zu\n", size, stack_max);
        return 0;
    }
    size = size < STACK_MIN ? STACK_MIN : size;
    return (size + page - 1) / page * page;
}

static enum weft_status resolve(const struct weft_options *options)
{
    struct weft_options resolved = options != NULL ? *options : (struct weft_options){0};
    const struct sched_ops *sched = choose_sched(resolved.sched);
    const struct chan_ops *chan = choose_channel(resolved.chan);
    resolved.workers = choose_workers(resolved.workers);
    resolved.stack_size = choose_stack_size(resolved.stack_size);
    unsigned long long seed = 0, hog_ms = 0; /* options_hog_ns reads that again, once it is known to be a number */
    bool numbers = read_number("WEFT_SEED", UINT64_MAX, &seed) && read_number("WEFT_HOG_MS", HOG_MS_MAX, &hog_ms);
    if (sched == NULL || chan == NULL || resolved.workers == 0 || resolved.stack_size == 0 || !numbers) {
        return WEFT_INVALID;
    }
    if (!sched->caps.os_threads && context_shadowed()) {
        fprintf(stderr,
                "weft: this thread has a shadow stack, on which scheduler '%s' can't switch tasks: switch it off (on "
                "x86-64 "
                "GLIBC_TUNABLES=glibc.cpu.x86_shstk=off), or take a scheduler whose tasks are OS threads\n",
                sched->name);
        return WEFT_INVALID;
    }
    resolved.seed = resolved.seed != 0 ? resolved.seed : seed;
    if (resolved.seed == 0) {
        resolved.seed = (uint64_t)clock_now() | 1;
    }
    static uint64_t runs; /* one run at a time */
    runtime = (struct runtime){.sched = sched, .chan = chan, .options = resolved, .number = ++runs};
#ifndef SANITIZE_THREAD
    weft_alone = resolved.workers == 1 && !sched->caps.os_threads;
#endif
    return WEFT_OK;
}

/* In the child of a fork one thread is left, and what the others were doing is left half done: the run is no more. */
static void forked(void)
{
    if (load_relaxed(&running)) { /* one thread is left */
        worker_set_self(NULL);
        pthread_mutex_init(&observing, NULL);
        observable = false;
    }
    blocking_forked();
    drivers_forked();
    threads_forked();
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forked);
}

static enum weft_status run_watched(task_fn main_fn, void *arg)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    enum weft_status status = WEFT_NOMEM;
    int more = threads_own_self() ? 0 : 1; /* a call that an older run has left behind may have a run, too */
    pthread_once(&once, watch_forks);
    threads_count(more);
    store_relaxed(&runtime.coarse_now, clock_now()); /* no other thread yet */
    if (monitor_start()) {
        if (overflow_start()) {
            status = runtime.sched->run(&runtime.options, main_fn, arg);
            overflow_stop();
        }
        monitor_stop();
    }
    threads_count(-more);
    return status;
}

enum weft_status weft_run(const struct weft_options *options, void (*main_fn)(void *), void *arg)
{
    if (main_fn == NULL || worker_self() != NULL || exchange_acquire(&running, true)) {
        return WEFT_INVALID;
    }
    enum weft_status status = resolve(options);
    if (status == WEFT_OK) {
        status = run_watched(main_fn, arg);
    }
    limbo_drain();
    weft_alone = false;
    runtime = (struct runtime){0};
    lot_reset();
    store_release(&running, false); /* the next run's exchange sees all of this one's end */
    return status;
}

/* --- tasks ------------------------------------------------------------------------------------------ */

enum weft_status weft_go(void (*fn)(void *), void *arg)
{
    return weft_go_named(NULL, fn, arg);
}

enum weft_status weft_go_named(const char *name, void (*fn)(void *), void *arg)
{
    if (fn == NULL) {
        return WEFT_INVALID;
    }
    if (likely(worker_self() != NULL)) {
        return runtime.sched->spawn(name, fn, arg);
    }
    enum weft_status status = WEFT_INVALID;
    if (run_hold()) {
        status = runtime.sched->spawn(name, fn, arg);
        run_let_go();
    }
    return status;
}

void weft_blocking(void (*fn)(void *), void *arg)
{
    task_self(); /* panics outside of a task */
    if (fn == NULL) {
        weft_panic("weft_blocking of a null function");
    }
    runtime.sched->blocking(fn, arg);
}

cold_function void task_lost(void)
{
    weft_panic("the child of a fork in a task can't go on with the run: it must exec or _exit");
}

void weft_poll(void)
{
    task_poll();
}

cold_function void task_outside(void)
{
    if (runtime.sched != NULL) {
        task_self(); /* panics */
    }
}

cold_function void task_poll_slow(void)
{
    runtime.sched->poll();
}

void weft_yield(void)
{
    task_self(); /* panics outside of a task */
    runtime.sched->yield();
}

void weft_exit(void)
{
    frames_exit(task_self()); /* panics outside of a task */
    runtime.sched->exit();
}

void weft_sleep(weft_ns duration)
{
    if (duration <= 0) {
        weft_yield();
        return;
    }
    weft_select_until(NULL, 0, instant_after(duration));
}

weft_ns weft_now(void)
{
    const struct sched_ops *sched = runtime.sched;
    if (unlikely(sched != NULL && sched->now != NULL)) {
        return sched->now();
    }
    return clock_now();
}

weft_ns clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (weft_ns)now.tv_sec * 1000000000 + now.tv_nsec;
}

weft_ns options_hog_ns(void)
{
    unsigned long long hog_ms = 0;
    (void)read_number("WEFT_HOG_MS", HOG_MS_MAX, &hog_ms); /* resolve has refused what is none */
    return (weft_ns)hog_ms * 1000000;
}

unsigned weft_workers(void)
{
    return runtime.sched == NULL ? 0 : runtime.options.workers;
}

void run_observable(bool yes)
{
    pthread_mutex_lock(&observing);
    observable = yes;
    pthread_mutex_unlock(&observing);
}

bool run_needs_limbo(void)
{
    return runtime.options.workers > 1 || runtime.sched->caps.os_threads;
}

bool run_hold(void)
{
    pthread_mutex_lock(&observing);
    if (!observable) {
        pthread_mutex_unlock(&observing);
        return false;
    }
    return true;
}

void run_let_go(void)
{
    pthread_mutex_unlock(&observing);
}

size_t weft_task_count(void)
{
    struct sched_counters counters = {0};
    if (run_hold()) {
        runtime.sched->counters(&counters);
        run_let_go();
    }
    return counters.exits > counters.spawns ? 0 : (size_t)(counters.spawns - counters.exits);
}

size_t weft_check_leaks(int fd, weft_ns patience)
{
    task_self(); /* panics outside of a task */
    weft_ns now = weft_now();
    weft_ns deadline = patience > WEFT_FOREVER - now ? WEFT_FOREVER : now + patience;
    while (weft_task_count() > 1 && weft_now() < deadline) {
        for (int i = 0; i < 16; i++) {
            weft_yield();
        }
        if (weft_task_count() > 1) {
            weft_sleep(100000); /* they may wait for timers */
        }
    }
    size_t count = weft_task_count() - 1;
    if (count > 0 && fd >= 0) {
        dprintf(fd, "%zu tasks are left beside the caller; all of them:\n", count);
        weft_dump_tasks(fd);
    }
    return count;
}

const char *weft_status_name(enum weft_status status)
{
    static const char *const names[] = {"OK", "CLOSED", "AGAIN", "TIMEOUT", "CANCELED", "NOMEM", "INVALID"};
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "UNKNOWN";
}

/* --- park, random ----------------------------------------------------------------------------------- */

bool park_unlock(void *lock)
{
    lock_release(lock);
    return true;
}

bool park_stay(void *unused)
{
    (void)unused;
    return true;
}

/* G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): splitmix64. */
uint64_t random_seed(uint64_t seed, unsigned index)
{
    uint64_t z = seed + 0x9E3779B97F4A7C15u * (index + 1u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    return z == 0 ? 1 : z;
}
