/* Goal: what the ABI says a call keeps, a switch and a recovered panic keep, on whichever worker the task goes on:
 * every callee-saved register by its name, the
 * floating-point control of the task (MXCSR and the x87 control word; FPCR), the alignment of the stack; also while
 * signals come in at any instruction.
 * Method: an assembly function fills the registers with words of the task's own, yields, and stores what is in them
 * then. Nothing here is left to the compiler's choice of registers, as in context.c. Meanwhile, in one test, two
 * sources of signals (a timer of the process, and a thread that aims at the workers) interrupt them some ten thousand
 * times a second, on the tasks' stacks and on the alternate ones. */
#include "unit.h"

#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* --- the registers ---------------------------------------------------------------------------------- */

#if defined(__x86_64__)

enum { REGISTERS = 6 }; /* rbx, rbp, r12 ... r15 */

/* canary_call(fn, words): registers = words[0 ... 5]; fn(); words[6 ... 11] = registers. */
__asm__(".text\n"
        ".type canary_call, @function\n"
        "canary_call:\n"
        "\tpushq %rbx\n\tpushq %rbp\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n"
        "\tpushq %rsi\n" /* seven words and the return address: aligned for the call */
        "\tmovq (%rsi), %rbx\n\tmovq 8(%rsi), %rbp\n\tmovq 16(%rsi), %r12\n"
        "\tmovq 24(%rsi), %r13\n\tmovq 32(%rsi), %r14\n\tmovq 40(%rsi), %r15\n"
        "\tcallq *%rdi\n"
        "\tpopq %rsi\n"
        "\tmovq %rbx, 48(%rsi)\n\tmovq %rbp, 56(%rsi)\n\tmovq %r12, 64(%rsi)\n"
        "\tmovq %r13, 72(%rsi)\n\tmovq %r14, 80(%rsi)\n\tmovq %r15, 88(%rsi)\n"
        "\tpopq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbp\n\tpopq %rbx\n"
        "\tretq\n"
        ".size canary_call, . - canary_call\n");

#elif defined(__aarch64__)

enum { REGISTERS = 19 }; /* x19 ... x29, d8 ... d15 */

__asm__(".text\n"
        ".type canary_call, %function\n"
        "canary_call:\n"
        "\tstp x29, x30, [sp, #-176]!\n"
        "\tstp x19, x20, [sp, #16]\n\tstp x21, x22, [sp, #32]\n\tstp x23, x24, [sp, #48]\n"
        "\tstp x25, x26, [sp, #64]\n\tstp x27, x28, [sp, #80]\n"
        "\tstp d8, d9, [sp, #96]\n\tstp d10, d11, [sp, #112]\n\tstp d12, d13, [sp, #128]\n\tstp d14, d15, [sp, #144]\n"
        "\tstr x1, [sp, #160]\n"
        "\tldp x19, x20, [x1]\n\tldp x21, x22, [x1, #16]\n\tldp x23, x24, [x1, #32]\n\tldp x25, x26, [x1, #48]\n"
        "\tldp x27, x28, [x1, #64]\n\tldr x29, [x1, #80]\n"
        "\tldp d8, d9, [x1, #88]\n\tldp d10, d11, [x1, #104]\n\tldp d12, d13, [x1, #120]\n\tldp d14, d15, [x1, #136]\n"
        "\tblr x0\n"
        "\tldr x1, [sp, #160]\n"
        "\tadd x1, x1, #152\n"
        "\tstp x19, x20, [x1]\n\tstp x21, x22, [x1, #16]\n\tstp x23, x24, [x1, #32]\n\tstp x25, x26, [x1, #48]\n"
        "\tstp x27, x28, [x1, #64]\n\tstr x29, [x1, #80]\n"
        "\tstp d8, d9, [x1, #88]\n\tstp d10, d11, [x1, #104]\n\tstp d12, d13, [x1, #120]\n\tstp d14, d15, [x1, #136]\n"
        "\tldp x19, x20, [sp, #16]\n\tldp x21, x22, [sp, #32]\n\tldp x23, x24, [sp, #48]\n"
        "\tldp x25, x26, [sp, #64]\n\tldp x27, x28, [sp, #80]\n"
        "\tldp d8, d9, [sp, #96]\n\tldp d10, d11, [sp, #112]\n\tldp d12, d13, [sp, #128]\n\tldp d14, d15, [sp, #144]\n"
        "\tldp x29, x30, [sp], #176\n"
        "\tret\n"
        ".size canary_call, . - canary_call\n");

#endif

#if defined(__x86_64__) || defined(__aarch64__)

void canary_call(void (*fn)(void), uint64_t *words);

static void call_with_canaries(void (*fn)(void), uint64_t seed)
{
    uint64_t words[2 * REGISTERS];
    for (uint64_t i = 0; i < REGISTERS; i++) {
        words[i] = (seed + i) * 0x9E3779B97F4A7C15u;
    }
    canary_call(fn, words);
    for (size_t i = 0; i < REGISTERS; i++) {
        CHECK_MSG(words[REGISTERS + i] == words[i], "register %zu of %d: %#llx became %#llx", i, REGISTERS,
                  (unsigned long long)words[i], (unsigned long long)words[REGISTERS + i]);
    }
}

#else

static void call_with_canaries(void (*fn)(void), uint64_t seed)
{
    (void)seed;
    fn(); /* ucontext's affair */
}

#endif

/* A control of each task's own; never one that traps. */
static uint64_t control_of(uint64_t number)
{
#if defined(__x86_64__)
    static const uint32_t mxcsr[] = {0x1F80, 0x3F80, 0x5F80,
                                     0x7F80, 0x9F80, 0x1FC0}; /* rounding; flush to zero; denormals are zero */
    static const uint16_t x87[] = {0x037F, 0x077F, 0x0B7F, 0x0F7F, 0x027F, 0x007F}; /* rounding; precision */
    return mxcsr[number % 6] | (uint64_t)x87[(number / 2) % 6] << 32;
#elif defined(__aarch64__)
    static const uint64_t fpcr[] = {0,        1u << 22, 2u << 22,
                                    3u << 22, 1u << 24, 1u << 25}; /* rounding; flush to zero; default NaN */
    return fpcr[number % 6];
#else
    (void)number;
    return 0;
#endif
}

/* --- the tasks -------------------------------------------------------------------------------------- */

enum { TASKS = 5 };
static _Atomic(uint64_t) moves;       /* yields behind which a task was on another worker */
static _Atomic(pid_t) worker_ids[64]; /* the kernel's, by the worker's index */
static _Atomic(bool) enough;
static bool until_told;

static size_t turns(void)
{
    return rounds(1000000) / TASKS + 1;
}

static __attribute__((noinline)) void check_alignment(void)
{
    _Alignas(16) volatile char aligned[16]; /* which relies on the stack's alignment at the call */
    CHECK_EQ((uintptr_t)aligned % 16, 0);
}

static void keep_canaries(void *arg)
{
    uint64_t number = *(uint64_t *)arg, control = control_of(number);
    struct worker *last = worker_self();
    CHECK_EQ((float_control_read() ^ control_of(0)) & FLOAT_CONTROL_MASK, 0); /* every task starts with the run's */
    check_alignment();
    float_control_write(control);
    for (uint64_t step = 0; until_told ? !load_relaxed(&enough) : step < turns(); step++) {
        call_with_canaries(weft_yield, number << 40 | step);
        CHECK_MSG(((float_control_read() ^ control) & FLOAT_CONTROL_MASK) == 0, "task %u: control %#llx became %#llx",
                  (unsigned)number, (unsigned long long)control, (unsigned long long)float_control_read());
        struct worker *now = worker_self();
        moves += now != last;
        last = now;
        store_relaxed(&worker_ids[now->index % 64], (pid_t)syscall(SYS_gettid)); /* for the signals */
    }
    float_control_write(control_of(0));
    check_alignment();
}

static void canary_main(void *unused)
{
    static uint64_t numbers[TASKS];
    struct crew crew;
    (void)unused;
    crew_init(&crew);
    for (uint64_t i = 0; i < TASKS; i++) {
        numbers[i] = i + 1;
        crew_go(&crew, keep_canaries, &numbers[i]);
    }
    crew_fini(&crew);
}

TASK_TEST(registers_survive_migration)
{
    float_control_write(control_of(0));
    canary_main(NULL);
    printf("moves: %llu of %zu\n", (unsigned long long)moves, turns() * TASKS);
}

/* --- panics ----------------------------------------------------------------------------------------- */

static void recover_elsewhere(void *seen)
{
    weft_yield();
    *(bool *)seen = weft_recover() != NULL;
}

static void panic_now(void)
{
    weft_yield();
    weft_panic("with other words in all registers");
}

static void fall(void *seen)
{
    weft_defer(recover_elsewhere, seen);
    call_with_canaries(panic_now, (uint64_t)(uintptr_t)seen);
}

static void return_with_defers(void *seen)
{
    weft_defer(recover_elsewhere, seen);
    call_with_canaries(weft_yield, (uint64_t)(uintptr_t)seen);
}

static void fall_and_return(void)
{
    bool seen = false;
    CHECK(!weft_call(fall, &seen) && seen);
    CHECK(weft_call(return_with_defers, &seen) && !seen);
}

static void keep_canaries_in_panics(void *arg)
{
    for (uint64_t step = 0; step < turns() / 20 + 1; step++) {
        call_with_canaries(fall_and_return, *(uint64_t *)arg << 40 | step);
        check_alignment();
    }
}

/* A frame that is cut back to, and one that returns, both keep what a call keeps. */
TASK_TEST(registers_survive_panics)
{
    static uint64_t numbers[TASKS];
    struct crew crew;
    crew_init(&crew);
    for (uint64_t i = 0; i < TASKS; i++) {
        numbers[i] = i + 1;
        crew_go(&crew, keep_canaries_in_panics, &numbers[i]);
    }
    crew_fini(&crew);
}

/* --- signals ---------------------------------------------------------------------------------------- */

static _Atomic(unsigned) signals_seen;

/* Uses some stack, and vector registers if the compiler likes to: the kernel saves and restores what was there. */
static void on_signal(int number)
{
    volatile char scratch[1024];
    for (size_t i = 0; i < sizeof scratch; i++) {
        scratch[i] = (char)(number + (int)i);
    }
    volatile double value = 1.0;
    value = value / 3.0 + (double)scratch[7];
    add_relaxed(&signals_seen, 1u); /* statistic */
}

static void *aim_at_workers(void *unused)
{
    (void)unused;
    for (unsigned i = 0; !load_relaxed(&enough); i++) {
        pid_t thread = load_relaxed(&worker_ids[i % 64]);
        if (thread != 0) {
            syscall(SYS_tgkill, getpid(), thread, SIGUSR1);
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        }
    }
    return NULL;
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | flags};
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(number, &action, NULL) == 0);
}

static void *end_after_signals(void *unused)
{
    unsigned wanted = (unsigned)rounds(20000) + 100;
    while (load_relaxed(&signals_seen) < wanted) { /* the watchdog limits it */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    store_relaxed(&enough, true);
    return unused;
}

/* The one signal on the task's stack, the other on the alternate one. */
START_TEST(registers_survive_signals)
    {
        struct itimerval every = {.it_interval = {.tv_usec = 100}, .it_value = {.tv_usec = 100}}, never = {0};
        pthread_t aiming, ending;
        sigset_t ours, before;
        until_told = true;
        handle(SIGALRM, 0);
        handle(SIGUSR1, SA_ONSTACK);
        sigemptyset(&ours);
        sigaddset(&ours, SIGALRM);
        sigaddset(&ours, SIGUSR1);
        pthread_sigmask(SIG_BLOCK, &ours, &before); /* the threads that are started here are not to be interrupted */
        CHECK(pthread_create(&aiming, NULL, aim_at_workers, NULL) == 0);
        CHECK(pthread_create(&ending, NULL, end_after_signals, NULL) == 0);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
        float_control_write(control_of(0));
        struct weft_options options = {.sched = combination.sched,
                                       .chan = combination.chan,
                                       .workers = combination.workers,
                                       .seed = combination.seed};
        CHECK_STATUS(run_options(&options, canary_main, NULL), WEFT_OK);
        CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
        pthread_join(aiming, NULL);
        pthread_join(ending, NULL);
        CHECK(load_relaxed(&signals_seen) >= 100);
    }
END_TEST

TCase *canary_tests(void)
{
    TCase *tests = tcase_create("canary");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, registers_survive_migration);
    tcase_add_test(tests, registers_survive_panics);
    tcase_add_test(tests, registers_survive_signals);
    return tests;
}
