/* What a litmus client that is compiled for the model checker calls: see model.h for the checker itself. The program
 * weft-model exports these functions, a client is a module that it loads. */
#ifndef MODEL_CLIENT_H
#define MODEL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_op {
    MODEL_LOAD,
    MODEL_STORE,
    MODEL_EXCHANGE,
    MODEL_ADD,
    MODEL_SUB,
    MODEL_AND,
    MODEL_OR,
    MODEL_XOR,
    MODEL_CAS,
    MODEL_CAS_WEAK,
    MODEL_FENCE,
    MODEL_RELAX, /* a step of a spin loop */
};

/* One atomic operation of the source. All of a module stand in its section model_sites, executed or not. Orders are
 * memory_order's numbers; `failure` is a compare-and-swap's. */
struct model_site {
    const char *file;
    uint32_t line;
    uint8_t op;
    uint8_t order, failure;
} __attribute__((aligned(32)));

uint64_t model_load(const struct model_site *site, const volatile void *address, size_t size);
void model_store(const struct model_site *site, volatile void *address, size_t size, uint64_t value);
uint64_t model_rmw(const struct model_site *site, volatile void *address, size_t size, uint64_t operand);
bool model_cas(const struct model_site *site, volatile void *address, size_t size, uint64_t *expected, uint64_t wanted);
void model_fence(const struct model_site *site);
void model_relax(const struct model_site *site);

enum { MODEL_THREADS = 8 }; /* most in one execution */

/* A number below `count`: each is tried. */
unsigned model_choose(unsigned count);
/* A word of the calling thread's own, NULL at first. */
void **model_thread_word(void);
/* The kernel's futex. `timed`: may end for no reason but time (returns false). */
bool model_futex_wait(const volatile uint32_t *word, uint32_t expected, bool timed);
unsigned model_futex_wake(const volatile uint32_t *word, unsigned count);

/* --- clients that record histories (histories.c) --- */

/* Where a thread is, and what it knows: of each thread how far that one is. Taking it is no operation of the client's:
 * nothing is ordered by it, and nobody else gets a turn. */
struct moment {
    uint32_t number; /* in the order of the execution */
    uint32_t thread;
    uint32_t clock[MODEL_THREADS];
};
void model_moment(struct moment *moment);

static inline bool model_happens_before(const struct moment *then, const struct moment *now)
{
    return then->number < now->number && then->clock[then->thread] <= now->clock[then->thread];
}

/* Returns when no other thread can go on, and knows what they know. */
void model_stillness(void);
/* The program that this execution is to run. */
uint64_t model_program(void);
/* What it did: judged when the execution is over. */
struct history;
void model_history(const struct history *history);

#endif
