/* Goal: contexts behave as Go's: cancellation runs down the tree before cancel returns, the first cause wins, nothing
 * is left behind.
 * Method: trees of known shape, cancelled from known places, and from many tasks at once. After Go's
 * context/{context,x,afterfunc}_test.go. */
#include "conformance.h"

static const weft_ns ms = 1000000;

static bool is_done(struct weft_ctx *ctx)
{
    struct weft_case only = {.chan = weft_ctx_done(ctx), .op = WEFT_RECV};
    bool done = weft_try_select(&only, 1) == 0;
    CHECK(!done || only.status == WEFT_CLOSED);
    CHECK(!done || weft_ctx_err(ctx) != WEFT_OK);
    return done;
}

static void check_done(struct weft_ctx *ctx, enum weft_status err, const char *cause)
{
    CHECK(is_done(ctx));
    CHECK_STATUS(weft_ctx_err(ctx), err);
    CHECK_MSG(strcmp(weft_ctx_cause(ctx), cause) == 0, "the cause is '%s', should be '%s'", weft_ctx_cause(ctx), cause);
}

static void check_alive(struct weft_ctx *ctx)
{
    CHECK(!is_done(ctx));
    CHECK_STATUS(weft_ctx_err(ctx), WEFT_OK);
    CHECK(weft_ctx_cause(ctx) == NULL);
}

TASK_TEST(the_background_is_never_done)
{
    struct weft_ctx *background = weft_ctx_background();
    weft_ns deadline;
    CHECK(weft_ctx_done(background) == NULL);
    CHECK_STATUS(weft_ctx_err(background), WEFT_OK);
    CHECK(weft_ctx_cause(background) == NULL);
    CHECK(!weft_ctx_deadline(background, &deadline));
    CHECK(weft_ctx_value(background, &deadline) == NULL);
    weft_ctx_free(background);
    weft_ctx_free(NULL);
}

TASK_TEST(cancel_runs_down)
{
    int key;
    struct weft_ctx *top = weft_ctx_with_cancel(weft_ctx_background());
    struct weft_ctx *left = weft_ctx_with_cancel(top);
    struct weft_ctx *value = weft_ctx_with_value(left, &key, "v");
    struct weft_ctx *leaf = weft_ctx_with_timeout(value, 3600 * 1000 * ms);
    struct weft_ctx *right = weft_ctx_with_cancel(top);
    struct weft_ctx *apart = weft_ctx_without_cancel(leaf);
    CHECK(weft_ctx_done(value) == weft_ctx_done(left));
    weft_ctx_cancel(left, "tired");
    check_done(left, WEFT_CANCELED, "tired");
    check_done(value, WEFT_CANCELED, "tired");
    check_done(leaf, WEFT_CANCELED, "tired");
    check_alive(top);
    check_alive(right);
    weft_ctx_cancel(leaf, "too late"); /* the first cause stays */
    check_done(leaf, WEFT_CANCELED, "tired");
    weft_ctx_cancel(top, NULL);
    check_done(right, WEFT_CANCELED, "context canceled");
    check_done(left, WEFT_CANCELED, "tired");
    struct weft_ctx *late = weft_ctx_with_cancel(left); /* of one that is done */
    check_done(late, WEFT_CANCELED, "tired");
    CHECK(weft_ctx_done(apart) == NULL);
    CHECK(strcmp(weft_ctx_value(apart, &key), "v") == 0);
    struct weft_ctx *all[] = {top, left, value, leaf, right, late, apart};
    for (int i = 0; i < 7; i++) { /* parents first: they live as long as they are needed */
        weft_ctx_free(all[i]);
    }
}

TASK_TEST(deadlines)
{
    weft_ns deadline = 0, soon = weft_now() + 200 * ms;
    struct weft_ctx *outer = weft_ctx_with_deadline(weft_ctx_background(), soon);
    struct weft_ctx *inner = weft_ctx_with_timeout(outer, 3600 * 1000 * ms);
    struct weft_ctx *apart = weft_ctx_without_cancel(inner);
    CHECK(weft_ctx_deadline(inner, &deadline));
    CHECK_EQ(deadline, soon); /* the parent's is sooner */
    CHECK(!weft_ctx_deadline(apart, &deadline));
    check_alive(outer);
    CHECK_STATUS(weft_recv(weft_ctx_done(inner), NULL), WEFT_CLOSED);
    CHECK(weft_now() >= soon);
    check_done(outer, WEFT_TIMEOUT, "context deadline exceeded");
    check_done(inner, WEFT_TIMEOUT, "context deadline exceeded");
    struct weft_ctx *past = weft_ctx_with_deadline(weft_ctx_background(), 0);
    check_done(past, WEFT_TIMEOUT, "context deadline exceeded");
    struct weft_ctx *sooner = weft_ctx_with_timeout(weft_ctx_background(), 3600 * 1000 * ms);
    weft_ctx_cancel(sooner, "before");
    check_done(sooner, WEFT_CANCELED, "before");
    struct weft_ctx *all[] = {outer, inner, apart, past, sooner};
    for (int i = 0; i < 5; i++) {
        weft_ctx_free(all[i]);
    }
}

TASK_TEST(values)
{
    int keys[3], a = 1, b = 2, c = 3;
    struct weft_ctx *one = weft_ctx_with_value(weft_ctx_background(), &keys[0], &a);
    struct weft_ctx *two = weft_ctx_with_value(one, &keys[1], &b);
    struct weft_ctx *over = weft_ctx_with_cancel(two);
    struct weft_ctx *again = weft_ctx_with_value(over, &keys[0], &c);
    CHECK(weft_ctx_value(over, &keys[0]) == &a);
    CHECK(weft_ctx_value(again, &keys[0]) == &c);
    CHECK(weft_ctx_value(again, &keys[1]) == &b);
    CHECK(weft_ctx_value(again, &keys[2]) == NULL);
    CHECK(weft_ctx_value(one, &keys[1]) == NULL);
    struct weft_ctx *all[] = {one, two, over, again};
    for (int i = 0; i < 4; i++) {
        weft_ctx_free(all[i]);
    }
}

/* --- trees and crowds --- */

enum { NODES = 1000 };
static struct weft_ctx *nodes[NODES];

static void cancel_some(void *arg)
{
    struct dice dice = dice_new((uintptr_t)arg);
    for (int i = 0; i < 20; i++) {
        struct weft_ctx *node = nodes[dice_below(&dice, NODES)];
        weft_ctx_cancel(node, "some");
        CHECK_STATUS(weft_ctx_err(node), WEFT_CANCELED);
        weft_yield();
    }
}

static void wait_done(void *arg)
{
    CHECK_STATUS(weft_recv(weft_ctx_done(arg), NULL), WEFT_CLOSED);
    CHECK_STATUS(weft_ctx_err(arg), WEFT_CANCELED);
}

/* A tree of a thousand, cancelled in many places at once, with waiters all over it. */
TASK_TEST(a_thousand_nodes)
{
    struct dice dice = dice_new(99);
    struct crew crew;
    crew_init(&crew);
    nodes[0] = weft_ctx_with_cancel(weft_ctx_background());
    for (uint32_t i = 1; i < NODES; i++) {
        nodes[i] = weft_ctx_with_cancel(nodes[dice_below(&dice, i)]);
        if (i % 50 == 0) {
            crew_go(&crew, wait_done, nodes[i]);
        }
    }
    for (uintptr_t i = 0; i < 8; i++) {
        crew_go(&crew, cancel_some, (void *)i);
    }
    weft_yield();
    weft_ctx_cancel(nodes[0], "all");
    crew_fini(&crew);
    for (int i = 0; i < NODES; i++) {
        CHECK_STATUS(weft_ctx_err(nodes[i]), WEFT_CANCELED);
        CHECK(is_done(nodes[i]));
        weft_ctx_free(nodes[i]);
    }
}

/* A chain so long that recursion would end badly. */
TASK_TEST(a_long_chain)
{
    enum { LENGTH = 20000 };
    struct weft_ctx *top = weft_ctx_with_cancel(weft_ctx_background()), *last = top;
    for (int i = 0; i < LENGTH; i++) {
        struct weft_ctx *next = weft_ctx_with_cancel(last);
        if (last != top) {
            weft_ctx_free(last); /* its child keeps it */
        }
        last = next;
    }
    weft_ctx_cancel(top, "down");
    check_done(last, WEFT_CANCELED, "down");
    weft_ctx_free(top);
    weft_ctx_free(last);
}

static void grow_and_shrink(void *arg)
{
    struct weft_ctx *top = arg;
    for (size_t i = 0; i < rounds(500); i++) {
        struct weft_ctx *child =
            i % 3 == 0 ? weft_ctx_with_timeout(top, (weft_ns)(i % 5) * 2000) : weft_ctx_with_cancel(top);
        struct weft_ctx *grandchild = weft_ctx_with_cancel(child);
        if (i % 2 == 0) {
            weft_ctx_cancel(child, NULL);
            CHECK_STATUS(weft_recv(weft_ctx_done(grandchild), NULL), WEFT_CLOSED);
        }
        weft_yield();
        weft_ctx_free(child);
        weft_ctx_free(grandchild);
    }
}

/* Children come and go, time out and are freed, while the parent is cancelled: what ASan and the watchdog do not mind
 * is right. */
TASK_TEST(children_unlink_themselves)
{
    struct weft_ctx *top = weft_ctx_with_cancel(weft_ctx_background());
    struct crew crew;
    crew_init(&crew);
    for (int i = 0; i < 6; i++) {
        crew_go(&crew, grow_and_shrink, top);
    }
    for (int i = 0; i < 50; i++) {
        weft_yield();
    }
    weft_ctx_cancel(top, "top");
    crew_fini(&crew);
    weft_ctx_free(top);
}

/* --- hooks --- */

static _Atomic(unsigned) ran;

static void hook_runs(void *unused)
{
    (void)unused;
    weft_yield(); /* it is a task */
    add_release(&ran, 1u);
}

TASK_TEST(hooks_run_once_done)
{
    struct weft_ctx *top = weft_ctx_with_cancel(weft_ctx_background());
    struct weft_ctx *child = weft_ctx_with_cancel(top);
    CHECK(weft_ctx_after_func(child, hook_runs, NULL) != NULL);
    struct weft_ctx_hook *stopped = weft_ctx_after_func(child, hook_runs, NULL);
    CHECK(weft_ctx_hook_stop(stopped));
    CHECK(!weft_ctx_hook_stop(stopped));
    weft_ctx_cancel(top, NULL);
    await_at_least(&ran, 1);
    CHECK(!weft_ctx_hook_stop(stopped));
    struct weft_ctx_hook *late = weft_ctx_after_func(child, hook_runs, NULL); /* at once */
    CHECK(!weft_ctx_hook_stop(late));
    await_at_least(&ran, 2);
    weft_ctx_free(child);
    weft_ctx_free(top);
    CHECK_EQ(weft_check_leaks(-1, 10000 * ms), 0);
    CHECK_EQ(ran, 2);
    struct weft_ctx *unused_one = weft_ctx_with_cancel(weft_ctx_background());
    weft_ctx_after_func(unused_one, hook_runs, NULL); /* freed with its context: it never runs */
    weft_ctx_free(unused_one);
    struct weft_ctx *apart = weft_ctx_without_cancel(weft_ctx_background());
    struct weft_ctx_hook *never = weft_ctx_after_func(apart, hook_runs, NULL);
    CHECK(weft_ctx_hook_stop(never));
    CHECK(!weft_ctx_hook_stop(never));
    weft_ctx_free(apart);
    CHECK_EQ(ran, 2);
}

static struct weft_ctx_hook *racing;
static _Atomic(unsigned) prevented;

static void race_stop(void *unused)
{
    (void)unused;
    weft_yield();
    if (weft_ctx_hook_stop(racing)) {
        add_release(&prevented, 1u);
    }
}

/* Cancel and stop at once: either the function runs, or exactly one stop says that it does not. */
TASK_TEST(stop_races_with_cancel)
{
    for (size_t i = 0; i < rounds(300); i++) {
        struct weft_ctx *top = weft_ctx_with_cancel(weft_ctx_background());
        struct crew crew;
        crew_init(&crew);
        racing = weft_ctx_after_func(top, hook_runs, NULL);
        crew_go(&crew, race_stop, NULL);
        crew_go(&crew, race_stop, NULL);
        weft_yield();
        weft_ctx_cancel(top, NULL);
        crew_fini(&crew);
        CHECK_EQ(weft_check_leaks(-1, 10000 * ms), 0);
        CHECK_EQ(load_acquire(&ran) + load_acquire(&prevented), i + 1);
        weft_ctx_free(top);
    }
}

/* --- operations that a context ends --- */

static struct weft_chan *chan;
static struct weft_ctx *ctx;
static _Atomic(unsigned) canceled;

static void cancel_recv(void *unused)
{
    int value;
    (void)unused;
    CHECK_STATUS(weft_recv_ctx(ctx, chan, &value), WEFT_CANCELED);
    add_release(&canceled, 1u);
}

static void cancel_select(void *count)
{
    struct weft_case cases[40];
    for (int i = 0; i < 40; i++) {
        cases[i] = (struct weft_case){.chan = chan, .op = WEFT_RECV};
    }
    CHECK_EQ(weft_select_ctx(ctx, cases, *(size_t *)count), -1);
    add_release(&canceled, 1u);
}

static void cancel_sleep(void *unused)
{
    (void)unused;
    CHECK_STATUS(weft_sleep_ctx(ctx, 3600 * 1000 * ms), WEFT_CANCELED);
    add_release(&canceled, 1u);
}

TASK_TEST(cancel_ends_every_wait)
{
    static size_t counts[] = {0, 1, 15, 16, 40};
    struct crew crew;
    crew_init(&crew);
    chan = make_chan(sizeof(int), 1);
    ctx = weft_ctx_with_cancel(weft_ctx_background());
    crew_go(&crew, cancel_recv, NULL);
    crew_go(&crew, cancel_sleep, NULL);
    for (int i = 0; i < 5; i++) {
        crew_go(&crew, cancel_select, &counts[i]);
    }
    settle(7);
    weft_ctx_cancel(ctx, NULL);
    crew_fini(&crew);
    CHECK_EQ(canceled, 7);
    int value = 1;
    CHECK_STATUS(weft_send_ctx(ctx, chan, &value), WEFT_OK); /* can be done at once */
    CHECK_STATUS(weft_send_ctx(ctx, chan, &value), WEFT_CANCELED);
    CHECK_STATUS(weft_recv_ctx(ctx, chan, &value), WEFT_OK);
    CHECK_STATUS(weft_recv_ctx(ctx, chan, &value), WEFT_CANCELED);
    CHECK_EQ(chan->recvq.count, 0);
    CHECK_EQ(chan->sendq.count, 0);
    CHECK_STATUS(weft_close(chan), WEFT_OK);
    CHECK_STATUS(weft_recv_ctx(ctx, chan, &value), WEFT_CLOSED);
    weft_ctx_free(ctx);
    ctx = weft_ctx_with_timeout(weft_ctx_background(), ms);
    CHECK_STATUS(weft_recv_ctx(ctx, NULL, NULL), WEFT_TIMEOUT);
    CHECK_STATUS(weft_sleep_ctx(NULL, 1000), WEFT_OK);
    CHECK_STATUS(weft_sleep_ctx(weft_ctx_background(), 1000), WEFT_OK);
    weft_ctx_free(ctx);
    weft_chan_free(chan);
}

/* A loop that never parks sees the deadline all the same. */
TASK_TEST(a_busy_loop_sees_its_deadline)
{
    struct weft_ctx *soon = weft_ctx_with_timeout(weft_ctx_background(), 2 * ms);
    while (!is_done(soon)) {
    }
    CHECK_STATUS(weft_ctx_err(soon), WEFT_TIMEOUT);
    weft_ctx_free(soon);
}

/* --- lifetime and misuse --- */

static struct weft_ctx *kept;

static void keep(void *unused)
{
    (void)unused;
    struct weft_ctx *top = weft_ctx_with_timeout(weft_ctx_background(), 3600 * 1000 * ms);
    kept = weft_ctx_with_timeout(top, 1000 * ms);
    weft_ctx_after_func(kept, hook_runs, NULL);
    weft_ctx_free(top);
}

START_TEST(contexts_outlive_runs)
    {
        run_body(keep, NULL);
        weft_ctx_free(kept);
    }
END_TEST

static void recover_quietly(void *unused)
{
    (void)unused;
    CHECK(weft_recover() != NULL);
}

static void cancel_it(void *arg)
{
    weft_defer(recover_quietly, NULL);
    weft_ctx_cancel(arg, NULL);
}

static void child_of_nothing(void *unused)
{
    (void)unused;
    weft_defer(recover_quietly, NULL);
    weft_ctx_with_cancel(NULL);
}

static void close_done(void *arg)
{
    weft_defer(recover_quietly, NULL);
    weft_close(weft_ctx_done(arg));
}

TASK_TEST(context_misuse_panics)
{
    struct weft_ctx *good = weft_ctx_with_cancel(weft_ctx_background());
    struct weft_ctx *value = weft_ctx_with_value(good, good, good);
    CHECK(!weft_call(cancel_it, weft_ctx_background()));
    CHECK(!weft_call(cancel_it, value));
    CHECK(!weft_call(child_of_nothing, NULL));
    CHECK(!weft_call(close_done, good));
    check_alive(good);
    weft_ctx_free(value);
    weft_ctx_free(good);
}

TCase *context_tests(void)
{
    TCase *cases = tcase_create("context");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, the_background_is_never_done);
    tcase_add_test(cases, cancel_runs_down);
    tcase_add_test(cases, deadlines);
    tcase_add_test(cases, values);
    tcase_add_test(cases, a_thousand_nodes);
    tcase_add_test(cases, a_long_chain);
    tcase_add_test(cases, children_unlink_themselves);
    tcase_add_test(cases, hooks_run_once_done);
    tcase_add_test(cases, stop_races_with_cancel);
    tcase_add_test(cases, cancel_ends_every_wait);
    tcase_add_test(cases, a_busy_loop_sees_its_deadline);
    tcase_add_test(cases, contexts_outlive_runs);
    tcase_add_test(cases, context_misuse_panics);
    return cases;
}
