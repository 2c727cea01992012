/* Goal: a pool never hands out an item twice, hands a returned one out again, and trades between workers.
 * Method: two magazines over one pool, random gets and puts, with a table of who holds what. */
#include "unit.h"

enum { SLAB = 100, ITEM = 64, MOST = 5000 };

static struct slab *grow(struct pool *pool)
{
    struct slab *slab = malloc(sizeof *slab);
    *slab = (struct slab){.memory = calloc(SLAB, pool->item_size), .count = SLAB};
    return slab;
}

static void free_pool(struct pool *pool)
{
    for (struct slab *slab = pool->slabs, *next; slab != NULL; slab = next) {
        next = slab->next;
        free(slab->memory);
        free(slab);
    }
}

static char *held[MOST];

/* Each held item bears its index: handing it out twice would write over it. */
START_TEST(no_item_is_handed_out_twice)
    {
        struct pool pool = {.item_size = ITEM, .item_offset = 16, .grow = grow};
        struct magazine magazines[2] = {0};
        struct dice dice = dice_new(1);
        size_t count = 0;
        for (int step = 0; step < 200000; step++) {
            struct magazine *magazine = &magazines[dice_below(&dice, 2)];
            if (count < MOST && (count == 0 || dice_below(&dice, 100) < (uint32_t)(step / 1000 % 2 == 0 ? 60 : 40))) {
                char *item = pool_get(&pool, magazine);
                CHECK(item != NULL);
                memcpy(item + 40, &count, sizeof count);
                held[count++] = item;
            } else {
                size_t pick = dice_below(&dice, (uint32_t)count), mark;
                memcpy(&mark, held[pick] + 40, sizeof mark);
                CHECK_EQ(mark, pick);
                pool_put(&pool, magazine, held[pick]);
                held[pick] = held[--count];
                memcpy(held[pick] + 40, &pick, sizeof pick);
            }
        }
        size_t slabs = 0;
        for (struct slab *slab = pool.slabs; slab != NULL; slab = slab->next) {
            slabs++;
        }
        CHECK_MSG(slabs <= (MOST + 4 * POOL_BATCH) / SLAB + 3, "%zu slabs: items are not reused", slabs);
        free_pool(&pool);
    }
END_TEST

static struct slab *grow_not(struct pool *pool)
{
    (void)pool;
    return NULL;
}

START_TEST(no_memory_is_said)
    {
        struct pool pool = {.item_size = ITEM, .grow = grow_not};
        struct magazine magazine = {0};
        CHECK(pool_get(&pool, &magazine) == NULL);
        CHECK(pool_get(&pool, &magazine) == NULL);
    }
END_TEST

/* What one worker gives back, another gets. */
START_TEST(batches_travel)
    {
        struct pool pool = {.item_size = ITEM, .grow = grow};
        struct magazine from = {0}, to = {0};
        enum { ITEMS = 3 * POOL_BATCH };
        char *items[ITEMS];
        for (size_t i = 0; i < ITEMS; i++) {
            items[i] = pool_get(&pool, &from);
        }
        for (size_t i = 0; i < ITEMS; i++) {
            pool_put(&pool, &from, items[i]);
        }
        char *got = pool_get(&pool, &to);
        bool known = false;
        for (size_t i = 0; i < ITEMS; i++) {
            known = known || items[i] == got;
        }
        CHECK(known);
        free_pool(&pool);
    }
END_TEST

TCase *pool_tests(void)
{
    TCase *tests = tcase_create("pool");
    tcase_add_test(tests, no_item_is_handed_out_twice);
    tcase_add_test(tests, no_memory_is_said);
    tcase_add_test(tests, batches_travel);
    return tests;
}
