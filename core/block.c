#include "block.h"

#include "sched.h"

#include <stdlib.h>

void blocks_keep(struct blocks *blocks)
{
#if !defined(SANITIZE_ADDRESS) && !defined(SANITIZE_THREAD)
    blocks->limit = BLOCKS_KEPT;
#else
    (void)blocks;
#endif
}

void *block_new(size_t *size)
{
    *size = block_size(*size);
    struct worker *worker = worker_self();
    void *block = likely(worker != NULL) ? blocks_take(&worker->blocks, *size) : NULL;
    return likely(block != NULL) ? block : aligned_alloc(CACHE_LINE, *size);
}

void block_free(void *memory, size_t size)
{
    struct worker *worker = worker_self();
    if (unlikely(worker == NULL || !blocks_put(&worker->blocks, memory, size))) {
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
