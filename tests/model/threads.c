/* Threads on fibers: who goes on, and what blocks. The wrappers at the end stand in for the system's functions: clients
 * are linked with --wrap for each.
 *
 * A step of a spin loop (cpu_relax(), sched_yield(), or loads that find the same again and again) takes its thread out
 * until a location that it has looked at has a store that it has not seen, and has it see that one: so a loop makes one
 * turn for each value.
 * Only when nobody else can go on are spinners let through without news, a bounded number of times: for loops that give
 * up. */
#include "model.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { STACK_SIZE = 64 * 1024, FUTILE_MAX = 160, REPEATS_MAX = 24, OPTIONS_MAX = 2 * THREADS_MAX, MUTEXES_MAX = 16 };

/* pthread_mutex_t, by address. */
struct mutex {
    const void *address;
    bool held;
    struct full_view view;
};

struct vthread threads[THREADS_MAX];
unsigned thread_count;
struct vthread *self;
uint64_t steps;
bool bound_was_met;
char fail_message[1024];

static struct context searcher; /* the context that threads_run was called in */
static sigjmp_buf crashed;
static enum outcome ended;
static char *stacks;
static int preemptions;
static unsigned events;
static uint32_t moments;
static struct mutex mutexes[MUTEXES_MAX];

/* --- ends --------------------------------------------------------------------------------------------- */

/* The fibers are left where they are. */
noreturn void execution_end(enum outcome outcome)
{
    struct context *from = &self->context;
    ended = outcome;
    self = NULL;
    context_switch(from, &searcher, NULL, true);
    abort();
}

noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fail_message, sizeof fail_message, format, arguments);
    va_end(arguments);
    execution_end(OUTCOME_FAILED);
}

static void on_crash(int number, siginfo_t *info, void *unused)
{
    (void)unused;
    if (self == NULL) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    snprintf(fail_message, sizeof fail_message, "signal %d at address %p, in T%u after %s:%u", number, info->si_addr,
             self->id, self->site == NULL ? "its start" : self->site->file, self->site == NULL ? 0 : self->site->line);
    ended = OUTCOME_FAILED;
    self = NULL;
    siglongjmp(crashed, 1);
}

static void catch_crashes(void)
{
    static char stack[64 * 1024];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigaltstack(&alternate, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
}

bool event_left(void)
{
    return searching->strategy == SEARCH_REPLAY || events < searching->events;
}

void event_taken(void)
{
    events++;
}

/* --- who can go on ------------------------------------------------------------------------------------ */

static bool has_news(const struct vthread *thread)
{
    for (unsigned i = 0; i < thread->seen_count; i++) {
        if (location_has_news(thread->seen[i].location, thread->seen[i].stamp)) {
            return true;
        }
    }
    return false;
}

static bool is_enabled(const struct vthread *thread)
{
    switch (thread->state) {
    case THREAD_READY: return true;
    case THREAD_SPINS: return has_news(thread);
    case THREAD_LOCKS: return !thread->mutex->held;
    case THREAD_JOINS: return threads[thread->joins].state == THREAD_DONE;
    default: return false;
    }
}

struct options {
    uint8_t who[OPTIONS_MAX];
    bool event[OPTIONS_MAX];
    unsigned count, ordinary; /* the ordinary ones come first */
};

static void add_option(struct options *options, unsigned thread, bool event)
{
    options->who[options->count] = (uint8_t)thread;
    options->event[options->count++] = event;
    options->ordinary += event ? 0 : 1;
}

/* The running thread first, or last if it spins; then the others in turn. */
static void collect(struct options *options)
{
    bool first = is_enabled(self) && self->state != THREAD_SPINS;
    if (first) {
        add_option(options, self->id, false);
    }
    for (unsigned i = 1; i <= thread_count; i++) {
        struct vthread *thread = &threads[(self->id + i) % thread_count];
        if ((thread != self || !first) && is_enabled(thread)) {
            add_option(options, thread->id, false);
        }
    }
    bool time_passes = options->ordinary == 0;
    for (unsigned i = 0; i < thread_count; i++) {
        if (threads[i].state == THREAD_WAITS && (threads[i].timed || !time_passes)) {
            add_option(options, i, !time_passes);
        }
    }
    for (unsigned i = 1; i <= thread_count && options->count == 0; i++) {
        struct vthread *thread = &threads[(self->id + i) % thread_count];
        if (thread->state == THREAD_SPINS && thread->futile < FUTILE_MAX) {
            add_option(options, thread->id, false);
            thread->futile++;
        }
    }
    for (unsigned i = 0; i < thread_count && options->count == 0; i++) {
        if (threads[i].state == THREAD_RESTS) {
            add_option(options, i, false);
        }
    }
}

noreturn static void nobody(void)
{
    static const char *const states[] = {"",      "runs",  "spins",  "waits for a mutex", "waits on a futex",
                                         "joins", "rests", "is done"};
    char text[768];
    size_t length = 0;
    bool all_done = true;
    for (unsigned i = 0; i < thread_count; i++) {
        const struct vthread *thread = &threads[i];
        all_done = all_done && thread->state == THREAD_DONE;
        length += (size_t)snprintf(text + length, sizeof text - length, "; T%u %s", i, states[thread->state]);
        if (thread->state != THREAD_DONE && thread->site != NULL && length < sizeof text) {
            length += (size_t)snprintf(text + length, sizeof text - length, " (%s:%u)", thread->site->file,
                                       thread->site->line);
        }
        length = length < sizeof text ? length : sizeof text - 1;
    }
    if (!all_done) {
        fail("deadlock%s", text);
    }
    const char *leak = plain_leak();
    if (leak != NULL) {
        fail("%s", leak);
    }
    execution_end(OUTCOME_DONE);
}

static void switch_to(struct vthread *next)
{
    struct vthread *old = self;
    if (next == old) {
        return;
    }
    self = next;
    context_switch(&old->context, &next->context, NULL, false);
}

/* Ends the wait of a thread for no reason, or because its time has come. */
static void interrupt(struct vthread *thread, bool event)
{
    thread->timed_out = thread->timed;
    thread->state = THREAD_READY;
    if (event) {
        event_taken();
    }
}

/* Chooses among those who can go on, and lets that one. Returns when it is the caller again. */
static void pass(void)
{
    struct options options = {.count = 0};
    collect(&options);
    if (options.count == 0) {
        nobody();
    }
    bool may_stay = !options.event[0] && options.who[0] == self->id && self->state == THREAD_READY;
    bool bounded = searching->strategy == SEARCH_DFS && searching->preemptions >= 0;
    unsigned allowed = event_left() ? options.count : options.ordinary;
    if (bounded && may_stay && preemptions >= searching->preemptions) {
        bound_was_met = bound_was_met || allowed > 1;
        allowed = 1;
    }
    unsigned pick = choose_thread(options.who, options.event, options.count, allowed);
    struct vthread *next = &threads[options.who[pick]];
    if (may_stay && next != self) {
        preemptions++;
    }
    if (next->state == THREAD_WAITS) {
        interrupt(next, options.event[pick]);
    }
    explore_step(next);
    switch_to(next);
}

void schedule(const struct model_site *site, const volatile void *address, unsigned op, unsigned order)
{
    if (++steps > STEPS_MAX) {
        execution_end(OUTCOME_CUT);
    }
    self->site = site != NULL ? site : self->site;
    self->address = address;
    self->op = (uint8_t)op;
    self->order = (uint8_t)order;
    if (thread_count == 1) {
        return;
    }
    if (site == NULL || op == MODEL_FENCE || op == MODEL_RELAX || searching->strategy == SEARCH_REPLAY ||
        site_is_shared(site)) {
        pass();
    } else {
        choose(1, 1); /* a replay has one here */
    }
}

/* What touches nothing that others do: the start of a thread, waiting for its end. */
static void schedule_alone(void)
{
    schedule(NULL, NULL, MODEL_LOAD, memory_order_relaxed);
}

/* Any other operation that is no atomic one. */
static void schedule_other(void)
{
    schedule(NULL, NULL, MODEL_RELAX, memory_order_seq_cst);
}

/* --- spinning ----------------------------------------------------------------------------------------- */

static void spin(const struct model_site *site)
{
    if (self->seen_count == 0 || thread_count == 1) {
        return;
    }
    self->repeats = 0;
    self->state = THREAD_SPINS;
    schedule(site, NULL, MODEL_RELAX, memory_order_relaxed);
    self->state = THREAD_READY;
    struct seen news[SEEN_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < self->seen_count; i++) {
        if (location_has_news(self->seen[i].location, self->seen[i].stamp)) {
            news[count++] = self->seen[i];
        }
    }
    self->seen_count = 0;
    if (count != 0) {
        const struct seen *one = &news[choose(count, count)];
        location_must_advance(one->location, one->stamp);
        self->futile = 0;
    }
}

void model_relax(const struct model_site *site)
{
    spin(site);
}

void thread_saw(uint32_t location, uint32_t stamp)
{
    unsigned i = 0;
    while (i < self->seen_count && self->seen[i].location != location) {
        i++;
    }
    bool again = i < self->seen_count && self->seen[i].stamp == stamp;
    self->repeats = again ? self->repeats + 1 : 0;
    if (i == SEEN_MAX) {
        memmove(self->seen, self->seen + 1, (SEEN_MAX - 1) * sizeof self->seen[0]);
        i = SEEN_MAX - 1;
    } else if (i == self->seen_count) {
        self->seen_count++;
    }
    self->seen[i] = (struct seen){location, stamp};
    if (self->repeats > REPEATS_MAX) {
        spin(NULL);
    }
}

/* Its own store is no news to a thread. */
void thread_wrote(uint32_t location, uint32_t stamp)
{
    for (unsigned i = 0; i < self->seen_count; i++) {
        if (self->seen[i].location == location && self->seen[i].stamp < stamp) {
            self->seen[i].stamp = stamp;
        }
    }
}

unsigned model_choose(unsigned count)
{
    return choose(count, count);
}

void **model_thread_word(void)
{
    return &self->word;
}

/* A thread's own clock moves behind each of its stores: what another knows of it stands below what it does from then
 * on. */
void model_moment(struct moment *moment)
{
    moment->number = moments++;
    moment->thread = self->id;
    memcpy(moment->clock, self->cur.view.clock, sizeof moment->clock);
}

/* --- threads ------------------------------------------------------------------------------------------ */

void stacks_of(unsigned thread, char **low, size_t *size)
{
    *low = stacks + (size_t)thread * STACK_SIZE;
    *size = STACK_SIZE;
}

static void thread_entry(struct context *from, struct context *unused, struct worker *none)
{
    (void)from;
    (void)unused;
    (void)none;
    context_started();
    self->result = self->fn(self->arg);
    stack_unwound((const char *)UINTPTR_MAX);
    self->state = THREAD_DONE;
    self->cur.view.clock[self->id]++;
    pass();
    abort();
}

static unsigned thread_new(void *(*fn)(void *), void *arg, const struct vthread *parent)
{
    if (thread_count == THREADS_MAX) {
        fail("more than %d threads", THREADS_MAX);
    }
    unsigned id = thread_count++;
    struct vthread *thread = &threads[id];
    char *low;
    size_t size;
    memset(thread, 0, offsetof(struct vthread, cur));
    memset(&thread->has_released, 0, sizeof *thread - offsetof(struct vthread, has_released));
    memset(&thread->cur.view, 0, sizeof thread->cur.view);
    memset(&thread->acquired.view, 0, sizeof thread->acquired.view);
    if (parent != NULL) {
        view_join(&thread->cur, &parent->cur.view);
    }
    thread->cur.view.clock[id] = 1;
    thread->id = id;
    thread->state = THREAD_READY;
    thread->fn = fn;
    thread->arg = arg;
    thread->op = MODEL_LOAD; /* of nothing */
    stacks_of(id, &low, &size);
    context_init(&thread->context, low, size, thread_entry);
    return id;
}

void threads_reset(void)
{
    if (stacks == NULL) {
        stacks =
            mmap(NULL, (size_t)THREADS_MAX * STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        context_init_thread(&searcher);
        catch_crashes();
    }
    thread_count = 0;
    steps = 0;
    preemptions = 0;
    events = 0;
    moments = 0;
    memset(mutexes, 0, sizeof mutexes);
}

enum outcome threads_run(void *(*main_fn)(void *))
{
    ended = OUTCOME_RUNS;
    thread_new(main_fn, NULL, NULL);
    if (sigsetjmp(crashed, 0) == 0) {
        self = &threads[0];
        context_switch(&searcher, &self->context, NULL, false);
    }
    return ended;
}

/* --- in the system's stead ---------------------------------------------------------------------------- */

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_sched_yield(void);
int __wrap_nanosleep(const struct timespec *duration, struct timespec *left);
noreturn void __wrap_abort(void);
noreturn void __wrap_exit(int status);
noreturn void __wrap___assert_fail(const char *condition, const char *file, unsigned line, const char *function);

unsigned thread_start(void *(*fn)(void *), void *arg)
{
    unsigned id = thread_new(fn, arg, self);
    self->cur.view.clock[self->id]++;
    return id; /* who goes on is decided at the next operation */
}

void thread_join(unsigned thread)
{
    self->joins = thread;
    self->state = THREAD_JOINS;
    schedule_alone();
    self->state = THREAD_READY;
    view_join(&self->cur, &threads[thread].cur.view);
}

void model_stillness(void)
{
    self->state = THREAD_RESTS;
    schedule_alone();
    self->state = THREAD_READY;
    for (unsigned i = 0; i < thread_count; i++) {
        view_join(&self->cur, &threads[i].cur.view);
    }
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    (void)attributes;
    *thread = thread_start(fn, arg);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    thread_join((unsigned)thread);
    if (result != NULL) {
        *result = threads[thread].result;
    }
    return 0;
}

static struct mutex *mutex_of(const void *address)
{
    unsigned i = 0;
    while (mutexes[i].address != NULL && mutexes[i].address != address) {
        if (++i == MUTEXES_MAX) {
            fail("more than %d mutexes", MUTEXES_MAX);
        }
    }
    mutexes[i].address = address;
    return &mutexes[i];
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    self->mutex = mutex_of(mutex);
    self->state = THREAD_LOCKS;
    schedule_other();
    self->state = THREAD_READY;
    while (self->mutex->held) { /* nobody else there: alone, and held by itself */
        fail("a mutex is locked twice by T%u", self->id);
    }
    self->mutex->held = true;
    view_join(&self->cur, &self->mutex->view.view);
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    struct mutex *m = mutex_of(mutex);
    schedule_other();
    if (!m->held) {
        fail("T%u unlocks a mutex that is not locked", self->id);
    }
    m->held = false;
    view_join(&m->view, &self->cur.view);
    self->cur.view.clock[self->id]++;
    return 0;
}

/* The look at the word and the step into the queue are one. */
bool model_futex_wait(const volatile uint32_t *word, uint32_t expected, bool timed)
{
    schedule_other();
    if (location_newest(word, sizeof *word) != expected) {
        return true;
    }
    self->futex = word;
    self->timed = timed;
    self->timed_out = false;
    self->state = THREAD_WAITS;
    self->op = MODEL_RELAX;
    self->waits_since = steps;
    pass();
    return !self->timed_out;
}

unsigned model_futex_wake(const volatile uint32_t *word, unsigned count)
{
    unsigned woken = 0;
    schedule_other();
    while (woken < count) {
        struct vthread *first = NULL;
        for (unsigned i = 0; i < thread_count; i++) {
            struct vthread *thread = &threads[i];
            if (thread->state == THREAD_WAITS && thread->futex == word &&
                (first == NULL || thread->waits_since < first->waits_since)) {
                first = thread;
            }
        }
        if (first == NULL) {
            break;
        }
        first->state = THREAD_READY;
        woken++;
    }
    return woken;
}

int __wrap_sched_yield(void)
{
    spin(NULL);
    return 0;
}

int __wrap_nanosleep(const struct timespec *duration, struct timespec *left)
{
    (void)duration;
    (void)left;
    spin(NULL);
    return 0;
}

noreturn void __wrap_abort(void)
{
    fail("abort() in T%u after %s:%u", self->id, self->site == NULL ? "its start" : self->site->file,
         self->site == NULL ? 0 : self->site->line);
}

noreturn void __wrap_exit(int status)
{
    fail("exit(%d) in T%u", status, self->id);
}

noreturn void __wrap___assert_fail(const char *condition, const char *file, unsigned line, const char *function)
{
    fail("%s:%u: %s: assertion '%s' failed in T%u", file, line, function, condition, self->id);
}
