/* The model checker: runs a litmus client again and again, on one OS thread, in all the orders and with all the values
 * that a search asks for.
 *
 * Idea: a client's threads are fibers (core/context.h). Each atomic operation is a call into the checker, which first
 * decides who goes on (threads.c) and then which of the values that the location has had the operation sees (memory.c).
 * Every decision is made by choose() (explore.c), so an execution is the list of its decisions, and is replayed by
 * giving the same ones.
 *
 * Source: the stateless search is that of P. Godefroid, "Model checking for programming languages using VeriSoft" (POPL
 * 1997), the bound on preemptions that of M. Musuvathi, S. Qadeer, "Iterative context bounding for systematic testing
 * of multithreaded programs" (PLDI 2007), PCT that of S. Burckhardt et al., "A randomized scheduler with probabilistic
 * guarantees of finding bugs" (ASPLOS 2010), sleep sets those of P. Godefroid's thesis (1996). Keeping all the stores
 * of a location and letting a load choose among them is from B. Norris, B. Demsky, "CDSChecker" (OOPSLA 2013); views as
 * stamps by location from J. Kang et al., "A promising semantics for relaxed-memory concurrency" (POPL 2017), here
 * without promises. Races of plain accesses: C. Flanagan, S. Freund, "FastTrack" (PLDI 2009). None of their code is
 * used.
 *
 * Files: memory.c  what an atomic operation may see; threads.c  fibers, pthreads, futex, deadlock; plain.c  the heap,
 * and plain accesses (the compiler's instrumentation for ThreadSanitizer calls it); explore.c  the searches;
 * histories.c what clients record; module.c  loading a client, setting its memory back; mutate.cc, main.cc  the
 * program. */
#ifndef MODEL_H
#define MODEL_H

#ifdef __cplusplus
extern "C" {
#endif

#include "client.h"

enum {
    THREADS_MAX = MODEL_THREADS,
    LOCATIONS_MAX = 1024, /* in one execution */
    SITES_MAX = 1024,     /* of one client */
    STEPS_MAX = 4000,     /* operations of one execution: longer ones are cut off */
    TRACE_MAX = 65536,    /* decisions of one execution */
};

/* --- the search --------------------------------------------------------------------------------------- */

enum strategy { SEARCH_DFS, SEARCH_PCT, SEARCH_RANDOM, SEARCH_REPLAY };

struct search {
    enum strategy strategy;
    int preemptions;     /* DFS: at most so many; negative: any number, with sleep sets */
    uint64_t executions; /* at most; 0: until a DFS is through */
    uint64_t seed;
    unsigned events;    /* early time-outs, spurious wake-ups and failures that an execution may have */
    unsigned pct_depth; /* priority changes and one */
    uint64_t program;   /* model_program() */
    const char *replay; /* decisions, as failure.replay has them */
    bool verbose;       /* print each operation */
};

enum outcome { OUTCOME_RUNS, OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_CUT, OUTCOME_PRUNED };

struct result {
    uint64_t executions; /* that ended, failures included */
    uint64_t pruned;     /* given up as the sleep sets say that another one is the same */
    uint64_t cut;        /* longer than STEPS_MAX */
    uint64_t steps_max;  /* of the longest */
    uint64_t histories;  /* recorded; and of those that the client had not recorded before */
    uint64_t histories_new;
    unsigned threads; /* most at one time, main included */
    bool complete;    /* a DFS has seen all within its bounds */
    bool failed;
    char message[1024];
    char replay[4096];
    uint64_t program; /* that failed */
};

/* The current client under this search; stops at the first failure. */
void model_search(const struct search *search, struct result *result);

/* --- the client --------------------------------------------------------------------------------------- */

/* Loads a module; false: *error says why. One at a time; closing the last one. */
bool client_load(const char *path, const char **error);
unsigned client_sites(void);
const struct model_site *client_site(unsigned index);
/* A client that is part of the program. */
void client_use(int (*main_fn)(void), const struct model_site *sites, unsigned count);
/* Has any execution since client_load() come to this site? */
bool client_site_executed(unsigned index);
/* From now on this site has these orders (a fence: relaxed is none); -1: none has. */
void client_mutate(int index, unsigned order, unsigned failure);
/* The client's `extern const unsigned litmus_expects_cut`: executions may be cut off. */
bool client_may_be_cut(void);
/* Its `extern const unsigned litmus_programs`: how many it has; 0: it is one. */
unsigned client_programs(void);

/* Prints the history that has failed the last search, if that is what has; histories.c. */
void histories_print_refuted(void);

/* What a client that is part of the program calls, as pthread_create and pthread_join. */
unsigned thread_start(void *(*fn)(void *), void *arg);
void thread_join(unsigned thread);

/* --- within (C only) ---------------------------------------------------------------------------------- */

#ifndef __cplusplus

#include "core/context.h"

#include <stdnoreturn.h>

/* What a thread knows: of each thread how far it is (happens-before), of each location the stamp in its modification
 * order below which nothing can be read any more. */
struct view {
    uint32_t clock[THREADS_MAX];
    uint32_t count; /* stamps in use; those behind are 0 */
    uint32_t stamp[];
};
struct full_view {
    struct view view;
    uint32_t stamp[LOCATIONS_MAX];
};

enum thread_state {
    THREAD_NONE,
    THREAD_READY,
    THREAD_SPINS,
    THREAD_LOCKS,
    THREAD_WAITS,
    THREAD_JOINS,
    THREAD_RESTS,
    THREAD_DONE
};

struct seen {
    uint32_t location, stamp;
};
enum { SEEN_MAX = 16 };

struct vthread {
    unsigned id;
    enum thread_state state;
    struct context context;
    void *(*fn)(void *);
    void *arg, *result;
    void *word; /* model_thread_word */
    struct full_view cur, acquired, released;
    bool has_released; /* `released` holds a fence's */
    /* what it is about to do */
    const struct model_site *site;
    const volatile void *address;
    uint8_t op, order;
    /* state != READY: what it waits for */
    unsigned joins;
    struct mutex *mutex;
    const volatile uint32_t *futex;
    bool timed, timed_out;
    uint64_t waits_since; /* in steps: woken first come, first served */
    /* loads since the last step of a spin loop */
    struct seen seen[SEEN_MAX];
    unsigned seen_count;
    unsigned futile;  /* steps of spin loops in which nothing was new */
    unsigned repeats; /* loads in a row that found what they had found before */
    uint32_t priority;
};

extern struct vthread threads[THREADS_MAX];
extern unsigned thread_count;
extern struct vthread *self; /* NULL: the searching program itself */
extern const struct search *searching;
extern uint64_t execution; /* counts up: what memory.c and plain.c keep is of one execution */

/* explore.c: one of `count`, of which only the first `allowed` are tried. */
unsigned choose(unsigned count, unsigned allowed);
/* The same for who goes on: sets of threads are bit masks; option i is thread who[i], or an event (never asleep). */
unsigned choose_thread(const uint8_t *who, const bool *is_event, unsigned count, unsigned allowed);
/* The thread is about to do its operation: wakes what depends on it. */
void explore_step(const struct vthread *thread);

/* threads.c */
void threads_reset(void);
enum outcome threads_run(void *(*main_fn)(void *));
/* Before each operation: who goes on? Returns when it is the caller. */
void schedule(const struct model_site *site, const volatile void *address, unsigned op, unsigned order);
noreturn void execution_end(enum outcome outcome);
noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void thread_saw(uint32_t location, uint32_t stamp);
void thread_wrote(uint32_t location, uint32_t stamp);
/* Of an event (spurious, early): is there one left? Takes it if `taken`. */
bool event_left(void);
void event_taken(void);
extern uint64_t steps;
extern bool bound_was_met; /* the bound on preemptions has left something out */
extern char fail_message[1024];

/* memory.c */
void memory_reset(void);
void view_join(struct full_view *into, const struct view *from);
bool location_has_news(uint32_t location, uint32_t stamp);
/* The kernel's look, after which the thread sees nothing older (but no more of other locations). */
uint64_t location_newest(const volatile void *address, size_t size);
void location_must_advance(uint32_t location, uint32_t stamp);
/* Has any site that touches what others touch too been found since the search began? */
extern bool sites_changed;
bool site_is_shared(const struct model_site *site);
void sites_forget(void);

/* plain.c */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_ATOMIC_READ, ACCESS_ATOMIC_WRITE };
void plain_reset(void);
void plain_access(const volatile void *address, size_t size, enum access kind, const void *where);
/* What lies below in the caller's stack is gone. */
void stack_unwound(const char *below);
const char *plain_leak(void); /* NULL: all that was allocated was freed */

/* histories.c */
void histories_forget(void);                 /* another client */
void histories_begin(void);                  /* an execution */
bool histories_judge(struct result *result); /* it is over; false: fail_message says why it failed */

/* module.c */
void client_restore(void);
void *client_main(void *unused);
unsigned site_order(const struct model_site *site);
unsigned site_failure(const struct model_site *site);
unsigned site_index(const struct model_site *site);
/* "file:line", or a function, of code. */
const char *code_name(const void *address, char *text, size_t size);
void stacks_of(unsigned thread, char **low, size_t *size);

#endif

#ifdef __cplusplus
}
#endif

#endif
