/* Goal: a select that need not wait: which case it takes, and how evenly.
 * Method: one task, cases made ready on purpose; the choice among ready cases is counted and put to a chi-square test
 * with a fixed seed. */
#include "conformance.h"

enum { CASES_MAX = 1024 };
static struct weft_chan *chans[CASES_MAX];
static struct weft_case cases[CASES_MAX];
static int values[CASES_MAX];
static const size_t counts[] = {1, 2, 16, 17, 64, CASES_MAX};
enum { COUNTS = sizeof counts / sizeof counts[0] };

static void make_cases(size_t count, enum weft_op op)
{
    for (size_t i = 0; i < count; i++) {
        chans[i] = make_chan(sizeof(int), 1);
        values[i] = (int)i;
        cases[i] = (struct weft_case){.chan = chans[i], .op = op, .value = &values[i], .status = WEFT_INVALID};
    }
}

static void free_cases(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        CHECK_EQ(chans[i]->recvq.count, 0);
        CHECK_EQ(chans[i]->sendq.count, 0);
        weft_chan_free(chans[i]);
    }
}

TASK_TEST(no_cases)
{
    CHECK_EQ(weft_try_select(NULL, 0), -1);
    weft_ns deadline = weft_now() + 2000000;
    CHECK_EQ(weft_select_until(NULL, 0, deadline), -1);
    CHECK(weft_now() >= deadline);
    CHECK_EQ(weft_select_until(NULL, 0, 0), -1);
}

TASK_TEST(null_cases_are_never_chosen)
{
    struct weft_chan *ready = make_chan(sizeof(int), 1);
    struct weft_case mixed[20];
    for (int i = 0; i < 100; i++) {
        int value = i, got = -1;
        for (int j = 0; j < 20; j++) {
            mixed[j] = (struct weft_case){.chan = NULL, .op = j % 2 == 0 ? WEFT_RECV : WEFT_SEND};
        }
        CHECK_EQ(weft_try_select(mixed, 20), -1);
        CHECK_EQ(weft_select_until(mixed, 20, weft_now() + 1000), -1);
        mixed[i % 20] = (struct weft_case){.chan = ready, .op = WEFT_RECV, .value = &got};
        CHECK_EQ(weft_try_select(mixed, 20), -1);
        CHECK_STATUS(weft_send(ready, &value), WEFT_OK);
        CHECK_EQ(i % 3 == 0   ? weft_select(mixed, 20)
                 : i % 3 == 1 ? weft_try_select(mixed, 20)
                              : weft_select_until(mixed, 20, 0),
                 i % 20);
        CHECK_EQ(got, i);
    }
    weft_chan_free(ready);
}

TASK_TEST(the_ready_receive_is_chosen)
{
    for (size_t n = 0; n < COUNTS; n++) {
        make_cases(counts[n], WEFT_RECV);
        CHECK_EQ(weft_try_select(cases, counts[n]), -1);
        for (size_t i = 0; i < counts[n]; i++) {
            int value = 1000 + (int)i;
            CHECK_STATUS(weft_send(chans[i], &value), WEFT_OK);
            CHECK_EQ(weft_select(cases, counts[n]), i);
            CHECK_STATUS(cases[i].status, WEFT_OK);
            CHECK_EQ(values[i], value);
        }
        CHECK_EQ(weft_try_select(cases, counts[n]), -1);
        free_cases(counts[n]);
    }
}

TASK_TEST(the_ready_send_is_chosen)
{
    for (size_t n = 0; n < COUNTS; n++) {
        make_cases(counts[n], WEFT_SEND);
        for (size_t i = 0; i < counts[n]; i++) {
            int value = -1;
            CHECK_STATUS(weft_send(chans[i], &value), WEFT_OK);
        }
        CHECK_EQ(weft_try_select(cases, counts[n]), -1);
        for (size_t i = 0; i < counts[n]; i++) {
            int value;
            CHECK_STATUS(weft_recv(chans[i], &value), WEFT_OK);
            CHECK_EQ(weft_select(cases, counts[n]), i);
            CHECK_STATUS(cases[i].status, WEFT_OK);
            CHECK_EQ(weft_try_select(cases, counts[n]), -1); /* full again */
        }
        for (size_t i = 0; i < counts[n]; i++) {
            int value;
            CHECK_STATUS(weft_recv(chans[i], &value), WEFT_OK);
            CHECK_EQ(value, i);
        }
        free_cases(counts[n]);
    }
}

TASK_TEST(closed_channels_are_ready)
{
    make_cases(2, WEFT_RECV);
    cases[1].op = WEFT_SEND;
    int value = 5;
    CHECK_STATUS(weft_send(chans[1], &value), WEFT_OK); /* full */
    CHECK_EQ(weft_try_select(cases, 2), -1);
    weft_close(chans[0]);
    values[0] = 77;
    CHECK_EQ(weft_select(cases, 2), 0);
    CHECK_STATUS(cases[0].status, WEFT_CLOSED);
    CHECK_EQ(values[0], 0);
    weft_close(chans[1]);
    cases[0].chan = NULL;
    CHECK_EQ(weft_select(cases, 2), 1);
    CHECK_STATUS(cases[1].status, WEFT_CLOSED);
    free_cases(2);
}

/* Chi-square with n - 1 degrees of freedom; the bound is beyond the 1 - 10^-9 quantile for n = 2 ... 17. */
static void check_uniform(const unsigned *hits, size_t n, unsigned draws)
{
    double expected = (double)draws / (double)n, sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += ((double)hits[i] - expected) * ((double)hits[i] - expected) / expected;
    }
    CHECK_MSG(sum < 40 + 4 * (double)n, "choice among %zu ready cases is not uniform: chi-square %.1f", n, sum);
}

TASK_TEST(choice_is_uniform)
{
    static const size_t sizes[] = {2, 3, 5, 16, 17};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        unsigned hits[17] = {0};
        make_cases(sizes[s], WEFT_RECV);
        for (size_t i = 0; i < sizes[s]; i++) {
            weft_send(chans[i], &values[i]);
        }
        for (int draw = 0; draw < 5000; draw++) {
            int chosen = draw % 2 == 0 ? weft_select(cases, sizes[s]) : weft_try_select(cases, sizes[s]);
            CHECK(chosen >= 0);
            hits[chosen]++;
            CHECK_STATUS(weft_send(chans[chosen], &chosen), WEFT_OK);
        }
        check_uniform(hits, sizes[s], 5000);
        free_cases(sizes[s]);
    }
}

/* A select that may send 0 or 1 on one channel sends both about as often (the random bits of Go's tutorial). */
TASK_TEST(choice_between_two_sends)
{
    struct weft_chan *bits = make_chan(sizeof(int), 1);
    unsigned hits[2] = {0};
    for (int draw = 0; draw < 2000; draw++) {
        int zero = 0, one = 1, bit = -1;
        struct weft_case both[] = {{.chan = bits, .op = WEFT_SEND, .value = &zero},
                                   {.chan = bits, .op = WEFT_SEND, .value = &one}};
        int chosen = weft_select(both, 2);
        CHECK_STATUS(weft_recv(bits, &bit), WEFT_OK);
        CHECK_EQ(bit, chosen);
        hits[bit]++;
    }
    check_uniform(hits, 2, 2000);
    weft_chan_free(bits);
}

/* One task that selects between sending to and receiving from a buffered channel does the one that can be done. */
TASK_TEST(select_with_itself)
{
    struct weft_chan *chan = make_chan(sizeof(int), 1);
    int got = -1;
    for (int i = 0; i < 100; i++) {
        struct weft_case both[] = {{.chan = chan, .op = WEFT_RECV, .value = &got},
                                   {.chan = chan, .op = WEFT_SEND, .value = &i}};
        CHECK_EQ(weft_select(both, 2), i % 2 == 0 ? 1 : 0);
        CHECK(i % 2 == 0 || got == i - 1);
    }
    weft_chan_free(chan);
    if (!serves(0)) {
        return;
    }
    chan = make_chan(sizeof(int), 0); /* a rendezvous with itself never comes about */
    struct weft_case both[] = {{.chan = chan, .op = WEFT_RECV, .value = &got},
                               {.chan = chan, .op = WEFT_SEND, .value = &values[0]}};
    CHECK_EQ(weft_try_select(both, 2), -1);
    weft_ns deadline = weft_now() + 2000000;
    CHECK_EQ(weft_select_until(both, 2, deadline), -1);
    CHECK(weft_now() >= deadline);
    CHECK_EQ(chan->recvq.count, 0);
    CHECK_EQ(chan->sendq.count, 0);
    weft_chan_free(chan);
}

TASK_TEST(channels_of_several_variants)
{
    static struct weft_chan *all[16];
    size_t count = 0;
    for (size_t i = 0; registry_channels[i] != NULL; i++) {
        if (!registry_channels[i]->caps.control) {
            all[count] = weft_chan_new_as(registry_channels[i]->name, sizeof(int), 2);
            CHECK(all[count] != NULL);
            count++;
        }
    }
    CHECK(count >= 2);
    for (size_t i = 0; i < count; i++) {
        values[i] = -1;
        cases[i] = (struct weft_case){.chan = all[i], .op = WEFT_RECV, .value = &values[i]};
    }
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < count; i++) {
            CHECK_STATUS(weft_send(all[i], &round), WEFT_OK);
            CHECK_EQ(weft_select(cases, count), i);
            CHECK_EQ(values[i], round);
            CHECK_EQ(weft_select_until(cases, count, weft_now() + 1000), -1);
        }
    }
    for (size_t i = 0; i < count; i++) {
        weft_chan_free(all[i]);
    }
}

TCase *select_tests(void)
{
    TCase *tests = tcase_create("select");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, no_cases);
    tcase_add_test(tests, null_cases_are_never_chosen);
    tcase_add_test(tests, the_ready_receive_is_chosen);
    tcase_add_test(tests, the_ready_send_is_chosen);
    tcase_add_test(tests, closed_channels_are_ready);
    tcase_add_test(tests, choice_is_uniform);
    tcase_add_test(tests, choice_between_two_sends);
    tcase_add_test(tests, select_with_itself);
    tcase_add_test(tests, channels_of_several_variants);
    return tests;
}
