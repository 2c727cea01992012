/* What an atomic operation may see.
 *
 * Each location keeps all its stores in modification order, each with a stamp that grows along it. A thread's view has
 * for each location the stamp below which it can't read any more (coherence). A load may return any store at or above
 * it; a store goes anywhere above it, but never between a store and the read-modify-write that read it; a
 * read-modify-write goes right behind what it reads.
 *   release     the store carries the view of its thread; a relaxed one that of the last release fence; a
 *               read-modify-write carries also that of the store it read (release sequence, as in C++20: no others
 *               continue it)
 *   acquire     the load joins what the store carries to its thread's view; a relaxed one keeps it for the next acquire
 *               fence
 *   seq_cst     the total order S is the order of execution. A seq_cst operation on x reads (or writes above) what
 *               seq_cst operations on x before it have read or written, and what happened before a seq_cst fence before
 *               it. A seq_cst fence joins both, for all locations, to its thread's view: C++20 [atomics.order] p4, each
 *               of its four cases.
 * Left out: a load that reads a store which comes later in the order of execution (load buffering), and an S that
 * contradicts happens-before where seq_cst and weaker operations on one location are mixed (H.-J. Boehm, O. Giroux, V.
 * Vafeiadis, P0668R5). */
#include "model.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAMP_STEP = 1 << 16, TABLE_SIZE = 4096, CANDIDATES_MAX = 64, SITE_WORDS = SITES_MAX / 64 };

struct message {
    uint32_t stamp;
    uint8_t thread;
    bool taken; /* a read-modify-write stands right behind it */
    uint64_t value;
    const struct view *view; /* what it carries, or NULL */
};

struct location {
    const volatile void *address;
    size_t size;
    unsigned count, capacity;
    struct message *messages;
    uint32_t sc_stamp;    /* highest that a seq_cst operation has read or written */
    uint32_t fence_stamp; /* highest that happened before a seq_cst fence */
    uint8_t threads;      /* that have come here while there were several */
    uint64_t sites[SITE_WORDS];
};

static struct location locations[LOCATIONS_MAX];
static unsigned location_count;

static struct slot {
    const volatile void *address;
    uint64_t execution;
    uint32_t location;
} table[TABLE_SIZE];

/* Views and messages of one execution. */
static char *arena;
static size_t arena_used;
enum { ARENA_SIZE = 64 << 20 };

static bool shared_sites[SITES_MAX];
bool sites_changed;

static void *arena_take(size_t size)
{
    size = (size + 7) & ~(size_t)7;
    if (arena_used + size > ARENA_SIZE) {
        execution_end(OUTCOME_CUT);
    }
    void *memory = arena + arena_used;
    arena_used += size;
    return memory;
}

void memory_reset(void)
{
    if (arena == NULL) {
        arena = malloc(ARENA_SIZE);
    }
    arena_used = 0;
    location_count = 0;
}

bool site_is_shared(const struct model_site *site)
{
    return shared_sites[site_index(site)];
}

void sites_forget(void)
{
    memset(shared_sites, 0, sizeof shared_sites);
}

/* --- views -------------------------------------------------------------------------------------------- */

static void view_raise(struct full_view *view, uint32_t location, uint32_t stamp)
{
    struct view *v = &view->view;
    while (v->count <= location) {
        v->stamp[v->count++] = 0;
    }
    v->stamp[location] = v->stamp[location] < stamp ? stamp : v->stamp[location];
}

static uint32_t view_stamp(const struct full_view *view, uint32_t location)
{
    return location < view->view.count ? view->view.stamp[location] : 0;
}

void view_join(struct full_view *into, const struct view *from)
{
    struct view *v = &into->view;
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        v->clock[i] = v->clock[i] < from->clock[i] ? from->clock[i] : v->clock[i];
    }
    while (v->count < from->count) {
        v->stamp[v->count++] = 0;
    }
    for (unsigned i = 0; i < from->count; i++) {
        v->stamp[i] = v->stamp[i] < from->stamp[i] ? from->stamp[i] : v->stamp[i];
    }
}

static const struct view *view_freeze(const struct full_view *view)
{
    size_t size = sizeof(struct view) + view->view.count * sizeof(uint32_t);
    struct view *copy = arena_take(size);
    memcpy(copy, &view->view, size);
    return copy;
}

/* --- locations ---------------------------------------------------------------------------------------- */

static uint64_t cut_to(size_t size, uint64_t value)
{
    return size == 8 ? value : value & ((UINT64_C(1) << size * 8) - 1);
}

static uint64_t memory_read(const volatile void *address, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, (const void *)(uintptr_t)address, size);
    return value;
}

static void memory_write(volatile void *address, size_t size, uint64_t value)
{
    memcpy((void *)(uintptr_t)address, &value, size);
}

/* Sites of a location that several threads come to are scheduling points; the search begins anew when one is found. */
static void note_sharing(struct location *x, const struct model_site *site)
{
    unsigned index = site_index(site);
    x->sites[index / 64] |= UINT64_C(1) << index % 64;
    if (thread_count > 1) {
        x->threads |= (uint8_t)(1u << self->id);
    }
    if ((x->threads & (x->threads - 1)) == 0 || shared_sites[index]) {
        return;
    }
    for (unsigned i = 0; i < SITES_MAX; i++) {
        if ((x->sites[i / 64] >> i % 64 & 1) != 0 && !shared_sites[i]) {
            shared_sites[i] = true;
            sites_changed = true;
        }
    }
}

static struct message *message_at(struct location *x, unsigned index)
{
    if (x->count == x->capacity) {
        unsigned capacity = x->capacity == 0 ? 8 : x->capacity * 2;
        struct message *more = arena_take(capacity * sizeof *more);
        if (x->count != 0) {
            memcpy(more, x->messages, x->count * sizeof *more);
        }
        x->messages = more;
        x->capacity = capacity;
    }
    memmove(&x->messages[index + 1], &x->messages[index], (x->count - index) * sizeof *x->messages);
    x->count++;
    return &x->messages[index];
}

static uint32_t location_new(struct slot *slot, const volatile void *address, size_t size)
{
    if (location_count == LOCATIONS_MAX) {
        execution_end(OUTCOME_CUT);
    }
    uint32_t id = location_count++;
    locations[id] = (struct location){.address = address, .size = size};
    *message_at(&locations[id], 0) =
        (struct message){.stamp = STAMP_STEP, .thread = UINT8_MAX, .value = memory_read(address, size)};
    *slot = (struct slot){address, execution, id};
    return id;
}

/* The location of an address. One whose memory was written by plain stores since is a new object. */
static uint32_t location_of(const volatile void *address, size_t size)
{
    uintptr_t hash = ((uintptr_t)address >> 2) * 0x9E3779B97F4A7C15u >> 40;
    struct slot *slot;
    for (;; hash++) {
        slot = &table[hash % TABLE_SIZE];
        if (slot->execution != execution) {
            return location_new(slot, address, size);
        }
        if (slot->address == address) {
            break;
        }
    }
    struct location *x = &locations[slot->location];
    if (x->size != size || x->messages[x->count - 1].value != memory_read(address, size)) {
        return location_new(slot, address, size);
    }
    return slot->location;
}

bool location_has_news(uint32_t location, uint32_t stamp)
{
    struct location *x = &locations[location];
    return x->messages[x->count - 1].stamp > stamp;
}

void location_must_advance(uint32_t location, uint32_t stamp)
{
    view_raise(&self->cur, location, stamp + 1);
}

uint64_t location_newest(const volatile void *address, size_t size)
{
    uint32_t id = location_of(address, size);
    const struct message *message = &locations[id].messages[locations[id].count - 1];
    view_raise(&self->cur, id, message->stamp);
    return message->value;
}

/* --- what is ordered ---------------------------------------------------------------------------------- */

static bool is_acquire(unsigned order)
{
    return order == memory_order_acquire || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

static bool is_release(unsigned order)
{
    return order == memory_order_release || order == memory_order_acq_rel || order == memory_order_seq_cst;
}

/* The lowest stamp that may be read. */
static uint32_t floor_of(const struct location *x, uint32_t id, unsigned order)
{
    uint32_t floor = view_stamp(&self->cur, id);
    if (order == memory_order_seq_cst) {
        floor = floor < x->sc_stamp ? x->sc_stamp : floor;
        floor = floor < x->fence_stamp ? x->fence_stamp : floor;
    }
    return floor;
}

static void touch(struct location *x, uint32_t id, uint32_t stamp, unsigned order)
{
    view_raise(&self->cur, id, stamp);
    if (order == memory_order_seq_cst && x->sc_stamp < stamp) {
        x->sc_stamp = stamp;
    }
}

static void see(struct location *x, uint32_t id, const struct message *message, unsigned order)
{
    touch(x, id, message->stamp, order);
    if (message->view != NULL) {
        view_join(is_acquire(order) ? &self->cur : &self->acquired, message->view);
    }
}

/* Puts a store behind message number `after`; `read`: the one that a read-modify-write has read, or NULL. */
static void put(struct location *x, uint32_t id, unsigned after, uint64_t value, unsigned order, bool rmw)
{
    bool last = after + 1 == x->count;
    uint32_t below = x->messages[after].stamp;
    uint32_t stamp = last ? below + STAMP_STEP : below + (x->messages[after + 1].stamp - below) / 2;
    const struct view *carried = NULL;
    const struct view *sequence = rmw ? x->messages[after].view : NULL;
    x->messages[after].taken = rmw;
    touch(x, id, stamp, order);
    if (is_release(order) || self->has_released) {
        struct full_view *from = is_release(order) ? &self->cur : &self->released;
        static struct full_view joined;
        if (sequence != NULL) {
            memcpy(&joined, from, sizeof(struct view) + from->view.count * sizeof(uint32_t));
            view_join(&joined, sequence);
            from = &joined;
        }
        carried = view_freeze(from);
    } else {
        carried = sequence;
    }
    *message_at(x, after + 1) = (struct message){stamp, (uint8_t)self->id, false, value, carried};
    thread_wrote(id, stamp);
    if (last) {
        memory_write((volatile void *)(uintptr_t)x->address, x->size, value);
    }
    self->cur.view.clock[self->id]++;
}

static bool has_room(const struct location *x, unsigned after)
{
    return after + 1 == x->count ||
           (!x->messages[after].taken && x->messages[after + 1].stamp - x->messages[after].stamp > 1);
}

/* --- the operations ----------------------------------------------------------------------------------- */

static void say(const struct location *x, uint32_t id, const char *what, uint64_t value, const struct model_site *site)
{
    if (searching->verbose) {
        static const char *const orders[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
        printf("  T%u  %-8s x%-3u = %-6llu %-8s %s:%u%s\n", self->id, what, id, (unsigned long long)value,
               orders[site_order(site)], site->file, site->line,
               x->messages[x->count - 1].value == value ? "" : "   (not the newest)");
    }
}

static struct location *enter(const struct model_site *site, const volatile void *address, size_t size, bool writes,
                              uint32_t *id)
{
    schedule(site, address, site->op, site_order(site));
    plain_access(address, size, writes ? ACCESS_ATOMIC_WRITE : ACCESS_ATOMIC_READ, site);
    *id = location_of(address, size);
    struct location *x = &locations[*id];
    note_sharing(x, site);
    return x;
}

uint64_t model_load(const struct model_site *site, const volatile void *address, size_t size)
{
    uint32_t id;
    struct location *x = enter(site, address, size, false, &id);
    unsigned order = site_order(site);
    uint32_t floor = floor_of(x, id, order);
    unsigned candidates = 1;
    while (candidates < x->count && candidates < CANDIDATES_MAX &&
           x->messages[x->count - candidates - 1].stamp >= floor) {
        candidates++;
    }
    unsigned pick = choose(candidates, candidates);
    const struct message *message = &x->messages[x->count - 1 - pick];
    see(x, id, message, order);
    thread_saw(id, message->stamp);
    say(x, id, "load", message->value, site);
    return message->value;
}

void model_store(const struct model_site *site, volatile void *address, size_t size, uint64_t value)
{
    uint32_t id;
    struct location *x = enter(site, address, size, true, &id);
    unsigned order = site_order(site);
    uint32_t floor = floor_of(x, id, order);
    unsigned places[CANDIDATES_MAX];
    unsigned count = 0;
    for (unsigned i = x->count; i-- > 0 && count < CANDIDATES_MAX;) {
        if (has_room(x, i)) {
            places[count++] = i;
        }
        if (x->messages[i].stamp <= floor) {
            break; /* not below what this thread knows */
        }
    }
    put(x, id, places[choose(count, count)], cut_to(size, value), order, false);
    say(x, id, "store", cut_to(size, value), site);
}

static uint64_t apply(unsigned op, uint64_t old, uint64_t operand)
{
    switch (op) {
    case MODEL_ADD: return old + operand;
    case MODEL_SUB: return old - operand;
    case MODEL_AND: return old & operand;
    case MODEL_OR: return old | operand;
    case MODEL_XOR: return old ^ operand;
    default: return operand;
    }
}

uint64_t model_rmw(const struct model_site *site, volatile void *address, size_t size, uint64_t operand)
{
    uint32_t id;
    struct location *x = enter(site, address, size, true, &id);
    unsigned order = site_order(site);
    uint32_t floor = floor_of(x, id, order);
    unsigned places[CANDIDATES_MAX];
    unsigned count = 0;
    for (unsigned i = x->count; i-- > 0 && x->messages[i].stamp >= floor && count < CANDIDATES_MAX;) {
        if (has_room(x, i)) {
            places[count++] = i;
        }
    }
    unsigned read = places[choose(count, count)];
    uint64_t old = x->messages[read].value;
    see(x, id, &x->messages[read], order);
    uint64_t value = cut_to(size, apply(site->op, old, operand));
    put(x, id, read, value, order, true);
    thread_saw(id, x->messages[read + 1].stamp);
    say(x, id, "modify", value, site);
    return old;
}

bool model_cas(const struct model_site *site, volatile void *address, size_t size, uint64_t *expected, uint64_t wanted)
{
    uint32_t id;
    struct location *x = enter(site, address, size, true, &id);
    unsigned order = site_order(site), failure = site_failure(site);
    uint32_t floor = floor_of(x, id, order), failure_floor = floor_of(x, id, failure);
    struct option {
        unsigned message;
        bool success, event;
    } options[CANDIDATES_MAX];
    unsigned count = 0, events = 0;
    uint64_t compared = cut_to(size, *expected);
    for (unsigned i = x->count; i-- > 0 && count < CANDIDATES_MAX - 1;) {
        bool equal = x->messages[i].value == compared;
        if (equal && x->messages[i].stamp >= floor && has_room(x, i)) {
            options[count++] = (struct option){i, true, false};
        } else if (!equal && x->messages[i].stamp >= failure_floor) {
            options[count++] = (struct option){i, false, false};
        }
    }
    if (site->op == MODEL_CAS_WEAK && x->messages[x->count - 1].value == compared) {
        options[count + events++] = (struct option){x->count - 1, false, true};
    }
    unsigned pick = choose(count + events, event_left() ? count + events : count);
    const struct option *option = &options[pick];
    if (option->event) {
        event_taken();
    }
    unsigned read = option->message;
    see(x, id, &x->messages[read], option->success ? order : failure);
    if (option->success) {
        put(x, id, read, cut_to(size, wanted), order, true);
        thread_saw(id, x->messages[read + 1].stamp);
    } else {
        *expected = x->messages[read].value;
        thread_saw(id, x->messages[read].stamp);
    }
    say(x, id, option->success ? "cas" : "cas fail", option->success ? cut_to(size, wanted) : *expected, site);
    return option->success;
}

static void fence_seq_cst(void)
{
    for (uint32_t id = 0; id < location_count; id++) {
        struct location *x = &locations[id];
        view_raise(&self->cur, id, x->sc_stamp > x->fence_stamp ? x->sc_stamp : x->fence_stamp);
        x->fence_stamp = view_stamp(&self->cur, id);
    }
}

void model_fence(const struct model_site *site)
{
    schedule(site, NULL, MODEL_FENCE, site_order(site));
    unsigned order = site_order(site);
    if (is_acquire(order)) {
        view_join(&self->cur, &self->acquired.view);
    }
    if (order == memory_order_seq_cst) {
        fence_seq_cst();
    }
    if (is_release(order)) {
        memcpy(&self->released, &self->cur, sizeof(struct view) + self->cur.view.count * sizeof(uint32_t));
        self->has_released = true;
        self->cur.view.clock[self->id]++;
    }
    if (searching->verbose) {
        printf("  T%u  fence    %s:%u\n", self->id, site->file, site->line);
    }
}
