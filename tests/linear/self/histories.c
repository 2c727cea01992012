/* Goal: the checker tells histories that a channel can produce from those that it can't.
 * Method: histories by hand. Each begins as one that is fine, and is refuted after the change that the test is about;
 * where a flag decides, the same history is judged with and without it. Times are given as they are in a recording: all
 * different, in one count. */
#include "self.h"

#include "tests/linear/checker.h"

static struct history h;

/* --- writing histories ------------------------------------------------------------------------------ */

static struct channel_spec exact(size_t capacity)
{
    return (struct channel_spec){
        .variant = "exact", .capacity = capacity, .capacity_exact = true, .try_exact = true, .select_atomic = true};
}

static void begin(struct channel_spec a)
{
    h = (struct history){.channel_count = 1, .channels = {a}};
}

static void begin_two(struct channel_spec a, struct channel_spec b)
{
    h = (struct history){.channel_count = 2, .channels = {a, b}};
}

/* Adds an operation of a task from one time to another; returns its index. */
static unsigned at(unsigned task, uint32_t from, uint32_t to, struct operation op)
{
    op.task = (uint8_t)task;
    op.invoked = from;
    op.returned = to;
    h.ops[h.count] = op;
    return h.count++;
}

static struct operation one_case(enum mode mode, int chan, enum weft_op op, unsigned value)
{
    return (struct operation){.kind = KIND_SELECT,
                              .mode = (uint8_t)mode,
                              .count = 1,
                              .plain = true,
                              .cases = {{(int8_t)chan, (uint8_t)op, (uint8_t)(op == WEFT_SEND ? value : 0)}},
                              .value = (uint8_t)(op == WEFT_RECV ? value : 0)};
}

static struct operation send(int chan, unsigned value)
{
    return one_case(MODE_WAIT, chan, WEFT_SEND, value);
}

static struct operation recv(int chan, unsigned value)
{
    return one_case(MODE_WAIT, chan, WEFT_RECV, value);
}

static struct operation with_mode(enum mode mode, struct operation op)
{
    op.mode = (uint8_t)mode;
    return op;
}

static struct operation try(struct operation op)
{
    return with_mode(MODE_TRY, op);
}

/* It did not happen: AGAIN, TIMEOUT, CANCELED. */
static struct operation in_vain(struct operation op)
{
    op.chosen = CHOSE_NONE;
    return op;
}

static struct operation closed(struct operation op)
{
    op.status = WEFT_CLOSED;
    return op;
}

static struct operation close_of(int chan, enum weft_status status)
{
    return (struct operation){.kind = KIND_CLOSE, .chan = (uint8_t)chan, .status = (uint8_t)status};
}

static struct operation len_of(int chan, unsigned answer)
{
    return (struct operation){.kind = KIND_LEN, .chan = (uint8_t)chan, .value = (uint8_t)answer};
}

static struct operation sight(enum kind kind, uint64_t who)
{
    return (struct operation){.kind = (uint8_t)kind, .who = who};
}

/* A select of two cases that chose one of them (0, 1), or none. */
static struct operation two_cases(enum mode mode, struct operation a, struct operation b, int chosen)
{
    struct operation op = chosen == 1 ? b : a;
    op.mode = (uint8_t)mode;
    op.count = 2;
    op.plain = false;
    op.cases[0] = a.cases[0];
    op.cases[1] = b.cases[0];
    op.chosen = (int8_t)chosen;
    return op;
}

static void expect(enum answer answer, int line)
{
    struct verdict verdict = history_check(&h);
    if (verdict.answer != answer) {
        verdict_print(stderr, &h, &verdict);
    }
    CHECK_MSG(verdict.answer == answer, "the history of line %d is judged wrongly", line);
}

#define FINE() expect(LINEARIZABLE, __LINE__)
#define WRONG() expect(NOT_LINEARIZABLE, __LINE__)

/* --- values ----------------------------------------------------------------------------------------- */

START_TEST(values_come_in_order)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(1, 3, 4, send(0, 2));
        unsigned first = at(2, 5, 6, recv(0, 1));
        unsigned second = at(2, 7, 8, recv(0, 2));
        FINE();
        h.ops[first].value = 2;
        h.ops[second].value = 1;
        WRONG();
        h.ops[1].invoked = 1; /* now the sends overlap */
        h.ops[0].invoked = 2;
        h.ops[0].returned = 3;
        FINE();
    }
END_TEST

START_TEST(values_are_not_lost)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(2, 3, 4, try(recv(0, 1)));
        at(2, 5, 6, in_vain(try(recv(0, 0))));
        FINE();
        h.ops[1] = h.ops[2]; /* nobody got the value */
        h.count = 2;
        WRONG();
        h.ops[0].returned = NEVER; /* it may not have been sent yet */
        FINE();
    }
END_TEST

START_TEST(values_come_once)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(2, 3, 5, recv(0, 1));
        FINE();
        at(3, 4, 6, recv(0, 1));
        WRONG();
    }
END_TEST

START_TEST(values_were_sent)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(2, 3, 4, recv(0, 1));
        FINE();
        h.ops[1].value = VALUE_TORN;
        WRONG();
        h.ops[1].value = 1;
        h.ops[0].invoked = 5; /* received before it was sent */
        h.ops[0].returned = 6;
        WRONG();
    }
END_TEST

START_TEST(a_pending_send_may_have_happened)
    {
        begin(exact(1));
        at(1, 1, NEVER, send(0, 1));
        at(2, 2, 3, in_vain(try(recv(0, 0))));
        at(2, 4, 5, recv(0, 1));
        FINE();
        at(2, 6, 7, recv(0, 1));
        WRONG();
    }
END_TEST

/* --- capacity and tries ----------------------------------------------------------------------------- */

START_TEST(capacity_is_kept)
    {
        begin(exact(1));
        at(1, 1, 3, send(0, 1));
        at(2, 2, 6, send(0, 2));
        at(3, 4, 5, recv(0, 1));
        FINE();
        h.count = 2; /* both have returned, and nobody has received */
        WRONG();
        h.channels[0].capacity_exact = false; /* they overlap, so one may have been too many */
        FINE();
        h.ops[0].returned = 2;
        h.ops[1].invoked = 3;
        WRONG();
    }
END_TEST

/* Vyukov's: the second sender has returned, but stands behind one that is stopped between claim and publication. */
START_TEST(a_finished_send_behind_a_stalled_one_is_there)
    {
        begin(exact(4));
        at(1, 1, NEVER, send(0, 1));
        at(2, 2, 3, send(0, 2));
        unsigned attempt = at(3, 4, 5, try(recv(0, 2)));
        FINE();
        h.ops[attempt] = in_vain(h.ops[attempt]);
        WRONG();
        h.channels[0].try_exact = false;
        FINE();
        h.ops[0].invoked = 6; /* nobody is stalled: no excuse */
        WRONG();
    }
END_TEST

START_TEST(a_try_to_send_finds_the_free_place)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(2, 3, 4, send(0, 2));
        at(1, 5, 6, in_vain(try(send(0, 3))));
        FINE();
        h.ops[1].invoked = 5; /* overlaps, so it may come before */
        h.ops[1].returned = 7;
        FINE();
        h.ops[1].invoked = 7;
        h.ops[1].returned = 8;
        WRONG();
    }
END_TEST

START_TEST(a_deadline_is_an_excuse_only_where_it_was_impossible)
    {
        begin(exact(1));
        at(1, 1, 2, in_vain(with_mode(MODE_UNTIL, recv(0, 0))));
        FINE();
        at(2, 3, 4, send(0, 1));
        at(1, 5, 8, in_vain(with_mode(MODE_UNTIL, recv(0, 0))));
        WRONG();
        at(3, 6, 7, recv(0, 1)); /* now it was empty at the end */
        FINE();
    }
END_TEST

START_TEST(a_cancel_must_have_been)
    {
        begin(exact(1));
        at(1, 1, 5, in_vain(with_mode(MODE_CTX, recv(0, 0))));
        WRONG();
        unsigned cancel = at(2, 2, 3, (struct operation){.kind = KIND_CANCEL});
        FINE();
        h.ops[cancel].invoked = 6;
        h.ops[cancel].returned = 7;
        WRONG();
        h.ops[cancel].invoked = 2;
        h.ops[cancel].returned = 3;
        h.ops[0].invoked = 4; /* what can be done at once is done, even then */
        at(3, 0, 1, send(0, 1));
        WRONG();
    }
END_TEST

START_TEST(len_was_true_at_an_instant)
    {
        begin(exact(3));
        at(1, 1, 2, send(0, 1));
        unsigned len = at(2, 4, 7, len_of(0, 1));
        FINE();
        h.ops[len].value = 0;
        WRONG();
        h.ops[len].value = 2;
        WRONG();
        at(1, 5, 8, recv(0, 1)); /* one goes, then one comes: there are never two */
        at(1, 9, 10, send(0, 2));
        h.ops[len].returned = 11;
        WRONG();
        h.ops[len].value = 0;
        FINE();
        h.channels[0].capacity_exact = false;
        h.ops[len].value = 2; /* of a variant that is not exact: off by one, as two overlap */
        FINE();
        h.ops[len].value = 4;
        WRONG();
    }
END_TEST

/* --- close ------------------------------------------------------------------------------------------ */

START_TEST(a_closed_channel_is_drained)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(1, 3, 4, close_of(0, WEFT_OK));
        unsigned first = at(2, 5, 6, recv(0, 1));
        unsigned second = at(2, 7, 8, closed(recv(0, 0)));
        FINE();
        h.ops[second].value = 3; /* not zeroed */
        WRONG();
        h.ops[second].value = 0;
        h.ops[first] = closed(recv(0, 0));
        h.ops[first].invoked = 5;
        h.ops[first].returned = 6;
        WRONG();
    }
END_TEST

START_TEST(a_closed_channel_takes_nothing)
    {
        begin(exact(2));
        at(1, 1, 4, close_of(0, WEFT_OK));
        unsigned late = at(2, 2, 3, send(0, 1)); /* may have been first */
        FINE();
        h.ops[late].invoked = 5;
        h.ops[late].returned = 6;
        WRONG();
        h.ops[late].status = WEFT_CLOSED;
        FINE();
        h.ops[0].invoked = 7;
        h.ops[0].returned = 8;
        WRONG();
    }
END_TEST

START_TEST(one_close_succeeds)
    {
        begin(exact(2));
        at(1, 1, 2, close_of(0, WEFT_OK));
        unsigned second = at(2, 3, 4, close_of(0, WEFT_CLOSED));
        FINE();
        h.ops[second].status = WEFT_OK;
        WRONG();
        h.ops[second].status = WEFT_CLOSED;
        h.ops[0].status = WEFT_CLOSED;
        WRONG();
    }
END_TEST

/* --- select ----------------------------------------------------------------------------------------- */

START_TEST(a_default_is_not_taken_wrongly)
    {
        begin_two(exact(1), exact(1));
        unsigned sent = at(1, 1, 2, send(0, 1));
        unsigned attempt = at(2, 3, 8, in_vain(two_cases(MODE_TRY, recv(0, 0), recv(1, 0), CHOSE_NONE)));
        WRONG();
        /* the value goes over: into b before it is out of a, so that one of them can be received at every instant */
        at(1, 4, 5, send(1, 2));
        at(3, 6, 7, recv(0, 1));
        WRONG();
        h.channels[1].select_atomic = false; /* looked at one after the other, each was empty */
        FINE();
        h.channels[1].select_atomic = true;
        h.ops[3].invoked = 3; /* out of a first */
        h.ops[3].returned = 6;
        h.ops[attempt].invoked = 2;
        h.ops[sent].returned = 1;
        h.ops[sent].invoked = 0;
        FINE();
    }
END_TEST

START_TEST(a_select_does_one_case)
    {
        begin_two(exact(1), exact(1));
        at(1, 1, 2, two_cases(MODE_WAIT, send(0, 1), send(1, 2), 1));
        at(2, 3, 4, recv(1, 2));
        FINE();
        at(2, 5, 6, recv(0, 1));
        WRONG();
    }
END_TEST

START_TEST(a_select_never_meets_itself)
    {
        begin(exact(0));
        unsigned both = at(1, 1, 4, two_cases(MODE_WAIT, send(0, 1), recv(0, 1), 0));
        WRONG();
        h.ops[both].chosen = 1;
        WRONG();
        h.ops[both].chosen = 0;
        at(2, 2, 3, recv(0, 1));
        FINE();
    }
END_TEST

/* --- rendezvous ------------------------------------------------------------------------------------- */

START_TEST(a_rendezvous_needs_two)
    {
        begin(exact(0));
        unsigned sender = at(1, 1, 4, send(0, 1));
        WRONG();
        at(2, 2, 3, recv(0, 1));
        FINE();
        h.ops[sender].returned = 2; /* the send has returned before the receive began */
        h.ops[1].invoked = 3;
        h.ops[1].returned = 5;
        WRONG();
    }
END_TEST

START_TEST(two_tries_never_meet)
    {
        begin(exact(0));
        at(1, 1, 4, try(send(0, 1)));
        unsigned receiver = at(2, 2, 3, try(recv(0, 1)));
        WRONG();
        h.ops[receiver].mode = MODE_UNTIL;
        FINE();
    }
END_TEST

START_TEST(a_try_finds_who_was_seen_waiting)
    {
        begin(exact(0));
        unsigned waiting = at(1, 1, NEVER, send(0, 1));
        at(2, 4, 5, in_vain(try(recv(0, 0))));
        FINE(); /* it may not have come to wait */
        at(2, 2, 3, sight(KIND_SEEN, 1u << waiting));
        WRONG();
        at(3, 2, 6, recv(0, 1)); /* it may have been served meanwhile */
        FINE();
    }
END_TEST

START_TEST(a_try_may_miss_a_select_that_a_buffer_wakes)
    {
        begin_two(exact(0), exact(0));
        unsigned waiting = at(1, 1, NEVER, two_cases(MODE_WAIT, send(0, 1), recv(1, 0), CHOSE_NONE));
        at(2, 2, 3, sight(KIND_SEEN, 1u << waiting));
        at(2, 4, 5, in_vain(try(recv(0, 0))));
        WRONG();
        h.channels[1].capacity = 1; /* model.h: not firm */
        FINE();
    }
END_TEST

/* --- waiting ---------------------------------------------------------------------------------------- */

START_TEST(nobody_waits_for_what_is_there)
    {
        begin(exact(1));
        unsigned waiting = at(1, 1, NEVER, recv(0, 0));
        at(2, 6, 7, sight(KIND_STUCK, 1u << waiting));
        FINE();
        at(3, 2, 3, send(0, 1));
        WRONG();
        h.ops[2] = close_of(0, WEFT_OK);
        h.ops[2].invoked = 2;
        h.ops[2].returned = 3;
        WRONG();
    }
END_TEST

START_TEST(partners_do_not_wait_for_each_other)
    {
        begin_two(exact(0), exact(0));
        unsigned sender = at(1, 1, NEVER, send(0, 1));
        unsigned receiver = at(2, 2, NEVER, recv(1, 0));
        at(3, 3, 4, sight(KIND_STUCK, 1u << sender | 1u << receiver));
        FINE();
        h.ops[receiver].cases[0].chan = 0;
        WRONG();
    }
END_TEST

/* A lost wake-up behind the effect: its value was taken, and the sender still waits. */
START_TEST(who_was_served_does_not_wait)
    {
        begin(exact(0));
        unsigned sender = at(1, 1, NEVER, send(0, 1));
        at(2, 2, 3, recv(0, 1));
        FINE();
        at(3, 4, 5, sight(KIND_STUCK, 1u << sender));
        WRONG();
    }
END_TEST

START_TEST(a_cancelled_operation_does_not_wait)
    {
        begin(exact(1));
        unsigned waiting = at(1, 1, NEVER, with_mode(MODE_CTX, recv(0, 0)));
        at(2, 4, 5, sight(KIND_STUCK, 1u << waiting));
        FINE();
        at(3, 2, 3, (struct operation){.kind = KIND_CANCEL});
        WRONG();
    }
END_TEST

/* Two receivers wait, the first of which was seen before the second began; the value goes to the second. */
static void first_and_second(struct channel_spec spec)
{
    begin(spec);
    unsigned first = at(1, 1, NEVER, recv(0, 0));
    at(3, 2, 3, sight(KIND_SEEN, 1u << first));
    unsigned second = at(2, 4, 10, recv(0, 1));
    at(3, 5, 6, sight(KIND_SEEN, 1u << first | 1u << second));
    at(3, 7, 8, send(0, 1));
}

START_TEST(waiters_are_served_in_order)
    {
        for (size_t capacity = 0; capacity < 3; capacity++) {
            struct channel_spec spec = exact(capacity);
            first_and_second(spec);
            FINE();
            spec.fifo_waiters = true;
            first_and_second(spec);
            WRONG();
            h.ops[0].returned = 9; /* the first gets it */
            h.ops[0].value = 1;
            h.ops[2].returned = NEVER;
            FINE();
        }
    }
END_TEST

START_TEST(a_newcomer_waits_behind)
    {
        struct channel_spec spec = exact(1);
        for (int claimed = 0; claimed < 2; claimed++) {
            begin(spec);
            unsigned waiting = at(1, 1, NEVER, recv(0, 0));
            at(2, 2, 3, sight(KIND_SEEN, 1u << waiting));
            at(2, 4, 5, send(0, 1));
            unsigned attempt = at(2, 6, 7, try(recv(0, 1)));
            expect(claimed ? NOT_LINEARIZABLE : LINEARIZABLE, __LINE__);
            h.ops[attempt] = in_vain(h.ops[attempt]);
            FINE(); /* it may have reached the one that waits */
            spec.hand_off = true;
        }
    }
END_TEST

/* A sender that waits for a place is served before one that comes later. */
START_TEST(senders_are_served_in_order)
    {
        struct channel_spec spec = exact(1);
        for (int claimed = 0; claimed < 2; claimed++) {
            begin(spec);
            at(3, 1, 2, send(0, 1));
            unsigned waiting = at(1, 3, NEVER, send(0, 2));
            at(3, 4, 5, sight(KIND_SEEN, 1u << waiting));
            at(3, 6, 7, recv(0, 1));
            at(3, 8, 9, try(send(0, 3)));
            expect(claimed ? NOT_LINEARIZABLE : LINEARIZABLE, __LINE__);
            spec.fifo_waiters = true;
        }
    }
END_TEST

/* --- the checker itself ----------------------------------------------------------------------------- */

/* Ten sends and ten receives that all overlap, of which one value is wrong: all orders are in vain, and yet it ends
 * soon. */
START_TEST(many_that_overlap_are_decided)
    {
        begin(exact(5));
        for (unsigned i = 0; i < 7; i++) {
            at(1 + i % 5, 1 + i, 100 + i, send(0, i + 1));
            at(1 + i % 5, 50 + i, 200 + i, recv(0, 7 - i));
        }
        FINE();
        h.ops[1].value = 60;
        WRONG();
    }
END_TEST

START_TEST(a_counterexample_is_made_small)
    {
        begin(exact(2));
        at(1, 1, 2, send(0, 1));
        at(1, 3, 4, in_vain(try(send(0, 8)))); /* this is what is wrong */
        at(2, 5, 6, in_vain(try(recv(0, 0))));
        at(3, 7, 8, send(0, 9));
        at(3, 9, 10, len_of(0, 1));
        at(2, 11, 12, recv(0, 9));
        struct history least = history_minimise(&h);
        CHECK_EQ(history_check(&least).answer, NOT_LINEARIZABLE);
        CHECK_EQ(least.count, 2);
        CHECK_EQ(least.ops[1].cases[0].value, 8);
    }
END_TEST

/* Where overlapping operations excuse others, none is taken away from what it excuses. */
START_TEST(a_small_counterexample_is_one)
    {
        struct channel_spec spec = exact(1);
        spec.try_exact = false;
        begin(spec);
        at(1, 1, 2, send(0, 1));
        at(2, 3, 6, in_vain(try(recv(0, 0)))); /* excused by the next one */
        at(3, 4, 5, in_vain(try(send(0, 2))));
        at(3, 7, 8, in_vain(try(recv(0, 0)))); /* not excused */
        struct history least = history_minimise(&h);
        CHECK_EQ(history_check(&least).answer, NOT_LINEARIZABLE);
        CHECK_EQ(least.ops[least.count - 1].invoked, 7);
        CHECK_EQ(least.count, 4);
    }
END_TEST

/* --- happens-before ---------------------------------------------------------------------------------- */

/* From now on only this is known: an operation comes behind the earlier ones of its task. */
static void forget_time(void)
{
    h.partial = true;
    for (unsigned b = 0; b < h.count; b++) {
        for (unsigned a = 0; a < h.count; a++) {
            bool own = h.ops[a].task == h.ops[b].task && h.ops[a].returned < h.ops[b].invoked;
            h.ops[b].before |= own ? (uint64_t)1 << a : 0;
        }
    }
}

START_TEST(what_nobody_was_told_of_may_be_missed)
    {
        begin(exact(2));
        unsigned first = at(1, 1, 2, send(0, 1));
        unsigned attempt = at(2, 3, 4, in_vain(try(recv(0, 0))));
        WRONG();
        forget_time();
        FINE();
        h.ops[attempt].before = (uint64_t)1 << first;
        WRONG();
    }
END_TEST

START_TEST(what_overlaps_in_time_may_be_in_order)
    {
        begin(exact(2));
        unsigned first = at(1, 1, 9, send(0, 1));
        unsigned second = at(2, 2, 8, send(0, 2));
        at(3, 10, 11, recv(0, 2));
        FINE();
        forget_time();
        h.ops[second].before = (uint64_t)1 << first;
        WRONG();
    }
END_TEST

static enum answer answer_of_views(void)
{
    for (unsigned i = 0; i < history_views(&h); i++) {
        struct history view = history_view(&h, i);
        if (history_check(&view).answer != LINEARIZABLE) {
            return NOT_LINEARIZABLE;
        }
    }
    return LINEARIZABLE;
}

/* IRIW. */
START_TEST(two_channels_may_be_seen_in_two_orders)
    {
        begin_two(exact(1), exact(1));
        at(1, 1, 2, send(0, 1));
        at(2, 3, 4, send(1, 2));
        at(3, 5, 6, len_of(0, 1));
        at(3, 7, 8, len_of(1, 0));
        at(4, 9, 10, len_of(1, 1));
        unsigned last = at(4, 11, 12, len_of(0, 0));
        forget_time();
        WRONG(); /* as one */
        CHECK_EQ(answer_of_views(), LINEARIZABLE);
        at(4, 13, 14, len_of(1, 0)); /* but not each: it has seen the element there, and nobody has taken it */
        h.ops[last + 1].before = (uint64_t)3 << (last - 1);
        CHECK_EQ(answer_of_views(), NOT_LINEARIZABLE);
    }
END_TEST

/* What a task has moved from one channel to the other was always in one of the two. */
START_TEST(changes_of_two_channels_have_one_order)
    {
        begin_two(exact(1), exact(1));
        at(1, 1, 2, send(0, 1));
        at(1, 3, 4, send(1, 2));
        at(1, 5, 6, recv(0, 1));
        at(2, 7, 8, recv(1, 2));
        unsigned attempt = at(3, 9, 10, in_vain(two_cases(MODE_TRY, recv(0, 0), recv(1, 0), CHOSE_NONE)));
        forget_time();
        CHECK_EQ(answer_of_views(), LINEARIZABLE); /* at its beginning, or its end */
        h.ops[attempt].before = 1;
        h.ops[3].before = (uint64_t)1 << attempt;
        CHECK_EQ(answer_of_views(), NOT_LINEARIZABLE);
        h.channels[0].select_atomic = false;
        CHECK_EQ(answer_of_views(), LINEARIZABLE); /* the one before, the other behind */
    }
END_TEST

TCase *histories_tests(void)
{
    TCase *tests = tcase_create("histories");
    const TTest *all[] = {values_come_in_order,
                          values_are_not_lost,
                          values_come_once,
                          values_were_sent,
                          a_pending_send_may_have_happened,
                          capacity_is_kept,
                          a_finished_send_behind_a_stalled_one_is_there,
                          a_try_to_send_finds_the_free_place,
                          a_deadline_is_an_excuse_only_where_it_was_impossible,
                          a_cancel_must_have_been,
                          len_was_true_at_an_instant,
                          a_closed_channel_is_drained,
                          a_closed_channel_takes_nothing,
                          one_close_succeeds,
                          a_default_is_not_taken_wrongly,
                          a_select_does_one_case,
                          a_select_never_meets_itself,
                          a_rendezvous_needs_two,
                          two_tries_never_meet,
                          a_try_finds_who_was_seen_waiting,
                          a_try_may_miss_a_select_that_a_buffer_wakes,
                          nobody_waits_for_what_is_there,
                          partners_do_not_wait_for_each_other,
                          who_was_served_does_not_wait,
                          a_cancelled_operation_does_not_wait,
                          waiters_are_served_in_order,
                          a_newcomer_waits_behind,
                          senders_are_served_in_order,
                          many_that_overlap_are_decided,
                          a_counterexample_is_made_small,
                          a_small_counterexample_is_one,
                          what_nobody_was_told_of_may_be_missed,
                          what_overlaps_in_time_may_be_in_order,
                          two_channels_may_be_seen_in_two_orders,
                          changes_of_two_channels_have_one_order};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        tcase_add_test(tests, all[i]);
    }
    return tests;
}
