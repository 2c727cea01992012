/* The plan, and the functions of the C library that fail by it. Linked with --wrap: see inject.h. */
#undef WEFT_TEST_POINTS /* the hook's own operations are no places to be held up at */
#include "inject.h"

#include "core/atomic.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

struct plan *plan;
_Atomic(bool) plan_armed;

int __real_madvise(void *address, size_t size, int advice);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_mprotect(void *address, size_t size, int protection);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);
long __real_syscall(long number, ...);
int __wrap_madvise(void *address, size_t size, int advice);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_mprotect(void *address, size_t size, int protection);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);
long __wrap_syscall(long number, ...);

/* --- the plan --------------------------------------------------------------------------------------- */

struct plan *plan_map(int fd)
{
    void *memory = __real_mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

struct plan *plan_new(int *fd)
{
    *fd = memfd_create("faults", 0);
    struct plan *made = *fd >= 0 && ftruncate(*fd, sizeof *made) == 0 ? plan_map(*fd) : NULL;
    if (made == NULL) {
        abort();
    }
    return made;
}

void plan_clear(struct plan *one)
{
    for (int i = 0; i < FAULTS; i++) {
        one->from[i] = one->to[i] = 0;
        one->permille[i] = 0;
        store_relaxed(&one->calls[i], 0u); /* nobody else looks now */
        store_relaxed(&one->injected[i], 0u);
    }
    one->seed = 0;
    one->stop_pause_ns = 0;
    one->delay_site = 0;
    one->delay_us = 0;
    one->record_sites = false;
}

uint64_t plan_injected(const struct plan *one)
{
    uint64_t total = 0;
    for (int i = 0; i < FAULTS; i++) {
        total += load_relaxed(&one->injected[i]); /* statistic */
    }
    return total;
}

void inject_arm(bool yes)
{
    store_seq_cst(&plan_armed, yes); /* behind the plan */
}

void inject_count(enum fault fault)
{
    if (plan != NULL) {
        add_relaxed(&plan->injected[fault], 1u); /* statistic */
    }
}

bool inject_fails(enum fault fault)
{
    if (!load_acquire(&plan_armed)) { /* the plan that was made before */
        return false;
    }
    uint64_t number = add_relaxed(&plan->calls[fault], 1u); /* statistic */
    bool fails = number >= plan->from[fault] && number < plan->to[fault];
    if (!fails && plan->permille[fault] != 0) {
        fails = inject_dice(1000) < plan->permille[fault];
    }
    if (fails) {
        inject_count(fault);
    }
    return fails;
}

const char *fault_name(enum fault fault)
{
    static const char *const names[] = {"alloc", "mmap",  "guard", "protect", "advise", "thread",
                                        "futex", "delay", "cas",   "stop",    "migrate"};
    return names[fault];
}

uint32_t inject_dice(uint32_t bound)
{
    static _Thread_local uint64_t state;
    static _Atomic(uint64_t) threads;
    if (state == 0) { /* splitmix64 of the seed and of the thread's place in the order of their coming */
        uint64_t z = plan->seed + 0x9E3779B97F4A7C15u * (add_relaxed(&threads, 1u) + 1);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        state = (z ^ (z >> 27)) | 1u;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1Du >> 32) * bound >> 32);
}

/* --- the functions ---------------------------------------------------------------------------------- */

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    if (inject_fails(FAULT_MMAP)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return __real_mmap(address, size, protection, flags, fd, offset);
}

int __wrap_mprotect(void *address, size_t size, int protection)
{
    if (inject_fails(FAULT_PROTECT)) {
        errno = ENOMEM;
        return -1;
    }
    return __real_mprotect(address, size, protection);
}

int __wrap_madvise(void *address, size_t size, int advice)
{
    if (inject_fails(advice == MADV_GUARD_INSTALL ? FAULT_GUARD : FAULT_ADVISE)) {
        errno = EINVAL;
        return -1;
    }
    return __real_madvise(address, size, advice);
}

struct start {
    void *(*fn)(void *);
    void *arg;
};

static void leave_list(void *place)
{
    stop_delist((int)(intptr_t)place);
}

static void *start_enlisted(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    void *result;
    int place = stop_enlist();
    pthread_cleanup_push(leave_list,
                         (void *)(intptr_t)place); /* a thread of a call that was left behind ends by pthread_exit */
    result = start.fn(start.arg);
    pthread_cleanup_pop(1);
    return result;
}

void *__real_malloc(size_t size);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg)
{
    if (inject_fails(FAULT_THREAD)) {
        nanosleep(&(struct timespec){.tv_nsec = 1000 * (long)inject_dice(30)},
                  NULL); /* the kernel refuses after a while, too */
        return EAGAIN;
    }
    struct start *start = __real_malloc(sizeof *start);
    if (start == NULL) {
        return EAGAIN;
    }
    *start = (struct start){fn, arg};
    int error = __real_pthread_create(thread, attributes, start_enlisted, start);
    if (error != 0) {
        free(start);
    }
    return error;
}

/* A wait that ends too early, in each of the ways in which the kernel's may. */
static long futex_early(_Atomic(uint32_t) *word, int operation, uint32_t value)
{
    switch (inject_dice(4)) {
    case 0: errno = EINTR; return -1;
    case 1: errno = EAGAIN; return -1; /* the word has changed: and back again, then */
    case 2: return 0;
    default: break;
    }
    struct timespec soon;
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_nsec += 1000 + (long)inject_dice(300000);
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    __real_syscall(SYS_futex, word, operation, value, &soon, NULL, FUTEX_BITSET_MATCH_ANY);
    return 0;
}

/* core/futex.c's two calls; everything else passes. */
long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(args, long);
    }
    va_end(args);
    bool waits = number == SYS_futex && ((int)a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    if (waits && inject_fails(FAULT_FUTEX)) {
        return futex_early((_Atomic(uint32_t) *)a[0], (int)a[1], (uint32_t)a[2]);
    }
    return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
