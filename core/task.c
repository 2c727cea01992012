#include "task.h"

#include "panic.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef SANITIZE_ADDRESS
#include <sanitizer/asan_interface.h>
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#endif
#endif
#ifndef VALGRIND_STACK_REGISTER /* a few instructions, which do something under Valgrind only */
#define VALGRIND_STACK_REGISTER(low, high) ((void)(low), (void)(high), 0u)
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#define RUNNING_ON_VALGRIND 0
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13: a guard without a mapping of its own */
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#ifndef PIDFD_SELF_THREAD_GROUP
#define PIDFD_SELF_THREAD_GROUP (-10001) /* Linux 6.14: this process, without a descriptor; older ones say EBADF */
#endif

enum {
    STACKS_PER_SLAB = 64,
    TASKS_PER_SLAB = 256,
    TASKS_PER_LARGE_SLAB = 2048, /* of a process that has as many already */
    STACK_EXTRA = 1024,          /* at most: STACK_TOP_RESERVED and a colour (mn_bind) */
    STACK_TOP_RESERVED = 64,     /* above a stack's first frame: the pool's link, in a page that is warm */
    MPROTECT_BUDGET = 15000,     /* guards by mprotect cost two mappings each; the kernel's limit is 65,530 */
    STACK_GUARD = 64 * 1024,     /* so that a frame of that size can't step over it */
    STACK_KEPT = 32 * 1024,      /* of a stack that is trimmed */
    DEPOT_TRIMMED = 16,          /* batches at one look */
};

/* At a stack's pool item, in the page that its first frame warms. */
struct stack_mark {
    struct pool_item item;
    uint64_t used; /* since it was trimmed */
    unsigned valgrind_id;
};

static struct slab *grow_tasks(struct pool *pool);
static struct slab *grow_stacks(struct pool *pool);

struct pool task_pool = {.item_size = sizeof(struct task), .grow = grow_tasks};
struct pool stack_pool = {.grow = grow_stacks};

static size_t page_size;
static _Atomic(size_t) mprotect_guards;
static _Atomic(size_t) tasks_made; /* descriptors in slabs */

/* --- pools ------------------------------------------------------------------------------------------ */

/* A slab for the caller to cut from; NULL: no memory. The system is asked without the lock: it takes its time, and
 * other workers want their batches meanwhile. */
static struct slab *pool_grow(struct pool *pool)
{
    struct slab *slab = pool->grow(pool);
    if (slab == NULL) {
        return NULL;
    }
    slab->next = NULL;
    lock_acquire(&pool->lock);
    if (pool->slabs_last == NULL) {
        pool->slabs = slab;
    } else {
        pool->slabs_last->next = slab;
    }
    pool->slabs_last = slab;
    lock_release(&pool->lock);
    return slab;
}

/* A full batch, or else a slab to cut from, of those that are there; false: there is neither. */
static bool pool_take(struct pool *pool, struct pool_item **batch, struct slab **slab)
{
    lock_acquire(&pool->lock);
    struct pool_item **batches = pool->batches != NULL ? &pool->batches : &pool->trimmed;
    *batch = *batches;
    *slab = NULL;
    if (*batch != NULL) {
        *batches = (*batch)->next_batch;
    } else if (pool->unused != NULL) {
        *slab = pool->unused;
        pool->unused = (*slab)->next;
    }
    lock_release(&pool->lock);
    return *batch != NULL || *slab != NULL;
}

no_race_check cold_function void *pool_get_slow(struct pool *pool, struct magazine *magazine)
{
    if (magazine->spare == NULL && magazine->fresh == magazine->fresh_end) {
        struct pool_item *batch;
        struct slab *slab;
        if (!pool_take(pool, &batch, &slab) && (slab = pool_grow(pool)) == NULL) {
            return NULL;
        }
        magazine->spare = batch;
        if (slab != NULL) {
            magazine->fresh = slab->memory;
            magazine->fresh_end = slab->memory + slab->count * pool->item_size;
        }
    }
    if (magazine->spare != NULL) {
        struct pool_item *item = magazine->spare;
        magazine->loaded = item->next;
        magazine->loaded_count = POOL_BATCH - 1;
        magazine->spare = NULL;
        return (char *)item - pool->item_offset;
    }
    char *memory = magazine->fresh;
    magazine->fresh += pool->item_size;
    return memory;
}

/* Called with a full `loaded`: makes it the spare, and gives an older spare to the depot. */
no_race_check cold_function void pool_put_slow(struct pool *pool, struct magazine *magazine)
{
    if (magazine->spare != NULL) {
        lock_acquire(&pool->lock);
        magazine->spare->next_batch = pool->batches;
        pool->batches = magazine->spare;
        pool->batches_new++;
        lock_release(&pool->lock);
    }
    magazine->spare = magazine->loaded;
    magazine->loaded = NULL;
    magazine->loaded_count = 0;
}

static void pool_reset(struct pool *pool)
{
    pool->batches = pool->trimmed = NULL;
    pool->unused = pool->slabs;
}

static struct slab *slab_new(char *memory, size_t count)
{
    struct slab *slab = malloc(sizeof *slab);
    if (slab != NULL) {
        *slab = (struct slab){.memory = memory, .count = count};
    }
    return slab;
}

/* --- descriptors ------------------------------------------------------------------------------------ */

static struct slab *grow_tasks_few(struct pool *pool)
{
    size_t bytes = TASKS_PER_SLAB * pool->item_size;
    char *memory = aligned_alloc(CACHE_LINE, bytes);
    if (memory == NULL) {
        return NULL;
    }
    memset(memory, 0, bytes);
    struct slab *slab = slab_new(memory, TASKS_PER_SLAB);
    if (slab == NULL) {
        free(memory);
    }
    return slab;
}

/* Fresh memory of the system's, which is zero without being written; its pages are made in one call, as they will all
 * be used in a moment and a fault for each costs more. */
static struct slab *grow_tasks_many(struct pool *pool)
{
    size_t bytes = TASKS_PER_LARGE_SLAB * pool->item_size;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    struct slab *slab = slab_new(memory, TASKS_PER_LARGE_SLAB);
    if (slab == NULL) {
        munmap(memory, bytes);
        return NULL;
    }
    madvise(memory, bytes, MADV_POPULATE_WRITE); /* an older kernel makes them one by one */
    return slab;
}

static struct slab *grow_tasks(struct pool *pool)
{
#if defined(SANITIZE_ADDRESS) || defined(SANITIZE_THREAD)
    bool few = true; /* what a descriptor points to is no leak: only the allocator's memory is searched for that */
#else
    bool few = load_relaxed(&tasks_made) < TASKS_PER_LARGE_SLAB; /* hint: how the memory is had makes no difference */
#endif
    struct slab *slab = few ? grow_tasks_few(pool) : grow_tasks_many(pool);
    if (slab != NULL) {
        add_relaxed(&tasks_made, slab->count); /* statistic */
    }
    return slab;
}

void task_pool_visit(void (*visit)(struct task *task, void *arg), void *arg)
{
    /* The list only grows, at its end: what was handed out by now can be walked without the lock. */
    lock_acquire(&task_pool.lock);
    struct slab *first = task_pool.slabs;
    struct slab *end = task_pool.unused;
    struct slab *last = task_pool.slabs_last;
    lock_release(&task_pool.lock);
    struct slab *next;
    for (struct slab *slab = first; slab != end; slab = next) {
        next = slab == last ? end : slab->next;
        struct task *tasks = (struct task *)(void *)slab->memory;
        for (size_t i = 0; i < slab->count; i++) {
            if (load_relaxed(&tasks[i].state) != TASK_FREE) {
                visit(&tasks[i], arg);
            }
        }
    }
}

/* Abandoned by the end of a run: its stack is about to be reused. */
static void forget_task(struct task *task, void *arg)
{
    (void)arg;
    if (load_relaxed(&task->state) == TASK_STARTED) {
        race_acquire(task); /* from its last park: what it did on its stack */
        frames_forget(task);
        context_fini(&task->context);
    }
    store_relaxed(&task->state, TASK_FREE);
}

/* --- stacks ----------------------------------------------------------------------------------------- */

/* Is an advice that the kernel does not know refused? qemu-user 7.2 takes any, and does nothing: there, a guard that is
 * asked for is none. */
static bool advice_is_heeded(char *stack)
{
    static _Atomic(unsigned) known;  /* 1: yes; 2: no */
    if (load_relaxed(&known) == 0) { /* statistic: whoever asks at the same time finds the same */
        store_relaxed(&known, madvise(stack, STACK_GUARD, -1) != 0 ? 1u : 2u);
    }
    return load_relaxed(&known) == 1; /* statistic */
}

/* A guard at the low end: an access there ends in SIGSEGV. Best effort, in this order: a guard that needs
 * no mapping, one that does while there is a budget, none. */
static void stack_guard(char *stack)
{
    if (advice_is_heeded(stack) && madvise(stack, STACK_GUARD, MADV_GUARD_INSTALL) == 0) {
        return;
    }
    if (load_relaxed(&mprotect_guards) < MPROTECT_BUDGET && mprotect(stack, STACK_GUARD, PROT_NONE) == 0) {
        add_relaxed(&mprotect_guards, 1u); /* statistic: a few too many do no harm */
    }
}

/* The guards of a slab's stacks: by one system call where the kernel knows that (Linux 6.14). */
static void stacks_guard(char *memory, size_t item_size)
{
    struct iovec guards[STACKS_PER_SLAB];
    for (size_t i = 0; i < STACKS_PER_SLAB; i++) {
        guards[i] = (struct iovec){.iov_base = memory + i * item_size, .iov_len = STACK_GUARD};
    }
    long done =
        syscall(SYS_process_madvise, PIDFD_SELF_THREAD_GROUP, guards, (size_t)STACKS_PER_SLAB, MADV_GUARD_INSTALL, 0);
    for (size_t i = done < 0 ? 0 : (size_t)done / STACK_GUARD; i < STACKS_PER_SLAB; i++) { /* those that it left */
        stack_guard(memory + i * item_size);
    }
}

/* Valgrind takes a jump to a stack that it does not know for a huge frame. Touches the stack, under Valgrind only. */
static void stack_tell_valgrind(char *stack, bool is_there)
{
    if (RUNNING_ON_VALGRIND) {
        struct stack_mark *mark = (struct stack_mark *)(void *)(stack + stack_pool.item_offset);
        if (is_there) {
            mark->valgrind_id = VALGRIND_STACK_REGISTER(stack + STACK_GUARD, stack + stack_pool.item_size);
        } else {
            VALGRIND_STACK_DEREGISTER(mark->valgrind_id);
        }
    }
}

static struct slab *grow_stacks(struct pool *pool)
{
    size_t bytes = STACKS_PER_SLAB * pool->item_size;
    char *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    madvise(memory, bytes, MADV_NOHUGEPAGE); /* a huge page would commit dozens of untouched stacks */
    struct slab *slab = slab_new(memory, STACKS_PER_SLAB);
    if (slab == NULL) {
        munmap(memory, bytes);
        return NULL;
    }
    stacks_guard(memory, pool->item_size);
    for (size_t i = 0; i < STACKS_PER_SLAB; i++) {
        stack_tell_valgrind(memory + i * pool->item_size, true);
    }
    return slab;
}

void *stack_low(char *stack)
{
    return stack + STACK_GUARD;
}

size_t stack_usable(void)
{
    return stack_pool.item_offset - STACK_GUARD;
}

static struct stack_mark *stack_mark(char *stack)
{
    return (struct stack_mark *)(void *)(stack + stack_pool.item_offset);
}

/* Gives back the pages of a deep one. */
no_race_check static void stack_trim(char *stack)
{
    size_t usable = stack_usable();
    struct stack_mark *mark = stack_mark(stack);
    if (mark->used != 0 && usable > STACK_KEPT) {
        mark->used = 0;
        madvise(stack_low(stack), (usable - STACK_KEPT) / page_size * page_size, MADV_DONTNEED);
    }
}

no_race_check static void stacks_trim_list(struct pool_item *list)
{
    for (; list != NULL; list = list->next) {
        stack_trim((char *)list - stack_pool.item_offset);
    }
}

no_race_check void stacks_trim(struct magazine *magazine)
{
    stacks_trim_list(magazine->loaded);
    stacks_trim_list(magazine->spare);
}

/* What came to the depot since the last look was a burst, and is likely to be used again: not yet. */
no_race_check void stacks_trim_depot(void)
{
    struct pool *pool = &stack_pool;
    for (unsigned i = 0; i < DEPOT_TRIMMED; i++) {
        lock_acquire(&pool->lock);
        struct pool_item *batch = pool->batches_new == 0 ? pool->batches : NULL;
        pool->batches_new = 0;
        if (batch != NULL) {
            pool->batches = batch->next_batch;
        }
        lock_release(&pool->lock);
        if (batch == NULL) {
            return;
        }
        stacks_trim_list(batch);
        lock_acquire(&pool->lock);
        batch->next_batch = pool->trimmed;
        pool->trimmed = batch;
        lock_release(&pool->lock);
    }
}

no_race_check char *stack_get(struct magazine *magazine)
{
    char *stack = pool_get(&stack_pool, magazine);
#ifdef SANITIZE_ADDRESS
    if (stack != NULL) { /* frames that were left without returning (exit, abandoned tasks) left it poisoned */
        __asan_unpoison_memory_region(stack_low(stack), stack_usable() + STACK_TOP_RESERVED);
    }
#endif
    if (stack != NULL) {
        stack_mark(stack)->used = 1;
    }
    return stack;
}

static void stacks_unmap(void)
{
    struct slab *next;
    for (struct slab *slab = stack_pool.slabs; slab != NULL; slab = next) {
        next = slab->next;
        for (size_t i = 0; i < slab->count; i++) {
            stack_tell_valgrind(slab->memory + i * stack_pool.item_size, false);
        }
        munmap(slab->memory, slab->count * stack_pool.item_size);
        free(slab);
    }
    stack_pool.slabs = stack_pool.slabs_last = stack_pool.unused = NULL;
    store_relaxed(&mprotect_guards, (size_t)0); /* between runs */
}

void stacks_abandon(void)
{
    static struct slab *abandoned; /* known to leak checkers */
    if (stack_pool.slabs_last != NULL) {
        stack_pool.slabs_last->next = abandoned;
        abandoned = stack_pool.slabs;
    }
    stack_pool.slabs = stack_pool.slabs_last = stack_pool.unused = NULL;
}

void task_pools_reset(size_t stack_size)
{
    if (page_size == 0) {
        page_size = (size_t)sysconf(_SC_PAGESIZE);
    }
    task_pool_visit(forget_task, NULL);
    /* what the caller asked for, the colour and the pool's link, and a guard */
    size_t item_size = (stack_size + STACK_EXTRA + page_size - 1) / page_size * page_size + STACK_GUARD;
    if (item_size != stack_pool.item_size) {
        stacks_unmap();
        stack_pool.item_size = item_size;
        stack_pool.item_offset = item_size - STACK_TOP_RESERVED;
    }
    pool_reset(&task_pool);
    pool_reset(&stack_pool);
}

void task_describe_fn(char *text, size_t size, task_fn fn)
{
    Dl_info info;
    void *address = (void *)(uintptr_t)fn;
    if (dladdr(address, &info) != 0 && info.dli_sname != NULL && info.dli_saddr == address) {
        snprintf(text, size, "%p (%s)", address, info.dli_sname);
    } else {
        snprintf(text, size, "%p", address);
    }
}

const char *wait_reason_name(enum wait_reason reason)
{
    static const char *const names[] = {
        [WAIT_NONE] = "runs or is runnable",
        [WAIT_RECV] = "receives from",
        [WAIT_SEND] = "sends to",
        [WAIT_SELECT] = "selects",
        [WAIT_SLEEP] = "sleeps",
        [WAIT_WORD] = "waits on the word",
        [WAIT_FOREVER] = "waits for ever on a null channel",
        [WAIT_LOCK] = "waits for the mutex",
        [WAIT_RLOCK] = "waits to read under the rwmutex",
        [WAIT_WLOCK] = "waits to write under the rwmutex",
        [WAIT_COND] = "waits for a signal of the condition",
        [WAIT_GROUP] = "waits for the waitgroup",
        [WAIT_ONCE] = "waits for the once",
        [WAIT_SEM] = "acquires from the semaphore",
        [WAIT_BLOCKING] = "is in a blocking call",
    };
    return reason < WAIT_REASONS ? names[reason] : "?";
}
