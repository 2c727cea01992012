#include "tests/harness.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct combination combination;
static unsigned limit_seconds;

/* --- failing ---------------------------------------------------------------------------------------- */

static void describe(FILE *to)
{
    fprintf(to, "  combination: channel %s, scheduler %s, workers %u; again with WEFT_SEED=%llu\n", combination.chan,
            combination.sched, combination.workers, (unsigned long long)combination.seed);
}

void test_fail(const char *file, int line, const char *format, ...)
{
    char message[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    fprintf(stderr, "%s:%d: %s\n", file, line, message);
    describe(stderr);
    fflush(stderr);
    _ck_assert_failed(file, line, message, NULL);
}

bool brief(void)
{
    return getenv("WEFT_TEST_BRIEF") != NULL;
}

void skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("skip: ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
}

/* --- the watchdog ----------------------------------------------------------------------------------- */

static struct {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool stop;
} dog = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void *dog_watch(void *unused)
{
    (void)unused;
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += limit_seconds;
    pthread_mutex_lock(&dog.mutex);
    while (!dog.stop) {
        if (pthread_cond_timedwait(&dog.changed, &dog.mutex, &end) == ETIMEDOUT && !dog.stop) {
            fprintf(stderr, "watchdog: still running after %u s; tasks:\n", limit_seconds);
            describe(stderr);
            fflush(stderr);
            alarm(5); /* in case that the dump hangs on a lock */
            weft_dump_tasks(STDERR_FILENO);
            abort();
        }
    }
    pthread_mutex_unlock(&dog.mutex);
    return NULL;
}

void watchdog_start(void)
{
    dog.stop = false;
    CHECK(pthread_create(&dog.thread, NULL, dog_watch, NULL) == 0);
}

void watchdog_stop(void)
{
    pthread_mutex_lock(&dog.mutex);
    dog.stop = true;
    pthread_cond_signal(&dog.changed);
    pthread_mutex_unlock(&dog.mutex);
    pthread_join(dog.thread, NULL);
}

/* --- running ---------------------------------------------------------------------------------------- */

enum weft_status run_options(const struct weft_options *options, void (*body)(void *), void *arg)
{
    watchdog_start();
    enum weft_status status = weft_run(options, body, arg);
    watchdog_stop();
    return status;
}

void run_body(void (*body)(void *), void *arg)
{
    struct weft_options options = {
        .sched = combination.sched, .chan = combination.chan, .workers = combination.workers, .seed = combination.seed};
    CHECK_STATUS(run_options(&options, body, arg), WEFT_OK);
}

int in_child(void (*fn)(void), char *text, size_t size)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    char rest[512];
    for (;;) {
        bool room = length + 1 < size;
        ssize_t got = read(ends[0], room ? text + length : rest, room ? size - 1 - length : sizeof rest);
        if (got <= 0) {
            break;
        }
        length += room ? (size_t)got : 0;
    }
    if (size > 0) {
        text[length] = '\0';
    }
    close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

/* --- channels and tasks ----------------------------------------------------------------------------- */

struct weft_chan *make_chan(size_t elem_size, size_t capacity)
{
    struct weft_chan *chan = weft_chan_new_as(combination.chan, elem_size, capacity);
    CHECK_MSG(chan != NULL, "no channel for elements of %zu bytes, capacity %zu", elem_size, capacity);
    return chan;
}

bool serves(size_t capacity)
{
    if (capacity < combination.caps->capacity_min) {
        skip("channel %s serves capacities from %zu", combination.chan, combination.caps->capacity_min);
        return false;
    }
    return true;
}

struct member {
    struct crew *crew;
    void (*fn)(void *);
    void *arg;
};

static void member_main(void *arg)
{
    struct member member = *(struct member *)arg;
    free(arg);
    member.fn(member.arg);
    CHECK_STATUS(weft_send(member.crew->done, NULL), WEFT_OK);
}

void crew_init(struct crew *crew)
{
    *crew = (struct crew){.done = weft_chan_new_as("mutex", 0, 1)};
    CHECK(crew->done != NULL);
}

void crew_go(struct crew *crew, void (*fn)(void *), void *arg)
{
    struct member *member = malloc(sizeof *member);
    CHECK(member != NULL);
    *member = (struct member){.crew = crew, .fn = fn, .arg = arg};
    crew->count++;
    CHECK_STATUS(weft_go(member_main, member), WEFT_OK);
}

void crew_wait(struct crew *crew)
{
    for (; crew->count > 0; crew->count--) {
        CHECK_STATUS(weft_recv(crew->done, NULL), WEFT_OK);
    }
}

void crew_fini(struct crew *crew)
{
    crew_wait(crew);
    weft_chan_free(crew->done);
}

static void count_waiting(struct task *task, void *arg)
{
    *(size_t *)arg += load_relaxed(&task->wait_reason) != WAIT_NONE;
}

void settle(size_t count)
{
    for (;;) {
        size_t waiting = 0;
        runtime.sched->visit(count_waiting, &waiting);
        if (waiting >= count) {
            return;
        }
        for (size_t i = 0; i <= count / 64; i++) { /* a look costs as much as there are tasks */
            weft_yield();
        }
    }
}

void await_at_least(_Atomic(unsigned) *flag, unsigned value)
{
    while (load_acquire(flag) < value) {
        weft_yield();
    }
}

/* --- memory ----------------------------------------------------------------------------------------- */

/* The programs are linked with --wrap: what they and Weft allocate comes here, what libraries do does not. */
static _Atomic(size_t) allocation_count, fail_from, fail_to;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool allocation_fails(void)
{
    size_t number = add_relaxed(&allocation_count, 1u); /* statistic */
    return number >= load_relaxed(&fail_from) && number < load_relaxed(&fail_to);
}

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return allocation_fails() ? NULL : __real_aligned_alloc(alignment, size);
}

size_t allocations(void)
{
    return load_relaxed(&allocation_count);
}

void fail_allocations(size_t after, size_t count)
{
    size_t now = load_relaxed(&allocation_count);
    store_relaxed(&fail_to, count == 0 ? 0 : now + after + count);
    store_relaxed(&fail_from, now + after);
}

/* --- threads ---------------------------------------------------------------------------------------- */

static _Atomic(size_t) threads_left = SIZE_MAX; /* that may still be created */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);
/* weak: the programs of tests/inject have one of their own */
__attribute__((weak)) int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                                                void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    size_t left = load_relaxed(&threads_left); /* CAS validates */
    while (left != SIZE_MAX) {
        if (left == 0) {
            return EAGAIN;
        }
        if (cas_acq_rel(&threads_left, &left, left - 1)) {
            break;
        }
    }
    return __real_pthread_create(thread, attributes, fn, arg);
}

void fail_threads(size_t after)
{
    store_relaxed(&threads_left, after); /* no run is going on */
}

/* --- the processor ---------------------------------------------------------------------------------- */

bool pretend_shadow_stack;

bool __real_context_shadowed(void);
bool __wrap_context_shadowed(void);

bool __wrap_context_shadowed(void)
{
    return pretend_shadow_stack || __real_context_shadowed();
}

/* --- choices ---------------------------------------------------------------------------------------- */

struct dice dice_new(uint64_t stream)
{
    return (struct dice){.state = random_seed(combination.seed, (unsigned)stream + 1000u)};
}

uint32_t dice_below(struct dice *dice, uint32_t bound)
{
    struct worker generator = {.random = dice->state};
    uint32_t result = random_below(&generator, bound);
    dice->state = load_relaxed(&generator.random);
    return result;
}

size_t rounds(size_t full)
{
    const char *text = getenv("WEFT_STRESS_SCALE");
    size_t percent = text == NULL ? 100 : strtoul(text, NULL, 10);
    percent = percent == 0 ? 1 : percent;
    size_t slow = SLOWNESS * (combination.sched_caps->os_threads ? 10u : 1u);
    if ((long)combination.workers > sysconf(_SC_NPROCESSORS_ONLN)) {
        slow *= 8; /* what spins for a thread that is not running waits for whole time slices */
    }
    size_t count = full * percent / 100 / slow;
    return count == 0 ? 1 : count;
}

/* --- main ------------------------------------------------------------------------------------------- */

void add_test(TCase *cases, const TTest *test)
{
    tcase_add_test(cases, test);
}

/* libcheck chooses themes (CK_RUN_CASE); $WEFT_TEST chooses one test. The programs are linked with --wrap, so that each
 * test comes here. */
void __real__tcase_add_test(TCase *cases, const TTest *test, int signal, int allowed_exit, int start, int end);
void __wrap__tcase_add_test(TCase *cases, const TTest *test, int signal, int allowed_exit, int start, int end);

void __wrap__tcase_add_test(TCase *cases, const TTest *test, int signal, int allowed_exit, int start, int end)
{
    const char *only = getenv("WEFT_TEST");
    if (only == NULL || strcmp(only, test->name) == 0) {
        __real__tcase_add_test(cases, test, signal, allowed_exit, start, end);
    }
}

static unsigned long number_from(const char *name, unsigned long otherwise)
{
    const char *text = getenv(name);
    return text == NULL || text[0] == '\0' ? otherwise : strtoul(text, NULL, 10);
}

static bool choose_combination(int argc, char **argv)
{
    const struct chan_ops *chan = argc == 4 ? registry_channel(argv[1]) : registry_channels[0];
    const struct sched_ops *sched = argc == 4 ? registry_sched(argv[2]) : registry_scheds[0];
    unsigned workers = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 2;
    if ((argc != 1 && argc != 4) || chan == NULL || sched == NULL || workers == 0) {
        return false;
    }
    combination = (struct combination){
        .chan = chan->name, .sched = sched->name, .workers = workers, .caps = &chan->caps, .sched_caps = &sched->caps};
    return true;
}

int main(int argc, char **argv)
{
    if (!choose_combination(argc, argv)) {
        fprintf(stderr, "usage: %s [CHANNEL SCHEDULER WORKERS]\n", argv[0]);
        return 64;
    }
    combination.seed = number_from("WEFT_SEED", (unsigned long)weft_now() | 1);
    limit_seconds = (unsigned)number_from("WEFT_TEST_SECONDS", 60);
    describe(stdout);
    fflush(stdout);
    Suite *suite = suite_create("weft");
    add_tests(suite);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_VERBOSE);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
