/* Goal: the mutex excludes, keeps nobody out for ever, and may be freed by its last user.
 * Method: crowds that count in a plain variable what only exclusion keeps right; hogs that lock again at once; mutexes
 * that go while others are on their way out. After Go's sync/mutex_test.go. */
#include "sync.h"

static struct weft_mutex mutex;
static size_t plain, turns;

static void lock_and_count(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < turns; i++) {
        if (i % 3 == 0) {
            while (!weft_try_lock(&mutex)) {
                weft_yield();
            }
        } else {
            weft_lock(&mutex);
        }
        size_t seen = plain;
        if (i % 5 == 0) {
            weft_yield(); /* others come while it is held */
        }
        plain = seen + 1;
        weft_unlock(&mutex);
    }
}

TASK_TEST(mutex_excludes)
{
    struct crew crew;
    crew_init(&crew);
    turns = rounds(1000);
    for (int i = 0; i < CROWD; i++) {
        crew_go(&crew, lock_and_count, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(plain, CROWD * turns);
    CHECK(weft_try_lock(&mutex));
    CHECK(!weft_try_lock(&mutex));
    weft_unlock(&mutex);
}

static _Atomic(bool) hog_stops;

static void hog_mutex(void *unused)
{
    (void)unused;
    while (!load_acquire(&hog_stops)) {
        weft_lock(&mutex);
        hog();
        weft_unlock(&mutex);
    }
}

static void lock_ten_times(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        weft_lock(&mutex);
        weft_unlock(&mutex);
    }
}

/* Two hogs that unlock only to lock again do not keep others out for ever. */
TASK_TEST(mutex_starves_nobody)
{
    struct crew hogs, others;
    crew_init(&hogs);
    crew_init(&others);
    crew_go(&hogs, hog_mutex, NULL);
    crew_go(&hogs, hog_mutex, NULL);
    for (int i = 0; i < 3; i++) {
        crew_go(&others, lock_ten_times, NULL);
    }
    crew_wait(&others);
    store_release(&hog_stops, true);
    crew_fini(&hogs);
    crew_fini(&others);
}

static void set_flag(void *flag)
{
    weft_lock(&mutex);
    *(bool *)flag = true;
    weft_unlock(&mutex);
}

/* Lock lets others go first, now and then, where it is inlined, too. */
TASK_TEST(a_loop_of_locks_keeps_nobody_out)
{
    struct crew crew;
    bool flag = false;
    crew_init(&crew);
    crew_go(&crew, set_flag, &flag);
    for (bool seen = false; !seen;) {
        weft_lock(&mutex);
        seen = flag;
        weft_unlock(&mutex);
    }
    crew_fini(&crew);
}

struct shared {
    struct weft_mutex mutex;
    int users;
};

static void use_and_drop(void *arg)
{
    struct shared *shared = arg;
    weft_lock(&shared->mutex);
    bool last = --shared->users == 0;
    weft_unlock(&shared->mutex);
    if (last) {
        free(shared); /* nobody may touch it any more, those included that have just unlocked it */
    }
}

TASK_TEST(the_last_user_frees_the_mutex)
{
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < rounds(2000); i++) {
        struct shared *shared = calloc(1, sizeof *shared);
        CHECK(shared != NULL);
        shared->users = 4;
        for (int user = 0; user < 4; user++) {
            crew_go(&crew, use_and_drop, shared);
        }
        crew_wait(&crew);
    }
    crew_fini(&crew);
}

TCase *mutex_tests(void)
{
    TCase *cases = tcase_create("mutex");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, mutex_excludes);
    tcase_add_test(cases, mutex_starves_nobody);
    tcase_add_test(cases, a_loop_of_locks_keeps_nobody_out);
    tcase_add_test(cases, the_last_user_frees_the_mutex);
    return cases;
}
