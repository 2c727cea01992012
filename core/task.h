/* Tasks, and the pools that their descriptors and stacks come from.
 *
 * A task that has not run yet is its descriptor alone; a stack is bound at its first run. Both come from pools
 * with a pair of magazines a worker (J. Bonwick, J. Adams, "Magazines and Vmem", USENIX 2001): a worker takes and
 * gives back what it touched last, without atomics, and trades whole batches with a shared depot. Memory that
 * was never used is handed out from a slab by a cursor, untouched. The memory of descriptors stays mapped and
 * stays a descriptor until the process ends. */
#ifndef CORE_TASK_H
#define CORE_TASK_H

#include "context.h"
#include "lock.h"
#include "weft.h"

enum wait_reason {
    WAIT_NONE,
    WAIT_RECV,
    WAIT_SEND,
    WAIT_SELECT,
    WAIT_SLEEP,
    WAIT_WORD,
    WAIT_FOREVER,
    WAIT_LOCK,
    WAIT_RLOCK,
    WAIT_WLOCK,
    WAIT_COND,
    WAIT_GROUP,
    WAIT_ONCE,
    WAIT_SEM,
    WAIT_BLOCKING,
    WAIT_REASONS
};
enum task_state { TASK_FREE, TASK_NEW, TASK_STARTED };

typedef void (*task_fn)(void *);

struct frame; /* see panic.h */
struct panic; /* see panic.h */

/* Atomics here are relaxed and for weft_dump_tasks only: written by the task's owner, read by anybody. */
struct task {
    struct task *next; /* of the run queue or free list that it is in */
    _Atomic(task_fn) fn;
    void *arg;
    struct context context;
    char *stack;                /* its low end; NULL: not bound yet */
    _Atomic(const char *) name; /* or NULL */
    _Atomic(const void *) wait_object;
    _Atomic(weft_ns) since; /* when it parked, by runtime.coarse_now */
    struct frame *frames;   /* the innermost; NULL: none yet. The task's own */
    struct panic *panics;   /* in progress, the latest first. The task's own */
    char *recovered;        /* the message of the last one that was recovered; or NULL. The task's own */
    uint64_t number;        /* from 1, in the order of spawning within a worker */
    _Atomic(uint8_t) state;
    _Atomic(uint8_t) wait_reason;
    _Atomic(uint32_t) token; /* the scheduler's, where it needs one */
} __attribute__((aligned(CACHE_LINE)));

#if !defined(WEFT_UCONTEXT) && !defined(SANITIZE_ADDRESS) && !defined(SANITIZE_THREAD)
_Static_assert(sizeof(struct task) <= 192, "an unstarted task costs its descriptor alone");
#endif

/* The head of an object that is in a pool. */
struct pool_item {
    struct pool_item *next;
    struct pool_item *next_batch;
};

/* What all workers share. */
struct pool {
    struct lock lock;
    struct pool_item *batches; /* full batches, under the lock */
    struct pool_item *trimmed; /* stacks': those that the monitor has trimmed; under the lock */
    unsigned batches_new;      /* how many came since the monitor looked; under the lock */
    struct slab *slabs;        /* all of them, oldest first */
    struct slab *slabs_last;
    struct slab *unused; /* the first slab that nobody cuts from in this run */
    size_t item_size;
    size_t item_offset;                      /* of the pool_item within an item: where the item's memory is warm */
    struct slab *(*grow)(struct pool *pool); /* NULL: no memory */
};

struct slab {
    struct slab *next;
    char *memory;
    size_t count; /* items */
};

/* What a worker has: the owner's only. */
struct magazine {
    struct pool_item *loaded;
    size_t loaded_count;
    struct pool_item *spare; /* NULL, or a full batch */
    char *fresh;             /* cursor into a slab of this worker's own */
    char *fresh_end;
};

enum { POOL_BATCH = 64 };

extern struct pool task_pool;
extern struct pool stack_pool;

void *pool_get_slow(struct pool *pool, struct magazine *magazine);
void pool_put_slow(struct pool *pool, struct magazine *magazine);

no_race_check static force_inline void *pool_get(struct pool *pool, struct magazine *magazine)
{
    struct pool_item *item = magazine->loaded;
    if (unlikely(item == NULL)) {
        return pool_get_slow(pool, magazine);
    }
    magazine->loaded = item->next;
    magazine->loaded_count--;
    __builtin_prefetch(item->next, 1); /* the next to be handed out: may have been away for long */
    return (char *)item - pool->item_offset;
}

no_race_check static force_inline void pool_put(struct pool *pool, struct magazine *magazine, void *memory)
{
    struct pool_item *item = (struct pool_item *)((char *)memory + pool->item_offset);
    if (unlikely(magazine->loaded_count == POOL_BATCH)) {
        pool_put_slow(pool, magazine);
    }
    item->next = magazine->loaded;
    magazine->loaded = item;
    magazine->loaded_count++;
}

/* For the head of a long queue, one decision before it will run, under what guards the queue: what its switch will
 * touch is brought nearer while another runs, and the descriptor of the one behind it, so that the next call does not
 * wait for that. */
static force_inline void task_warm(const struct task *task)
{
    prefetch_two(task->next); /* NULL, if there is none */
    if (task->stack != NULL) {
        context_warm(&task->context);
    }
}

/* Between runs, when no worker exists: every descriptor and stack is free again. stack_size is that of the
 * run to come; stacks of another size are unmapped. */
void task_pools_reset(size_t stack_size);
/* A stack's usable part, its guard left out. */
void *stack_low(char *stack);
size_t stack_usable(void);
/* The magazine's next stack, ready for use; NULL: no memory. */
char *stack_get(struct magazine *magazine);
/* Gives back to the system what deep stacks that are idle now had touched: of the caller's magazine, or of the
 * depot. */
void stacks_trim(struct magazine *magazine);
void stacks_trim_depot(void);
/* At the end of a run: the stacks in use are left alone for ever, as somebody else may still be on them. */
void stacks_abandon(void);
/* Calls visit for every descriptor of this run that is in use, a snapshot. */
void task_pool_visit(void (*visit)(struct task *task, void *arg), void *arg);

/* For reports: "0x... (symbol)". */
void task_describe_fn(char *text, size_t size, task_fn fn);
const char *wait_reason_name(enum wait_reason reason);

#endif
