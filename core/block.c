#include "block.h"

#include "sched.h"

#include <stdlib.h>

#if defined(SANITIZE_ADDRESS) || defined(SANITIZE_THREAD)
enum { KEEP = 0 };
#else
enum { KEEP = 1 };
#endif

/* Where blocks of this size are kept on this thread; NULL: nowhere. */
static force_inline struct blocks *blocks_for(size_t lines)
{
    struct worker *worker = worker_self();
    return KEEP && likely(lines - 1 < BLOCK_CLASSES && worker != NULL && worker->blocks.kept) ? &worker->blocks : NULL;
}

void *block_new(size_t *size)
{
    *size = block_size(*size);
    size_t lines = *size / CACHE_LINE;
    struct blocks *blocks = blocks_for(lines);
    if (likely(blocks != NULL)) {
        struct block *block = blocks->first[lines - 1];
        if (likely(block != NULL)) {
            blocks->first[lines - 1] = block->next;
            blocks->count[lines - 1]--;
            return block;
        }
    }
    return aligned_alloc(CACHE_LINE, *size);
}

void block_free(void *memory, size_t size)
{
    size_t lines = size / CACHE_LINE;
    struct blocks *blocks = blocks_for(lines);
    if (likely(blocks != NULL && blocks->count[lines - 1] < BLOCKS_KEPT)) {
        struct block *block = memory;
        block->next = blocks->first[lines - 1];
        blocks->first[lines - 1] = block;
        blocks->count[lines - 1]++;
    } else {
        free(memory);
    }
}

void blocks_drain(struct blocks *blocks)
{
    for (size_t i = 0; i < BLOCK_CLASSES; i++) {
        struct block *next;
        for (struct block *block = blocks->first[i]; block != NULL; block = next) {
            next = block->next;
            free(block);
        }
    }
    *blocks = (struct blocks){0};
}
