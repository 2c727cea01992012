/* Faults on purpose: what may fail or be late in this process, when, and how often it did.
 *
 * The plan lies in memory that a parent shares with its children, so that what was injected is known of a child that
 * died too. The functions of the C library that may fail are reached by the linker (--wrap, see tests/CMakeLists.txt),
 * so that what Weft calls comes here, and what libraries call among themselves does not. */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault {
    FAULT_ALLOC,   /* malloc, calloc, aligned_alloc, realloc: no memory */
    FAULT_MMAP,    /* no memory */
    FAULT_GUARD,   /* MADV_GUARD_INSTALL: unknown, as before Linux 6.13 */
    FAULT_PROTECT, /* mprotect: no mapping left */
    FAULT_ADVISE,  /* any other madvise */
    FAULT_THREAD,  /* pthread_create: no thread */
    FAULT_FUTEX,   /* a wait returns EINTR, EAGAIN, or for no reason, at once or after a while */
    FAULT_DELAY,   /* a thread is held up before an atomic operation */
    FAULT_CAS,     /* a weak compare-and-swap fails for no reason */
    FAULT_STOP,    /* a thread is stopped by a signal */
    FAULT_MIGRATE, /* a task is resumed on another worker: the scheduler `migrate` */
    FAULTS
};

enum { SITES_MAX = 8192 };

/* A place in the program where an atomic operation is: see core/test_point.h. */
struct site {
    _Atomic(uintptr_t) offset; /* from the start of the program; 0: free */
    _Atomic(uint32_t) hits;
};

struct plan {
    /* calls number `from` up to `to`, counted from 0, fail: for those that fail by number */
    uint64_t from[FAULTS], to[FAULTS];
    uint32_t permille[FAULTS]; /* for those that fail by chance: FUTEX, DELAY, CAS */
    uint64_t seed;
    uint64_t stop_pause_ns; /* mean pause between two stops; 0: none */
    uintptr_t delay_site;   /* hold up there, and nowhere else; 0: anywhere */
    uint32_t delay_us;      /* longest delay */
    bool record_sites;
    /* what happened */
    _Atomic(uint64_t) calls[FAULTS];
    _Atomic(uint64_t) injected[FAULTS];
    struct site sites[SITES_MAX];
};

/* Of this process. Not armed: everything works as ever. */
extern struct plan *plan;
extern _Atomic(bool) plan_armed;

/* A new plan in a file of its own, which has no name: *fd, open in programs that are started too. */
struct plan *plan_new(int *fd);
/* The plan in such a file; NULL: there is none. */
struct plan *plan_map(int fd);
/* Forgets the plan and the counts, but not the sites. */
void plan_clear(struct plan *one);
uint64_t plan_injected(const struct plan *one);

void inject_arm(bool yes);
void inject_count(enum fault fault);
/* The next call of that kind, if the plan is armed: is it to fail? */
bool inject_fails(enum fault fault);
const char *fault_name(enum fault fault);
/* For the caller's thread: a number in [0, bound). Not of the program's own generators: it must not change their
 * choices. */
uint32_t inject_dice(uint32_t bound);

/* A thread that stops the others at random moments, until stop_end(). */
void stop_begin(void);
void stop_end(void);
/* Threads that may be stopped say so while they live; pthread_create does it for those that it makes. */
int stop_enlist(void);
void stop_delist(int place);

#endif
