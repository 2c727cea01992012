/* Goal: the rwmutex keeps writers from all others, lets readers share, takes turns, keeps nobody out for ever, and may
 * be freed by its last user.
 * Method: a pair of plain variables that only writers make differ; queues whose order is known; hogs that lock again at
 * once; rwmutexes that go while others are on their way out. After Go's sync/rwmutex_test.go. */
#include "sync.h"

static struct weft_rwmutex rwmutex;
static size_t turns, pair[2];
static _Atomic(unsigned) readers_inside, readers_most;

static void write_pair(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < turns; i++) {
        if (i % 4 == 0 && weft_try_wlock(&rwmutex)) {
            CHECK_EQ(readers_inside, 0);
        } else {
            weft_wlock(&rwmutex);
            CHECK_EQ(readers_inside, 0);
        }
        pair[0]++;
        weft_yield();
        pair[1]++;
        weft_wunlock(&rwmutex);
    }
}

static void read_pair(void *unused)
{
    (void)unused;
    for (size_t i = 0; i < turns; i++) {
        if (i % 4 != 0 || !weft_try_rlock(&rwmutex)) {
            weft_rlock(&rwmutex);
        }
        unsigned inside = add_acq_rel(&readers_inside, 1u) + 1;
        if (inside > load_relaxed(&readers_most)) {
            store_relaxed(&readers_most, inside); /* a low estimate will do */
        }
        CHECK_EQ(pair[0], pair[1]);
        weft_yield();
        CHECK_EQ(pair[0], pair[1]);
        sub_acq_rel(&readers_inside, 1u);
        weft_runlock(&rwmutex);
    }
}

TASK_TEST(writers_exclude_readers_share)
{
    struct crew crew;
    crew_init(&crew);
    turns = rounds(400);
    for (int i = 0; i < CROWD; i++) {
        crew_go(&crew, i % 3 == 0 ? write_pair : read_pair, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(pair[0], CROWD / 3 * turns);
    weft_rlock(&rwmutex);
    CHECK(weft_try_rlock(&rwmutex));
    CHECK(!weft_try_wlock(&rwmutex));
    weft_runlock(&rwmutex);
    weft_runlock(&rwmutex);
    CHECK(weft_try_wlock(&rwmutex));
    CHECK(!weft_try_rlock(&rwmutex));
    weft_wunlock(&rwmutex);
}

static struct letters order;

static void late_writer(void *unused)
{
    (void)unused;
    weft_wlock(&rwmutex);
    letters_add(&order, 'w');
    weft_wunlock(&rwmutex);
}

static void late_reader(void *unused)
{
    (void)unused;
    weft_rlock(&rwmutex);
    letters_add(&order, 'r');
    weft_runlock(&rwmutex);
}

/* A waiting writer comes before readers that come after it, and they before the next writer. */
TASK_TEST(rwmutex_takes_turns)
{
    struct crew crew;
    crew_init(&crew);
    weft_rlock(&rwmutex);
    crew_go(&crew, late_writer, NULL);
    settle(1);
    CHECK(!weft_try_rlock(&rwmutex));
    crew_go(&crew, late_reader, NULL);
    settle(2);
    crew_go(&crew, late_writer, NULL);
    settle(3);
    weft_runlock(&rwmutex);
    crew_fini(&crew);
    CHECK_MSG(strcmp(order.written, "wrw") == 0, "the order is %s", order.written);
}

static _Atomic(bool) hog_stops;

static void hog_as_writer(void *unused)
{
    (void)unused;
    while (!load_acquire(&hog_stops)) {
        weft_wlock(&rwmutex);
        hog();
        weft_wunlock(&rwmutex);
    }
}

static void hog_as_reader(void *unused)
{
    (void)unused;
    while (!load_acquire(&hog_stops)) {
        weft_rlock(&rwmutex);
        hog();
        weft_runlock(&rwmutex);
    }
}

static void write_ten_times(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        weft_wlock(&rwmutex);
        weft_wunlock(&rwmutex);
    }
}

static void read_ten_times(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++) {
        weft_rlock(&rwmutex);
        weft_runlock(&rwmutex);
    }
}

/* Neither writers nor readers that unlock only to lock again keep others out for ever. */
static void starve(void (*body)(void *))
{
    struct crew hogs, others;
    crew_init(&hogs);
    crew_init(&others);
    store_release(&hog_stops, false);
    for (int i = 0; i < 3; i++) {
        crew_go(&hogs, body, NULL);
    }
    crew_go(&others, write_ten_times, NULL);
    crew_go(&others, read_ten_times, NULL);
    crew_go(&others, read_ten_times, NULL);
    crew_wait(&others);
    store_release(&hog_stops, true);
    crew_fini(&hogs);
    crew_fini(&others);
}

TASK_TEST(rwmutex_starves_nobody)
{
    starve(hog_as_writer);
    starve(hog_as_reader);
}

struct shared_rw {
    struct weft_rwmutex mutex;
    _Atomic(int) users;
    bool lingers; /* who has the lock: so others come to wait, and it is handed over */
};

static void read_and_drop(void *arg)
{
    struct shared_rw *shared = arg;
    weft_rlock(&shared->mutex);
    if (shared->lingers) {
        weft_yield();
    }
    bool last = sub_acq_rel(&shared->users, 1) == 1;
    weft_runlock(&shared->mutex);
    if (last) {
        weft_wlock(&shared->mutex); /* readers that have not left yet */
        weft_wunlock(&shared->mutex);
        free(shared);
    }
}

static void write_and_drop(void *arg)
{
    struct shared_rw *shared = arg;
    weft_wlock(&shared->mutex);
    if (shared->lingers) {
        weft_yield();
    }
    bool last = sub_acq_rel(&shared->users, 1) == 1;
    weft_wunlock(&shared->mutex);
    if (last) {
        free(shared); /* all others had unlocked it */
    }
}

TASK_TEST(the_last_user_frees_the_rwmutex)
{
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < rounds(2000); i++) {
        struct shared_rw *shared = calloc(1, sizeof *shared);
        CHECK(shared != NULL);
        store_relaxed(&shared->users, 4);
        shared->lingers = i % 2 == 0;
        for (int user = 0; user < 4; user++) {
            crew_go(&crew, user % 2 == 0 ? read_and_drop : write_and_drop, shared);
        }
        crew_wait(&crew);
    }
    crew_fini(&crew);
}

TCase *rwmutex_tests(void)
{
    TCase *cases = tcase_create("rwmutex");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, writers_exclude_readers_share);
    tcase_add_test(cases, rwmutex_takes_turns);
    tcase_add_test(cases, rwmutex_starves_nobody);
    tcase_add_test(cases, the_last_user_frees_the_rwmutex);
    return cases;
}
