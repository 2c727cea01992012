/* Goal: mutex, rwmutex, cond, waitgroup, once and semaphore exclude, wake and order as core/weft.h says.
 * Method: crowds that count in plain variables what only exclusion keeps right; queues whose order is known; objects that are freed by
 * their last user; misuse in children. After Go's sync/{mutex,rwmutex,cond,waitgroup,once}_test.go and x/sync/semaphore. */
#include "conformance.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CROWD = 12 };

/* --- mutex --- */

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
        for (int i = 0; i < 20; i++) {
            weft_yield(); /* it is held nearly all the time */
        }
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

/* --- rwmutex --- */

static struct weft_rwmutex rwmutex;
static size_t pair[2];
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

static char order[64];
static _Atomic(unsigned) arrived, logged;

static void log_letter(char letter)
{
    size_t length = strlen(order);
    order[length] = letter;
    order[length + 1] = '\0';
    add_release(&logged, 1u);
}

static void late_writer(void *unused)
{
    (void)unused;
    weft_wlock(&rwmutex);
    log_letter('w');
    weft_wunlock(&rwmutex);
}

static void late_reader(void *unused)
{
    (void)unused;
    weft_rlock(&rwmutex);
    log_letter('r');
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
    CHECK_MSG(strcmp(order, "wrw") == 0, "the order is %s", order);
}

static void hog_as_writer(void *unused)
{
    (void)unused;
    while (!load_acquire(&hog_stops)) {
        weft_wlock(&rwmutex);
        for (int i = 0; i < 20; i++) {
            weft_yield();
        }
        weft_wunlock(&rwmutex);
    }
}

static void hog_as_reader(void *unused)
{
    (void)unused;
    while (!load_acquire(&hog_stops)) {
        weft_rlock(&rwmutex);
        for (int i = 0; i < 20; i++) {
            weft_yield();
        }
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
static void starve(void (*hog)(void *))
{
    struct crew hogs, others;
    crew_init(&hogs);
    crew_init(&others);
    store_release(&hog_stops, false);
    for (int i = 0; i < 3; i++) {
        crew_go(&hogs, hog, NULL);
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
};

static void read_and_drop(void *arg)
{
    struct shared_rw *shared = arg;
    weft_rlock(&shared->mutex);
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
        for (int user = 0; user < 4; user++) {
            crew_go(&crew, user % 2 == 0 ? read_and_drop : write_and_drop, shared);
        }
        crew_wait(&crew);
    }
    crew_fini(&crew);
}

/* --- cond --- */

static struct weft_cond cond;
static unsigned tokens, waiting, woken_order[CROWD], woken;

static void wait_for_token(void *arg)
{
    weft_lock(&mutex);
    unsigned ticket = waiting++;
    if (arg != NULL) {
        weft_cond_wait(&cond, &mutex); /* no loop: there are no spurious returns */
        woken_order[woken++] = ticket;
    } else {
        while (tokens == 0) {
            weft_cond_wait(&cond, &mutex);
        }
        tokens--;
    }
    weft_unlock(&mutex);
}

/* Until all are in the condition's queue: who has counted itself holds the mutex until it is. */
static void await_waiting(void)
{
    for (bool all = false; !all; weft_yield()) {
        weft_lock(&mutex);
        all = waiting == CROWD;
        weft_unlock(&mutex);
    }
}

TASK_TEST(signals_wake_one_in_order)
{
    struct crew crew;
    crew_init(&crew);
    for (unsigned i = 0; i < CROWD; i++) {
        crew_go(&crew, wait_for_token, &mutex);
    }
    await_waiting();
    for (unsigned i = 0; i < CROWD; i++) {
        weft_lock(&mutex);
        CHECK_EQ(woken, i);
        weft_cond_signal(&cond);
        weft_unlock(&mutex);
        for (;;) {
            weft_lock(&mutex);
            bool done = woken == i + 1;
            weft_unlock(&mutex);
            if (done) {
                break;
            }
            weft_yield();
        }
    }
    crew_fini(&crew);
    for (unsigned i = 0; i < CROWD; i++) {
        CHECK_EQ(woken_order[i], i);
    }
    weft_cond_signal(&cond); /* nobody waits: nothing is kept */
}

TASK_TEST(broadcast_wakes_all)
{
    struct crew crew;
    crew_init(&crew);
    for (unsigned i = 0; i < CROWD; i++) {
        crew_go(&crew, wait_for_token, NULL);
    }
    await_waiting();
    weft_lock(&mutex);
    tokens = CROWD;
    weft_cond_broadcast(&cond);
    weft_unlock(&mutex);
    crew_fini(&crew);
    CHECK_EQ(tokens, 0);
}

static struct weft_cond not_full, not_empty;
static int slot_value;
static bool slot_full;

static void produce(void *unused)
{
    (void)unused;
    for (size_t i = 1; i <= turns; i++) {
        weft_lock(&mutex);
        while (slot_full) {
            weft_cond_wait(&not_full, &mutex);
        }
        slot_full = true;
        slot_value = (int)i;
        weft_cond_signal(&not_empty);
        weft_unlock(&mutex);
    }
}

static void consume(void *sum)
{
    for (size_t i = 0; i < turns; i++) {
        weft_lock(&mutex);
        while (!slot_full) {
            weft_cond_wait(&not_empty, &mutex);
        }
        slot_full = false;
        *(_Atomic(long) *)sum += slot_value;
        weft_cond_signal(&not_full);
        weft_unlock(&mutex);
    }
}

/* The textbook's bounded buffer: a lost wake-up would hang it. */
TASK_TEST(bounded_buffer)
{
    _Atomic(long) sum = 0;
    struct crew crew;
    crew_init(&crew);
    turns = rounds(3000);
    for (int i = 0; i < 3; i++) {
        crew_go(&crew, produce, NULL);
        crew_go(&crew, consume, &sum);
    }
    crew_fini(&crew);
    CHECK_EQ(sum, 3 * (long)(turns * (turns + 1) / 2));
}

/* --- waitgroup --- */

static size_t group_done[CROWD];

static void member(void *arg)
{
    weft_yield();
    (*(size_t *)arg)++;
}

static void exiting_member(void *arg)
{
    (*(size_t *)arg)++;
    weft_exit();
}

static void recover_quietly(void *unused)
{
    (void)unused;
    CHECK(weft_recover() != NULL);
}

static void panicking_member(void *arg)
{
    (*(size_t *)arg)++;
    weft_defer(recover_quietly, NULL);
    weft_panic("a member");
}

/* Each round uses the group again; members end in three ways; what they wrote is seen behind wait. */
TASK_TEST(waitgroup_waits_for_all)
{
    static void (*const kinds[])(void *) = {member, exiting_member, panicking_member};
    struct weft_waitgroup group = {0};
    weft_wg_wait(&group);
    size_t count = rounds(200);
    for (size_t i = 0; i < count; i++) {
        for (int m = 0; m < CROWD; m++) {
            CHECK_STATUS(weft_wg_go(&group, kinds[m % 3], &group_done[m]), WEFT_OK);
        }
        weft_wg_wait(&group);
        for (int m = 0; m < CROWD; m++) {
            CHECK_EQ(group_done[m], i + 1);
        }
    }
    CHECK_STATUS(weft_wg_go(&group, NULL, NULL), WEFT_INVALID);
}

static void done_later(void *arg)
{
    weft_yield();
    weft_wg_done(arg);
}

static void wait_too(void *arg)
{
    weft_wg_wait(arg);
    add_release(&arrived, 1u);
}

/* Several wait; the one that made the group frees it as soon as it has returned. */
TASK_TEST(waitgroup_may_go_after_wait)
{
    for (size_t i = 0; i < rounds(1000); i++) {
        struct weft_waitgroup *group = calloc(1, sizeof *group);
        CHECK(group != NULL);
        weft_wg_add(group, 3);
        for (int m = 0; m < 3; m++) {
            CHECK_STATUS(weft_go(done_later, group), WEFT_OK);
        }
        for (size_t n = 0; n < i % 8; n++) {
            weft_yield(); /* it finds nothing done, or some, or all and the last one about to leave */
        }
        weft_wg_wait(group);
        free(group);
    }
    struct weft_waitgroup group = {0};
    weft_wg_add(&group, 1);
    for (int m = 0; m < 5; m++) {
        CHECK_STATUS(weft_go(wait_too, &group), WEFT_OK);
    }
    settle(5);
    weft_wg_done(&group);
    await_at_least(&arrived, 5);
}

/* --- once --- */

static struct weft_once once;
static unsigned once_count;

static void once_body(void *unused)
{
    (void)unused;
    weft_yield();
    once_count++;
    weft_yield();
}

static void do_once(void *unused)
{
    (void)unused;
    void (*volatile function)(struct weft_once *, task_fn, void *) = weft_once_do; /* not what weft.h inlines */
    function(&once, once_body, NULL);
    CHECK_EQ(once_count, 1);
    weft_once_do(&once, once_body, NULL);
    CHECK_EQ(once_count, 1);
}

TASK_TEST(once_runs_once)
{
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < CROWD; i++) {
        crew_go(&crew, do_once, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(once_count, 1);
}

static void once_panics(void *unused)
{
    (void)unused;
    weft_yield();
    once_count++;
    weft_panic("once");
}

static void try_once(void *unused)
{
    (void)unused;
    weft_defer(recover_quietly, NULL);
    weft_once_do(&once, once_panics, NULL);
    weft_panic("the others come here");
}

static void try_once_task(void *unused)
{
    (void)unused;
    CHECK(!weft_call(try_once, NULL));
}

/* A panic counts as done; those who wait are let go. */
TASK_TEST(once_is_done_by_a_panic)
{
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < CROWD; i++) {
        crew_go(&crew, try_once_task, NULL);
    }
    crew_fini(&crew);
    CHECK_EQ(once_count, 1);
}

/* --- semaphore --- */

static struct weft_sem sem;
static _Atomic(unsigned) weight_inside;

static void acquire_some(void *arg)
{
    struct dice dice = dice_new((uintptr_t)arg);
    for (size_t i = 0; i < turns; i++) {
        uint64_t weight = 1 + dice_below(&dice, 4);
        if (i % 3 == 0) {
            while (!weft_sem_try_acquire(&sem, weight)) {
                weft_yield();
            }
        } else {
            CHECK_STATUS(weft_sem_acquire(&sem, weight, i % 2 == 0 ? NULL : weft_ctx_background()), WEFT_OK);
        }
        unsigned inside = add_acq_rel(&weight_inside, (unsigned)weight) + (unsigned)weight;
        CHECK_MSG(inside <= 5, "%u of 5", inside);
        weft_yield();
        sub_acq_rel(&weight_inside, (unsigned)weight);
        weft_sem_release(&sem, weight);
    }
}

TASK_TEST(semaphore_bounds_the_weight)
{
    struct crew crew;
    crew_init(&crew);
    turns = rounds(300);
    weft_sem_init(&sem, 5);
    for (uintptr_t i = 0; i < CROWD; i++) {
        crew_go(&crew, acquire_some, (void *)i);
    }
    crew_fini(&crew);
    CHECK(weft_sem_try_acquire(&sem, 5));
    CHECK(!weft_sem_try_acquire(&sem, 1));
    CHECK(weft_sem_try_acquire(&sem, 0));
}

static void take_three(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sem_acquire(&sem, 3, NULL), WEFT_OK);
    log_letter('3');
}

static void take_one(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sem_acquire(&sem, 1, NULL), WEFT_OK);
    log_letter('1');
}

/* A small request does not overtake a large one that came before. */
TASK_TEST(semaphore_is_fair)
{
    struct crew crew;
    crew_init(&crew);
    weft_sem_init(&sem, 0);
    crew_go(&crew, take_three, NULL);
    settle(1);
    crew_go(&crew, take_one, NULL);
    settle(2);
    weft_sem_release(&sem, 2);
    CHECK(!weft_sem_try_acquire(&sem, 1));
    for (int i = 0; i < 20; i++) {
        weft_yield();
    }
    CHECK_EQ(load_acquire(&logged), 0);
    weft_sem_release(&sem, 1);
    await_at_least(&logged, 1);
    weft_sem_release(&sem, 1);
    crew_fini(&crew);
    CHECK_MSG(strcmp(order, "31") == 0, "the order is %s", order);
}

static struct weft_ctx *ctx;

static void take_many(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sem_acquire(&sem, 100, ctx), WEFT_CANCELED);
}

/* Cancelling the large request lets the small one behind it go; what is there at once is acquired even then. */
TASK_TEST(semaphore_and_context)
{
    struct crew crew;
    crew_init(&crew);
    ctx = weft_ctx_with_cancel(weft_ctx_background());
    weft_sem_init(&sem, 1);
    crew_go(&crew, take_many, NULL);
    settle(1);
    crew_go(&crew, take_one, NULL);
    settle(2);
    weft_ctx_cancel(ctx, NULL);
    crew_wait(&crew);
    CHECK_STATUS(weft_sem_acquire(&sem, 1, ctx), WEFT_CANCELED);
    weft_sem_release(&sem, 1);
    CHECK_STATUS(weft_sem_acquire(&sem, 1, ctx), WEFT_OK);
    weft_ctx_free(ctx);
    ctx = weft_ctx_with_timeout(weft_ctx_background(), 1000000);
    CHECK_STATUS(weft_sem_acquire(&sem, 1, ctx), WEFT_TIMEOUT);
    weft_ctx_free(ctx);
    crew_fini(&crew);
}

static void acquire_with_patience(void *arg)
{
    struct dice dice = dice_new((uintptr_t)arg);
    for (size_t i = 0; i < turns; i++) {
        struct weft_ctx *soon = weft_ctx_with_timeout(weft_ctx_background(), dice_below(&dice, 20000));
        if (weft_sem_acquire(&sem, 1, soon) == WEFT_OK) {
            weft_yield();
            weft_sem_release(&sem, 1);
        }
        weft_ctx_free(soon);
    }
}

/* Grants and deadlines cross; no permit is lost or made. */
TASK_TEST(semaphore_under_deadlines)
{
    struct crew crew;
    crew_init(&crew);
    turns = rounds(300);
    weft_sem_init(&sem, 2);
    for (uintptr_t i = 0; i < CROWD; i++) {
        crew_go(&crew, acquire_with_patience, (void *)i);
    }
    crew_fini(&crew);
    CHECK(weft_sem_try_acquire(&sem, 2));
    CHECK(!weft_sem_try_acquire(&sem, 1));
}

/* --- misuse --- */

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

static void *lock_outside_of_tasks(void *unused)
{
    weft_lock(&mutex);
    return unused;
}

static void *unlock_outside_of_tasks(void *unused)
{
    weft_unlock(&mutex);
    return unused;
}

static void lock_outside(void *unused)
{
    pthread_t thread;
    pthread_create(&thread, NULL, lock_outside_of_tasks, unused);
    pthread_join(thread, NULL);
}

static void unlock_outside(void *unused)
{
    pthread_t thread;
    weft_lock(&mutex);
    pthread_create(&thread, NULL, unlock_outside_of_tasks, unused);
    pthread_join(thread, NULL);
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
            {unlock_outside, "outside of any task"},
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

TCase *sync_tests(void)
{
    TCase *cases = tcase_create("sync");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, mutex_excludes);
    tcase_add_test(cases, mutex_starves_nobody);
    tcase_add_test(cases, a_loop_of_locks_keeps_nobody_out);
    tcase_add_test(cases, the_last_user_frees_the_mutex);
    tcase_add_test(cases, writers_exclude_readers_share);
    tcase_add_test(cases, rwmutex_takes_turns);
    tcase_add_test(cases, rwmutex_starves_nobody);
    tcase_add_test(cases, the_last_user_frees_the_rwmutex);
    tcase_add_test(cases, signals_wake_one_in_order);
    tcase_add_test(cases, broadcast_wakes_all);
    tcase_add_test(cases, bounded_buffer);
    tcase_add_test(cases, waitgroup_waits_for_all);
    tcase_add_test(cases, waitgroup_may_go_after_wait);
    tcase_add_test(cases, once_runs_once);
    tcase_add_test(cases, once_is_done_by_a_panic);
    tcase_add_test(cases, semaphore_bounds_the_weight);
    tcase_add_test(cases, semaphore_is_fair);
    tcase_add_test(cases, semaphore_and_context);
    tcase_add_test(cases, semaphore_under_deadlines);
    tcase_add_test(cases, misuse_is_named);
    tcase_add_test(cases, misuse_is_recoverable);
    return cases;
}
