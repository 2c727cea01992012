/* flat: does what a task does cost more when many others are alive?
 *
 *   `alive` tasks parked in a receive from one shared channel, and beside them, one after the other:
 *     spawn   main -> waves of 1000 tasks that only call done -> waitgroup; per task
 *     yield   8 tasks that yield to each other all the time; per yield
 *     wake    main and a partner send to and fro over two channels of their own; per wake-up, of which a round trip has
 *             two
 *     oldest  main sends to the parked tasks, 100 in a row, then yields: each send wakes the one that has waited
 *             longest, which takes the value and waits again, as the last; per send
 *
 * Each number is the median of three turns of all four, so that one bad moment of the machine is no growth.
 * At 3 numbers of tasks alive: size / 10000 (at least 1), size / 100, size. Values: spawn_N_ns, yield_N_ns, wake_N_ns,
 * oldest_N_ns, N the number. In the first three the tasks that work are the same few; `oldest` touches a task after the
 * other, whose descriptor, stack and waiter are in no cache once they are too many for it.
 * Checked: all tasks of each wave ran; each yield was made; each message arrived, by count. */
#include "bench/scale/tools.h"

enum { LEVELS = 3, FLAT_KINDS = 4, FLAT_TURNS = 3, WAVE = 1000, YIELDERS = 8, BURST = 100 };

static const weft_ns flat_settle_ns = 20000000;

static struct flat {
    struct scale_sample *sample;
    struct weft_chan *shared, *there, *back, *line;
    struct weft_waitgroup ready, ended, wave, left;
    _Atomic(uint64_t) received; /* from the shared channel */
    uint64_t turns;             /* of each yielding task */
} flat;

static void flat_parked(void *unused)
{
    (void)unused;
    uint64_t value;
    weft_wg_done(&flat.ready);
    while (weft_recv(flat.shared, &value) == WEFT_OK) {
        add_relaxed(&flat.received, 1u); /* a count */
    }
    weft_wg_done(&flat.ended);
}

static void flat_populate(uint64_t more)
{
    weft_wg_add(&flat.ready, (int64_t)more);
    weft_wg_add(&flat.ended, (int64_t)more);
    for (uint64_t i = 0; i < more; i++) {
        scale_go(flat_parked, NULL);
    }
    weft_wg_wait(&flat.ready);
    weft_sleep(flat_settle_ns);
}

/* --- spawn ------------------------------------------------------------------------------------------ */

static void flat_wave_task(void *unused)
{
    (void)unused;
    weft_wg_done(&flat.wave);
}

static weft_ns flat_spawn(void *unused, uint64_t units)
{
    (void)unused;
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < units; i += WAVE) {
        weft_wg_add(&flat.wave, WAVE);
        for (int j = 0; j < WAVE; j++) {
            scale_go(flat_wave_task, NULL);
        }
        weft_wg_wait(&flat.wave);
    }
    return scale_now() - begin;
}

/* --- yield ------------------------------------------------------------------------------------------ */

static void flat_yielder(void *unused)
{
    (void)unused;
    weft_recv(flat.line, NULL); /* until it is closed */
    for (uint64_t i = 0; i < flat.turns; i++) {
        weft_yield();
    }
    weft_wg_done(&flat.left);
}

static weft_ns flat_yield(void *unused, uint64_t units)
{
    (void)unused;
    flat.turns = units / YIELDERS;
    flat.line = scale_chan(0);
    weft_wg_add(&flat.left, YIELDERS);
    for (int i = 0; i < YIELDERS; i++) {
        scale_go(flat_yielder, NULL);
    }
    weft_sleep(1000000); /* they are at the line by then; one that is not yields fewer times beside the others */
    weft_ns begin = scale_now();
    weft_close(flat.line);
    weft_wg_wait(&flat.left);
    weft_ns took = scale_now() - begin;
    weft_chan_free(flat.line);
    return took;
}

/* --- wake ------------------------------------------------------------------------------------------- */

static void flat_partner(void *unused)
{
    (void)unused;
    uint64_t value;
    while (weft_recv(flat.there, &value) == WEFT_OK) {
        value = ~value;
        weft_send(flat.back, &value);
    }
    weft_wg_done(&flat.left);
}

static weft_ns flat_wake(void *unused, uint64_t units)
{
    (void)unused;
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < units / 2; i++) {
        uint64_t value;
        weft_send(flat.there, &i);
        weft_recv(flat.back, &value);
        scale_check(value == ~i, "flat: message %" PRIu64 " came back as %" PRIu64, i, value);
    }
    return scale_now() - begin;
}

static weft_ns flat_oldest(void *unused, uint64_t units)
{
    (void)unused;
    uint64_t expected = load_relaxed(&flat.received) + units; /* nobody receives now */
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < units; i++) {
        weft_send(flat.shared, &i);
        if (i % BURST == BURST - 1) {
            weft_yield();
        }
    }
    while (load_relaxed(&flat.received) != expected) { /* a count */
        weft_yield();
    }
    return scale_now() - begin;
}

/* --- all -------------------------------------------------------------------------------------------- */

/* One turn of the four, the first three of which leave the parked tasks alone. */
static void flat_turn(double turns[FLAT_KINDS][FLAT_TURNS], int turn)
{
    const struct scale_sample *sample = flat.sample;
    turns[0][turn] = scale_per_unit(sample, WAVE, flat_spawn, NULL);
    turns[1][turn] = scale_per_unit(sample, YIELDERS, flat_yield, NULL);
    flat.there = scale_chan(0);
    flat.back = scale_chan(0);
    weft_wg_add(&flat.left, 1);
    scale_go(flat_partner, NULL);
    turns[2][turn] = scale_per_unit(sample, 2, flat_wake, NULL);
    weft_close(flat.there);
    weft_wg_wait(&flat.left);
    weft_chan_free(flat.there);
    weft_chan_free(flat.back);
    turns[3][turn] = scale_per_unit(sample, BURST, flat_oldest, NULL);
}

static void flat_level(uint64_t alive)
{
    static const char *const names[FLAT_KINDS] = {"spawn", "yield", "wake", "oldest"};
    double turns[FLAT_KINDS][FLAT_TURNS];
    for (int turn = 0; turn < FLAT_TURNS; turn++) {
        flat_turn(turns, turn);
    }
    for (int kind = 0; kind < FLAT_KINDS; kind++) {
        scale_value(flat.sample, scale_median(turns[kind], FLAT_TURNS), "%s_%" PRIu64 "_ns", names[kind], alive);
    }
}

static void flat_main(void *unused)
{
    (void)unused;
    uint64_t size = flat.sample->size;
    const uint64_t levels[LEVELS] = {size < 20000 ? 1 : size / 10000, size / 100, size};
    uint64_t alive = 0;
    flat.shared = scale_chan(0);
    for (int i = 0; i < LEVELS; i++) {
        flat_populate(levels[i] - alive);
        alive = levels[i];
        flat_level(alive);
    }
    weft_close(flat.shared);
    weft_wg_wait(&flat.ended);
    weft_chan_free(flat.shared);
}

static void flat_measure(struct scale_sample *sample)
{
    flat.sample = sample;
    scale_run(sample->workers, flat_main, NULL);
}

const struct scale_figure scale_flat = {
    .name = "flat",
    .question = "does it cost more when many tasks are alive?",
    .size_of = "tasks alive at the most",
    .size = 1000000,
    .size_min = 200,
    .size_max = 10000000,
    .measure = flat_measure,
};
