#include "stress.h"

void add_tests(Suite *suite)
{
    suite_add_tcase(suite, traffic_tests());
    suite_add_tcase(suite, storm_tests());
    suite_add_tcase(suite, stalled_tests());
    suite_add_tcase(suite, lifetime_tests());
}

/* Two sides that only poll need never meet on a rendezvous: after a few attempts one waits. */
enum { PATIENCE = 4 };

static enum weft_status by_select(struct dice *dice, struct weft_chan *chan, enum weft_op op, void *value)
{
    struct weft_case cases[] = {{.chan = NULL}, {.chan = chan, .op = op, .value = value}, {.chan = NULL}};
    int chosen = -1;
    for (int attempt = 0; chosen < 0; attempt++) {
        uint32_t way = attempt < PATIENCE ? dice_below(dice, 3) : 0;
        chosen = way == 0   ? weft_select(cases, 3)
                 : way == 1 ? weft_try_select(cases, 3)
                            : weft_select_until(cases, 3, weft_now() + dice_below(dice, 50000));
        if (chosen < 0 && way == 1) {
            weft_yield();
        }
    }
    CHECK_EQ(chosen, 1);
    return cases[1].status;
}

enum weft_status send_somehow(struct dice *dice, struct weft_chan *chan, const void *value)
{
    uint32_t way = dice_below(dice, 8);
    for (int attempt = 0; attempt < PATIENCE && way < 2; attempt++) {
        enum weft_status status =
            way == 0 ? weft_try_send(chan, value) : weft_send_until(chan, value, weft_now() + dice_below(dice, 50000));
        if (status == WEFT_OK || status == WEFT_CLOSED) {
            return status;
        }
        CHECK_STATUS(status, way == 0 ? WEFT_AGAIN : WEFT_TIMEOUT);
        weft_yield();
    }
    return way == 2 || way == 3 ? by_select(dice, chan, WEFT_SEND, (void *)(uintptr_t)value) : weft_send(chan, value);
}

enum weft_status recv_somehow(struct dice *dice, struct weft_chan *chan, void *value)
{
    uint32_t way = dice_below(dice, 8);
    for (int attempt = 0; attempt < PATIENCE && way < 2; attempt++) {
        enum weft_status status =
            way == 0 ? weft_try_recv(chan, value) : weft_recv_until(chan, value, weft_now() + dice_below(dice, 50000));
        if (status == WEFT_OK || status == WEFT_CLOSED) {
            return status;
        }
        CHECK_STATUS(status, way == 0 ? WEFT_AGAIN : WEFT_TIMEOUT);
        weft_yield();
    }
    return way == 2 || way == 3 ? by_select(dice, chan, WEFT_RECV, value) : weft_recv(chan, value);
}
