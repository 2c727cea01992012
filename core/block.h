/* Blocks: the memory of small objects that come and go in numbers: channels, timers, contexts.
 *
 * Idea: a worker keeps some of the blocks that were freed on it, by size in cache lines, and hands them out again, the warmest first; what is
 * larger, or more than it keeps, is the allocator's. No atomics: the lists are the owner's.
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
    bool kept; /* false: the worker keeps none */
    uint8_t count[BLOCK_CLASSES];
    struct block *first[BLOCK_CLASSES]; /* of 1 line, 2 lines, ... */
};

/* In whole cache lines. */
static force_inline size_t block_size(size_t size)
{
    return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* Memory of at least *size bytes, in whole cache lines: *size is rounded up. Not zeroed. NULL: none. Any thread. */
void *block_new(size_t *size);
/* *size as block_new() left it. Any thread. */
void block_free(void *block, size_t size);
/* Gives all back to the allocator; the worker keeps none from now on. */
void blocks_drain(struct blocks *blocks);

#endif
