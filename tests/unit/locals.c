/* Goal: what belongs to a thread is the right thread's after a switch: the worker that Weft asks for, errno, and
 * thread-local variables that are asked for anew by a function that is not inlined. So at -O2, and with link-time
 * optimisation (the program `lto`), where a compiler may keep the address of a thread-local variable over a call in
 * which the task moves to another thread.
 * Method: tasks move between workers; each look is checked against the kernel's number of the thread. And what weft.h
 * does not promise is shown to be no promise: the test prints whether this compiler keeps such addresses, and relies on
 * nothing. */
#include "unit.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t thread_id(void)
{
    return (pid_t)syscall(SYS_gettid); /* not the C library's, which may cache it */
}

static _Thread_local pid_t owner; /* the thread's own number, or 0 */

/* The way that weft.h tells: a function of its own, not inlined, which computes the address anew. */
no_race_check static __attribute__((noinline)) pid_t *owner_now(void)
{
    __asm__ volatile("" ::: "memory");
    return &owner;
}

no_race_check static __attribute__((noinline)) int errno_now(void)
{
    __asm__ volatile("" ::: "memory");
    return errno;
}

static _Atomic(pid_t) id_of_worker[64];
static _Atomic(unsigned) moves, kept_addresses;

/* Inlined: two looks in one function, with a switch between them, are what a compiler would merge. Thread-locals are
 * ordered by their thread, which the thread sanitizer does not take for an order between tasks. */
no_race_check static force_inline void look_around(pid_t thread)
{
    struct worker *self = worker_self();
    pid_t known = 0;
    CHECK(self != NULL && load_relaxed(&self->current) != NULL);
    if (!combination.sched_caps->os_threads && !cas_acq_rel(&id_of_worker[self->index % 64], &known, thread)) {
        CHECK_EQ(known, thread); /* a worker is one thread */
    }
    pid_t *mine = owner_now();
    CHECK(*mine == 0 || *mine == thread);
    *mine = thread;
}

/* errno of a call that fails here and now is this thread's. */
no_race_check static void fail_with(int expected)
{
    if (expected == EBADF) {
        CHECK(close(-1) == -1);
    } else {
        CHECK(chdir("/no such directory") == -1);
    }
    CHECK_EQ(errno_now(), expected);
}

no_race_check static void wander(void *unused)
{
    (void)unused;
    pid_t last = thread_id();
    for (size_t step = 0, count = rounds(20000) + 10; step < count; step++) {
        look_around(thread_id());
        fail_with(step % 2 == 0 ? EBADF : ENOENT);
        pid_t *before = &owner; /* in one function with the switch: the compiler may take both for one address */
        weft_yield();
        pid_t *behind = &owner;
        pid_t now = thread_id();
        moves += now != last;
        kept_addresses += now != last && before == behind;
        last = now;
        look_around(now);
        fail_with(step % 2 == 0 ? ENOENT : EBADF);
    }
}

TASK_TEST(each_look_is_at_the_own_thread)
{
    enum { TASKS = 5 };
    struct crew crew;
    crew_init(&crew);
    for (size_t i = 0; i < TASKS; i++) {
        crew_go(&crew, wander, NULL);
    }
    crew_fini(&crew);
    printf("moves: %u; addresses of a thread-local variable that were kept over a move: %u\n", moves, kept_addresses);
}

TCase *locals_tests(void)
{
    TCase *tests = tcase_create("locals");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, each_look_is_at_the_own_thread);
    return tests;
}
