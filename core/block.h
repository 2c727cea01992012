/* Blocks: the memory of small objects that come and go in numbers: channels, timers, contexts.
 *
 * Idea: a worker keeps some of the blocks that were freed on it, by size in cache lines, and hands them out again, the
 * warmest first; what is larger, or more than it keeps, is the allocator's. No atomics: the lists are the owner's.
 * Source: the magazine without its depot, of J. Bonwick, J. Adams, "Magazines and Vmem" (USENIX 2001).
 * Under the sanitizers every block is the allocator's, so that they see what is freed. */
#ifndef CORE_BLOCK_H
#define CORE_BLOCK_H

#include "context.h"

enum { BLOCK_CLASSES = 16, BLOCKS_KEPT = 64 };

struct block {
    struct block *next;
};

/* A worker's own. */
struct blocks {
    uint8_t limit; /* how many of each size are kept */
    uint8_t count[BLOCK_CLASSES];
    struct block *first[BLOCK_CLASSES]; /* of 1 line, 2 lines, ... */
};

/* In whole cache lines. */
static force_inline size_t block_size(size_t size)
{
    return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* The warmest block of this size, in whole cache lines; NULL: none is kept. The owner's. */
static force_inline void *blocks_take(struct blocks *blocks, size_t size)
{
    size_t class = size / CACHE_LINE - 1;
    struct block *block = likely(class < BLOCK_CLASSES) ? blocks->first[class] : NULL;
    if (likely(block != NULL)) {
        blocks->first[class] = block->next;
        blocks->count[class]--;
    }
    return block;
}

/* False: there is no room for it. The owner's. */
static force_inline bool blocks_put(struct blocks *blocks, void *memory, size_t size)
{
    size_t class = size / CACHE_LINE - 1;
    if (unlikely(class >= BLOCK_CLASSES || blocks->count[class] >= blocks->limit)) {
        return false;
    }
    struct block *block = memory;
    block->next = blocks->first[class];
    blocks->first[class] = block;
    blocks->count[class]++;
    return true;
}

/* A worker that begins keeps blocks from now on. */
void blocks_keep(struct blocks *blocks);
/* Memory of at least *size bytes, in whole cache lines: *size is rounded up. Not zeroed. NULL: none. Any thread. */
void *block_new(size_t *size);
/* *size as block_new() left it. Any thread. */
void block_free(void *block, size_t size);
/* Gives all back to the allocator; the worker keeps none from now on. */
void blocks_drain(struct blocks *blocks);

#endif
