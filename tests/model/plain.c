/* Plain accesses and the heap. Clients are compiled with -fsanitize=thread and linked without its library: the calls
 * that the compiler then inserts before each plain access come here. So the real code's own accesses are checked, not a
 * copy's.
 *
 *   race            two accesses to the same bytes, one of them a write and one of them plain, neither happens before
 *                   the other. Kept for each four bytes: the last plain write, and each thread's last accesses of the
 *                   other kinds. (Of two bytes there, written apart, the first write is forgotten.)
 *   use after free  freed memory is not used again within an execution
 *   use after return  an access to another thread's stack that does not happen before the function returns whose frame
 *   it is in (where
 *                   frames lie below their frame pointer: x86-64), or after the thread's end */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    GRANULE = 4,
    CELLS = 1 << 14,
    HEAP_SIZE = 4 << 20,
    HEAP_UNIT = 16,
    BLOCKS_MAX = 256,
    ACCESSES_MAX = 1 << 21, /* of one execution: a loop without atomics */
    VISITS_MAX = 64,
};

struct cell {
    uintptr_t granule;
    uint64_t execution;
    uint32_t write_clock;
    uint8_t write_thread, write_mask;
    uint8_t read_mask[THREADS_MAX];
    uint32_t read[THREADS_MAX], atomic_read[THREADS_MAX], atomic_write[THREADS_MAX];
    const void *write_where, *read_where[THREADS_MAX];
    const struct model_site *atomic_where[THREADS_MAX];
};

static struct cell cells[CELLS];
static unsigned cells_used;
static unsigned accesses;

static _Alignas(64) char heap[HEAP_SIZE];
static size_t heap_used;
static struct block {
    char *start;
    size_t size;
    bool freed;
} blocks[BLOCKS_MAX];
static unsigned block_count;

/* Other threads' accesses to a thread's stack. */
static struct visit {
    const char *address;
    unsigned thread;
    uint32_t clock;
    const void *where;
} visits[THREADS_MAX][VISITS_MAX];
static unsigned visit_count[THREADS_MAX];

/* --- the heap ----------------------------------------------------------------------------------------- */

void plain_reset(void)
{
    heap_used = 0;
    block_count = 0;
    cells_used = 0;
    accesses = 0;
    memset(visit_count, 0, sizeof visit_count);
}

const char *plain_leak(void)
{
    static char text[80];
    for (unsigned i = 0; i < block_count; i++) {
        if (!blocks[i].freed) {
            snprintf(text, sizeof text, "a leak: block %u of %zu bytes", i, blocks[i].size);
            return text;
        }
    }
    return NULL;
}

static void *heap_take(size_t alignment, size_t size)
{
    size_t start = (heap_used + alignment - 1) / alignment * alignment;
    if (block_count == BLOCKS_MAX || size > HEAP_SIZE || start + size + HEAP_UNIT > HEAP_SIZE) {
        fail("the client allocates too much: %zu bytes in block %u", size, block_count);
    }
    heap_used = start + size + HEAP_UNIT; /* between two blocks: nobody's */
    memset(heap + start, 0xA5, size);     /* the same each time */
    blocks[block_count++] = (struct block){heap + start, size, false};
    return heap + start;
}

static void heap_check(const char *address, size_t size, const void *where)
{
    char text[256];
    for (unsigned i = block_count; i-- > 0;) {
        if (address >= blocks[i].start) {
            bool inside = address + size <= blocks[i].start + blocks[i].size;
            if (!inside || blocks[i].freed) {
                fail("%s: T%u at %s, byte %td of block %u of %zu bytes", inside ? "use after free" : "out of bounds",
                     self->id, code_name(where, text, sizeof text), address - blocks[i].start, i, blocks[i].size);
            }
            return;
        }
    }
}

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size)
{
    return heap_take(HEAP_UNIT, size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *memory = heap_take(HEAP_UNIT, count * size);
    memset(memory, 0, count * size);
    return memory;
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return heap_take(alignment < HEAP_UNIT ? HEAP_UNIT : alignment, size);
}

/* Freeing is a write: it races with whatever does not happen before it. */
void __wrap_free(void *memory)
{
    if (memory == NULL) {
        return;
    }
    for (unsigned i = 0; i < block_count; i++) {
        if (blocks[i].start == memory) {
            if (blocks[i].freed) {
                fail("T%u frees block %u of %zu bytes twice", self->id, i, blocks[i].size);
            }
            plain_access(memory, blocks[i].size, ACCESS_WRITE, __builtin_return_address(0));
            blocks[i].freed = true;
            return;
        }
    }
    fail("T%u frees %p, which is no block", self->id, memory);
}

/* --- races -------------------------------------------------------------------------------------------- */

static struct cell *cell_of(uintptr_t granule)
{
    for (uintptr_t i = granule;; i++) {
        struct cell *cell = &cells[i % CELLS];
        if (cell->execution != execution) {
            if (++cells_used > CELLS - CELLS / 8) {
                execution_end(OUTCOME_CUT);
            }
            memset(cell, 0, sizeof *cell);
            cell->granule = granule;
            cell->execution = execution;
            return cell;
        }
        if (cell->granule == granule) {
            return cell;
        }
    }
}

noreturn static void race(const char *what, const void *where, const char *other_what, unsigned other,
                          const void *other_where)
{
    char text[256], other_text[256];
    fail("a race: %s by T%u at %s, %s by T%u at %s", what, self->id, code_name(where, text, sizeof text), other_what,
         other, code_name(other_where, other_text, sizeof other_text));
}

static void check_cell(const struct cell *cell, uint8_t mask, enum access kind, const void *where)
{
    static const char *const names[] = {"plain read", "plain write", "atomic read", "atomic write"};
    const uint32_t *clock = self->cur.view.clock;
    if (cell->write_clock > clock[cell->write_thread] && (cell->write_mask & mask) != 0) {
        race(names[kind], where, names[ACCESS_WRITE], cell->write_thread, cell->write_where);
    }
    if (kind == ACCESS_ATOMIC_READ) {
        return;
    }
    for (unsigned i = 0; i < thread_count; i++) {
        if ((kind == ACCESS_WRITE || kind == ACCESS_ATOMIC_WRITE) && cell->read[i] > clock[i] &&
            (cell->read_mask[i] & mask) != 0) {
            race(names[kind], where, names[ACCESS_READ], i, cell->read_where[i]);
        }
        if ((kind == ACCESS_WRITE || kind == ACCESS_READ) && cell->atomic_write[i] > clock[i]) {
            race(names[kind], where, names[ACCESS_ATOMIC_WRITE], i, cell->atomic_where[i]);
        }
        if (kind == ACCESS_WRITE && cell->atomic_read[i] > clock[i]) {
            race(names[kind], where, names[ACCESS_ATOMIC_READ], i, cell->atomic_where[i]);
        }
    }
}

static void note_cell(struct cell *cell, uint8_t mask, enum access kind, const void *where)
{
    unsigned me = self->id;
    uint32_t clock = self->cur.view.clock[me];
    switch (kind) {
    case ACCESS_WRITE:
        cell->write_clock = clock;
        cell->write_thread = (uint8_t)me;
        cell->write_mask = mask;
        cell->write_where = where;
        break;
    case ACCESS_READ:
        cell->read_mask[me] = cell->read[me] == clock ? cell->read_mask[me] | mask : mask;
        cell->read[me] = clock;
        cell->read_where[me] = where;
        break;
    case ACCESS_ATOMIC_READ:
        cell->atomic_read[me] = clock;
        cell->atomic_where[me] = where;
        break;
    case ACCESS_ATOMIC_WRITE:
        cell->atomic_write[me] = clock;
        cell->atomic_where[me] = where;
        break;
    }
}

/* --- other threads' stacks ---------------------------------------------------------------------------- */

noreturn static void use_after_return(unsigned thread, const void *where, unsigned owner)
{
    char text[256];
    fail("use after return: T%u at %s touches what was a variable of T%u's", thread,
         code_name(where, text, sizeof text), owner);
}

static void visit_stack(const char *address, const void *where)
{
    char *low;
    size_t size;
    stacks_of(0, &low, &size);
    size_t owner = (size_t)(address - low) / size;
    if (address < low || owner >= thread_count || owner == self->id) {
        return;
    }
    if (threads[owner].state == THREAD_DONE) {
        use_after_return(self->id, where, (unsigned)owner);
    }
    unsigned i = 0;
    while (i < visit_count[owner] && (visits[owner][i].address != address || visits[owner][i].thread != self->id)) {
        i++;
    }
    if (i < VISITS_MAX) {
        visit_count[owner] += i == visit_count[owner] ? 1 : 0;
        visits[owner][i] = (struct visit){address, self->id, self->cur.view.clock[self->id], where};
    }
}

void stack_unwound(const char *below)
{
    unsigned me = self->id;
    for (unsigned i = 0; i < visit_count[me];) {
        struct visit *visit = &visits[me][i];
        if (visit->address >= below) {
            i++;
        } else if (visit->clock > self->cur.view.clock[visit->thread]) {
            use_after_return(visit->thread, visit->where, me);
        } else {
            *visit = visits[me][--visit_count[me]];
        }
    }
}

void plain_access(const volatile void *address, size_t size, enum access kind, const void *where)
{
    const char *start = (const char *)(uintptr_t)address;
    if (self == NULL) {
        return;
    }
    if (start >= heap && start < heap + HEAP_SIZE) {
        heap_check(start, size, where);
    } else {
        visit_stack(start, where);
    }
    if (thread_count == 1) {
        return; /* before all that other threads do */
    }
    if (++accesses > ACCESSES_MAX) {
        execution_end(OUTCOME_CUT);
    }
    uintptr_t from = (uintptr_t)start, to = from + size;
    while (from < to) {
        uintptr_t granule = from / GRANULE, end = (granule + 1) * GRANULE;
        end = end < to ? end : to;
        uint8_t mask = (uint8_t)(((1u << (end - from)) - 1) << from % GRANULE);
        struct cell *cell = cell_of(granule);
        check_cell(cell, mask, kind, where);
        note_cell(cell, mask, kind, where);
        from = end;
    }
}

/* --- called by the compiler's instrumentation --------------------------------------------------------- */

#define HOOK(name, size, kind)                                                                                         \
    void name(void *address);                                                                                          \
    void name(void *address)                                                                                           \
    {                                                                                                                  \
        plain_access(address, size, kind, __builtin_return_address(0));                                                \
    }
#define HOOKS(size)                                                                                                    \
    HOOK(__tsan_read##size, size, ACCESS_READ)                                                                         \
    HOOK(__tsan_write##size, size, ACCESS_WRITE)                                                                       \
    HOOK(__tsan_unaligned_read##size, size, ACCESS_READ)                                                               \
    HOOK(__tsan_unaligned_write##size, size, ACCESS_WRITE)                                                             \
    HOOK(__tsan_volatile_read##size, size, ACCESS_READ)                                                                \
    HOOK(__tsan_volatile_write##size, size, ACCESS_WRITE)
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(void *address, size_t size);
void __tsan_write_range(void *address, size_t size);
void __tsan_init(void);
void __tsan_func_entry(void *caller);
void __tsan_func_exit(void);
void *__wrap_memcpy(void *to, const void *from, size_t size);
void *__wrap_memmove(void *to, const void *from, size_t size);
void *__wrap_memset(void *to, int value, size_t size);
int __wrap_memcmp(const void *a, const void *b, size_t size);

void __tsan_read_range(void *address, size_t size)
{
    plain_access(address, size, ACCESS_READ, __builtin_return_address(0));
}

void __tsan_write_range(void *address, size_t size)
{
    plain_access(address, size, ACCESS_WRITE, __builtin_return_address(0));
}

void __tsan_init(void)
{
}

void __tsan_func_entry(void *caller)
{
    (void)caller;
}

/* The caller is about to return: its frame lies below its frame pointer, which is saved where ours points. */
void __tsan_func_exit(void)
{
#ifdef __x86_64__
    if (self != NULL && visit_count[self->id] != 0) {
        stack_unwound(*(const char **)__builtin_frame_address(0));
    }
#endif
}

void *__wrap_memcpy(void *to, const void *from, size_t size)
{
    plain_access(from, size, ACCESS_READ, __builtin_return_address(0));
    plain_access(to, size, ACCESS_WRITE, __builtin_return_address(0));
    return memcpy(to, from, size);
}

void *__wrap_memmove(void *to, const void *from, size_t size)
{
    plain_access(from, size, ACCESS_READ, __builtin_return_address(0));
    plain_access(to, size, ACCESS_WRITE, __builtin_return_address(0));
    return memmove(to, from, size);
}

void *__wrap_memset(void *to, int value, size_t size)
{
    plain_access(to, size, ACCESS_WRITE, __builtin_return_address(0));
    return memset(to, value, size);
}

int __wrap_memcmp(const void *a, const void *b, size_t size)
{
    plain_access(a, size, ACCESS_READ, __builtin_return_address(0));
    plain_access(b, size, ACCESS_READ, __builtin_return_address(0));
    return memcmp(a, b, size);
}
