/* Goal: misuse of a mutex, rwmutex, cond, waitgroup or semaphore is named, and one that is recovered leaves the object
 * as it was.
 * Method: each in a child, whose message is read; some under a deferred recover. */
#include "sync.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static struct weft_mutex mutex;
static struct weft_rwmutex rwmutex;
static struct weft_cond cond;
static struct weft_sem sem;
static void (*misuse)(void *);

static void misuse_child(void)
{
    struct weft_options options = {.sched = combination.sched, .workers = combination.workers};
    alarm(30);
    weft_run(&options, misuse, NULL);
}

static void unlock_unlocked(void *unused)
{
    (void)unused;
    weft_unlock(&mutex);
}

/* On a thread that is no task. */
static void *lock_there(void *unused)
{
    weft_lock(&mutex);
    return unused;
}

static void *unlock_there(void *unused)
{
    weft_unlock(&mutex);
    return unused;
}

/* The functions, not what weft.h inlines of them. */
static void (*volatile locks)(struct weft_mutex *) = weft_lock, (*volatile unlocks)(struct weft_mutex *) = weft_unlock;

static void *call_lock_there(void *unused)
{
    locks(&mutex);
    return unused;
}

static void *call_unlock_there(void *unused)
{
    unlocks(&mutex);
    return unused;
}

static void *runlock_there(void *unused)
{
    weft_runlock(&rwmutex);
    return unused;
}

static void *wunlock_there(void *unused)
{
    weft_wunlock(&rwmutex);
    return unused;
}

static void outside(void *(*fn)(void *))
{
    pthread_t thread;
    pthread_create(&thread, NULL, fn, NULL);
    pthread_join(thread, NULL);
}

static void lock_outside(void *unused)
{
    (void)unused;
    outside(lock_there);
}

static void call_lock_outside(void *unused)
{
    (void)unused;
    outside(call_lock_there);
}

static void unlock_outside(void *unused)
{
    (void)unused;
    weft_lock(&mutex);
    outside(unlock_there);
}

static void call_unlock_outside(void *unused)
{
    (void)unused;
    weft_lock(&mutex);
    outside(call_unlock_there);
}

static void runlock_outside(void *unused)
{
    (void)unused;
    weft_rlock(&rwmutex);
    outside(runlock_there);
}

static void wunlock_outside(void *unused)
{
    (void)unused;
    weft_wlock(&rwmutex);
    outside(wunlock_there);
}

static void runlock_unlocked(void *unused)
{
    (void)unused;
    weft_runlock(&rwmutex);
}

static void wunlock_read(void *unused)
{
    (void)unused;
    weft_rlock(&rwmutex);
    weft_wunlock(&rwmutex);
}

static void runlock_written(void *unused)
{
    (void)unused;
    weft_wlock(&rwmutex);
    weft_runlock(&rwmutex);
}

static void wait_unlocked(void *unused)
{
    (void)unused;
    weft_cond_wait(&cond, &mutex);
}

static void negative_group(void *unused)
{
    struct weft_waitgroup group = {0};
    (void)unused;
    weft_wg_add(&group, 2);
    weft_wg_add(&group, -3);
}

static void too_many_permits(void *unused)
{
    (void)unused;
    weft_sem_init(&sem, 1);
    weft_sem_release(&sem, INT64_MAX);
}

START_TEST(misuse_is_named)
    {
        static const struct {
            void (*fn)(void *);
            const char *says;
        } cases[] = {
            {unlock_unlocked, "unlock of an unlocked mutex"},
            {lock_outside, "outside of any task"},
            {call_lock_outside, "outside of any task"},
            {unlock_outside, "outside of any task"},
            {call_unlock_outside, "outside of any task"},
            {runlock_outside, "outside of any task"},
            {wunlock_outside, "outside of any task"},
            {runlock_unlocked, "runlock of the rwmutex"},
            {runlock_written, "runlock of the rwmutex"},
            {wunlock_read, "wunlock of the rwmutex"},
            {wait_unlocked, "without holding the mutex"},
            {negative_group, "negative counter of the waitgroup"},
            {too_many_permits, "release of"},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char text[4096];
            misuse = cases[i].fn;
            int status = in_child(misuse_child, text, sizeof text);
            CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s: %#x: %s", cases[i].says, (unsigned)status,
                      text);
            CHECK_MSG(strstr(text, cases[i].says) != NULL, "'%s' is not in: %s", cases[i].says, text);
        }
    }
END_TEST

static void catch_misuse(void *unused)
{
    (void)unused;
    weft_defer(recover_quietly, NULL);
    misuse(NULL);
}

/* A misuse that is recovered leaves the object as it was. */
TASK_TEST(misuse_is_recoverable)
{
    misuse = unlock_unlocked;
    CHECK(!weft_call(catch_misuse, NULL));
    CHECK(weft_try_lock(&mutex));
    weft_unlock(&mutex);
    misuse = runlock_unlocked;
    CHECK(!weft_call(catch_misuse, NULL));
    CHECK(weft_try_wlock(&rwmutex));
    weft_wunlock(&rwmutex);
    misuse = negative_group;
    CHECK(!weft_call(catch_misuse, NULL));
}

TCase *misuse_tests(void)
{
    TCase *cases = tcase_create("misuse");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, misuse_is_named);
    tcase_add_test(cases, misuse_is_recoverable);
    return cases;
}
