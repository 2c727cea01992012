/* select: what does a select over n channels cost, and how does that grow?
 *
 *   ready:  one task; sends to one of n channels of capacity 1, then selects over all: finds the one that is ready
 *   wait:   server --one of n rendezvous channels--> client, which selects over all, and has to wait in all of them
 *   each time, as the server
 *           sends only once it has the answer to the last message: client --answers--> server
 *
 * For n = 1, 2, 4, ... size: ready_N_ns, the send and the select; wait_N_ns, the select, its wake-up and the answer.
 * Which channel it is goes round by a step that is prime, so that neighbours do not follow each other. All cases are
 * receives.
 * Checked: index and value of each select. */
#include "bench/scale/tools.h"

#include <stdlib.h>
#include <string.h>

enum { STRIDE = 7919, CASES_MAX = 1024 };

static struct {
    struct scale_sample *sample;
    size_t count;
    struct weft_chan *chans[CASES_MAX];
    struct weft_chan *answers;
    struct weft_waitgroup left;
} many;

static void many_open(size_t capacity)
{
    for (size_t i = 0; i < many.count; i++) {
        many.chans[i] = scale_chan(capacity);
    }
}

static void many_free(void)
{
    for (size_t i = 0; i < many.count; i++) {
        weft_chan_free(many.chans[i]);
    }
}

/* Cases that receive into the slot behind `value`. */
static struct weft_case *many_cases(uint64_t *value)
{
    struct weft_case *cases = scale_alloc(many.count, sizeof *cases);
    for (size_t i = 0; i < many.count; i++) {
        cases[i] = (struct weft_case){.chan = many.chans[i], .op = WEFT_RECV, .value = value};
    }
    return cases;
}

static weft_ns many_ready(void *arg, uint64_t units)
{
    struct weft_case *cases = arg;
    uint64_t *value = cases[0].value;
    size_t turn = 0;
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < units; i++) {
        weft_send(many.chans[turn], &i);
        int chosen = weft_select(cases, many.count);
        scale_check((size_t)chosen == turn && *value == i, "select: case %d, value %" PRIu64 ", not %zu, %" PRIu64,
                    chosen, *value, turn, i);
        turn = (turn + STRIDE) % many.count;
    }
    return scale_now() - begin;
}

static void many_client(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    size_t turn = 0;
    uint64_t expected = 0;
    struct weft_case *cases = many_cases(&value);
    for (;;) {
        int chosen = weft_select(cases, many.count);
        if (cases[chosen].status == WEFT_CLOSED) {
            break;
        }
        scale_check((size_t)chosen == turn && value == expected,
                    "select: case %d, value %" PRIu64 ", not %zu, %" PRIu64, chosen, value, turn, expected);
        turn = (turn + STRIDE) % many.count;
        expected++;
        weft_send(many.answers, &value);
    }
    free(cases);
    weft_wg_done(&many.left);
}

/* The server goes on where it was in the last batch, as the client does. */
struct many_server {
    size_t turn;
    uint64_t next;
};

static weft_ns many_wait(void *arg, uint64_t units)
{
    struct many_server *server = arg;
    weft_ns begin = scale_now();
    for (uint64_t i = 0; i < units; i++) {
        uint64_t answer;
        weft_send(many.chans[server->turn], &server->next);
        weft_recv(many.answers, &answer);
        scale_check(answer == server->next, "select: answer %" PRIu64 " to %" PRIu64, answer, server->next);
        server->next++;
        server->turn = (server->turn + STRIDE) % many.count;
    }
    return scale_now() - begin;
}

static void many_measure_one(size_t count)
{
    uint64_t value = 0;
    many.count = count;
    many_open(1);
    struct weft_case *cases = many_cases(&value);
    scale_value(many.sample, scale_per_unit(many.sample, 1, many_ready, cases), "ready_%zu_ns", count);
    free(cases);
    many_free();
    many_open(0);
    weft_wg_add(&many.left, 1);
    scale_go(many_client, NULL);
    struct many_server server = {0};
    scale_value(many.sample, scale_per_unit(many.sample, 1, many_wait, &server), "wait_%zu_ns", count);
    weft_close(many.chans[0]);
    weft_wg_wait(&many.left);
    many_free();
}

static void many_main(void *unused)
{
    (void)unused;
    many.answers = scale_chan(0);
    for (size_t count = 1; count <= many.sample->size; count *= 2) {
        many_measure_one(count);
    }
    weft_chan_free(many.answers);
}

static void many_measure(struct scale_sample *sample)
{
    many.sample = sample;
    scale_run(sample->workers, many_main, NULL);
}

const struct scale_figure scale_select = {
    .name = "select",
    .question = "a select over many channels?",
    .size_of = "cases at the most",
    .size = CASES_MAX,
    .size_min = 1,
    .size_max = CASES_MAX,
    .measure = many_measure,
};
