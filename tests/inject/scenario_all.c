/* Goal: whichever allocation, mapping or thread is refused, and however early a wait ends: each call does what it says
 * or says that it did not, and what was accepted is carried out, once.
 * Method: parts, each of which uses some calls and counts what was granted; at its end the counts must agree. */
#include "scenario.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

size_t capacity_least;
bool tasks_are_threads, never_again;
_Atomic(unsigned) refused;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *), void *arg);

void broken(const char *file, int line, const char *format, ...)
{
    va_list args;
    char text[512];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dprintf(STDERR_FILENO, "%s:%d: %s\n", file, line, text);
    _exit(EXIT_BROKEN);
}

bool granted(enum weft_status status)
{
    if (status == WEFT_OK) {
        return true;
    }
    MUST_BE(status, WEFT_NOMEM);
    add_relaxed(&refused, 1u); /* statistic */
    return false;
}

bool made(const void *object)
{
    if (object == NULL) {
        add_relaxed(&refused, 1u); /* statistic */
    }
    return object != NULL;
}

static void expect_no_memory(void *unused)
{
    (void)unused;
    const char *message = weft_recover();
    if (message != NULL) {
        if (strstr(message, "no memory") == NULL) {
            broken(__FILE__, __LINE__, "a panic that is not for want of memory: %s", message);
        }
        add_relaxed(&refused, 1u); /* statistic */
    }
}

struct frame_call {
    void (*fn)(void *);
    void *arg;
};

static void guarded(void *arg)
{
    struct frame_call *call = arg;
    weft_defer(expect_no_memory, NULL); /* one of the few that take no memory */
    call->fn(call->arg);
}

bool unless_no_memory(void (*fn)(void *), void *arg)
{
    struct frame_call call = {fn, arg};
    return weft_call(guarded, &call);
}

/* --- tasks ------------------------------------------------------------------------------------------ */

static _Atomic(unsigned) ran;

static void run_once(void *unused)
{
    (void)unused;
    add_release(&ran, 1u);
}

static struct weft_chan *gate;

static void run_behind_gate(void *unused)
{
    (void)unused;
    weft_recv(gate, NULL);
    add_release(&ran, 1u);
}

static void wait_for_ran(unsigned count)
{
    while (load_acquire(&ran) < count) {
        weft_yield();
    }
    MUST_BE(load_acquire(&ran), count);
}

/* Those that start at once, and so many at the same time that descriptors and stacks are mapped more than once. */
static void tasks(void *unused)
{
    unsigned accepted = 0, most = tasks_are_threads ? 20 : 300;
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    for (unsigned i = 0; i < 5; i++) {
        accepted += granted(weft_go_named("once", run_once, NULL));
    }
    gate = weft_chan_new(0, capacity_least);
    for (unsigned i = 0; made(gate) && i < most; i++) {
        accepted += granted(weft_go(run_behind_gate, NULL));
    }
    weft_yield();
    if (gate != NULL) {
        MUST_BE(weft_close(gate), WEFT_OK);
    }
    wait_for_ran(accepted);
    struct weft_waitgroup group = {0};
    for (unsigned i = 0; i < 3; i++) {
        accepted += granted(weft_wg_go(&group, run_once, NULL));
    }
    weft_wg_wait(&group);
    MUST_BE(load_acquire(&ran), accepted);
    weft_chan_free(gate);
}

static void *spawn_from_outside(void *accepted)
{
    for (unsigned i = 0; i < 3; i++) {
        *(unsigned *)accepted += granted(weft_go(run_once, NULL));
    }
    return NULL;
}

static void outside(void *unused)
{
    unsigned accepted = 0;
    pthread_t thread;
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    MUST(__real_pthread_create(&thread, NULL, spawn_from_outside, &accepted) == 0);
    pthread_join(thread, NULL);
    wait_for_ran(accepted);
}

enum { CALLERS = 4, CALLS = 50 };

static void call_out(void *calls)
{
    add_release((_Atomic(unsigned) *)calls, 1u);
}

static void call_out_slowly(void *calls)
{
    usleep(100);
    call_out(calls);
}

static void call_out_again_and_again(void *calls)
{
    for (unsigned i = 0; i < CALLS; i++) {
        weft_blocking(i % 10 == 0 ? call_out_slowly : call_out, calls);
    }
    run_once(NULL);
}

/* A call is made once: on a thread or, without one, on the worker; also where several tasks find at the same time that
 * there is none. */
static void blocking_calls(void *unused)
{
    static _Atomic(unsigned) calls;
    unsigned accepted = 0;
    (void)unused;
    store_relaxed(&calls, 0u); /* nobody else yet */
    store_relaxed(&ran, 0u);
    for (unsigned i = 0; i < CALLERS; i++) {
        accepted += granted(weft_go(call_out_again_and_again, &calls));
    }
    weft_blocking(call_out_slowly, &calls);
    wait_for_ran(accepted);
    MUST_BE(load_acquire(&calls), accepted * CALLS + 1);
}

static __attribute__((noinline)) size_t touch(size_t depth)
{
    volatile char page[4096];
    page[0] = (char)depth;
    return depth == 0 ? 0 : touch(depth - 1) + (size_t)page[0];
}

static void go_deep(void *unused)
{
    (void)unused;
    touch(100);
    weft_yield();
    run_once(NULL);
}

static void deep_stacks(void *unused)
{
    unsigned accepted = 0;
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    for (unsigned i = 0; i < 4; i++) {
        accepted += granted(weft_go(go_deep, NULL));
    }
    wait_for_ran(accepted);
}

/* --- channels and select ---------------------------------------------------------------------------- */

struct flow {
    struct weft_chan *chan;
    unsigned sent;
};

static void send_some(void *arg)
{
    struct flow *flow = arg;
    for (uint64_t i = 1; i <= 20; i++) {
        MUST_BE(weft_send(flow->chan, &i), WEFT_OK);
        flow->sent++;
    }
    MUST_BE(weft_close(flow->chan), WEFT_OK);
}

static void channels(void *unused)
{
    (void)unused;
    for (size_t capacity = capacity_least; capacity < 4; capacity++) {
        struct flow flow = {.chan = weft_chan_new(sizeof(uint64_t), capacity)};
        uint64_t value, received = 0;
        if (made(flow.chan) && granted(weft_go(send_some, &flow))) {
            while (weft_recv(flow.chan, &value) == WEFT_OK) {
                MUST_BE(value, ++received);
            }
            MUST_BE(received, flow.sent);
        }
        weft_chan_free(flow.chan);
    }
}

/* An element of this size is a box from malloc on some variant. */
static void send_wide(void *arg)
{
    char wide[40] = "wide";
    if (weft_send(arg, wide) == WEFT_OK) {
        char got[40];
        MUST_BE(weft_recv(arg, got), WEFT_OK);
        MUST(strcmp(got, "wide") == 0);
    }
}

static void wide_elements(void *unused)
{
    (void)unused;
    struct weft_chan *chan = weft_chan_new(40, 2);
    if (made(chan)) {
        unless_no_memory(send_wide, chan);
        MUST_BE(weft_chan_len(chan), 0);
    }
    weft_chan_free(chan);
}

enum { MANY = 20 };
static struct weft_chan *many[MANY];

static void select_among_many(void *unused)
{
    struct weft_case cases[MANY];
    uint64_t values[MANY];
    (void)unused;
    for (size_t i = 0; i < MANY; i++) {
        values[i] = i;
        cases[i] = (struct weft_case){.chan = many[i], .op = WEFT_SEND, .value = &values[i]};
    }
    int chosen = weft_select(cases, MANY);
    MUST(chosen >= 0 && cases[chosen].status == WEFT_OK);
    uint64_t got = MANY;
    MUST_BE(weft_try_recv(many[chosen], &got), WEFT_OK);
    MUST_BE(got, chosen);
}

/* More cases than fit without memory: a panic for want of it has touched no channel. */
static void selects(void *unused)
{
    bool all = true;
    (void)unused;
    for (size_t i = 0; i < MANY; i++) {
        many[i] = weft_chan_new(sizeof(uint64_t), 1);
        all = made(many[i]) && all;
    }
    if (all) {
        unless_no_memory(select_among_many, NULL);
    }
    for (size_t i = 0; i < MANY; i++) {
        MUST_BE(weft_chan_len(many[i]), 0);
        weft_chan_free(many[i]);
    }
    struct weft_chan *after = weft_after(200000);
    struct weft_case two[] = {{.chan = NULL}, {.chan = after, .op = WEFT_RECV}};
    if (made(after)) {
        MUST_BE(weft_select(two, 2), 1);
        weft_chan_free(after);
    }
    MUST_BE(weft_select_until(two, 1, weft_now() + 100000), -1);
}

/* --- time and contexts ------------------------------------------------------------------------------ */

/* A function that is due while there is no memory for its task runs later, once there is; where there never is, it can
 * be stopped. */
static void await_or_stop(bool (*stop)(void *), void *object)
{
    weft_ns limit = weft_now() + 30000000;
    while (load_acquire(&ran) == 0 && weft_now() < limit) {
        weft_sleep(100000);
    }
    if (!stop(object) && !never_again) {
        wait_for_ran(1); /* it has run, or its task is on its way */
    }
}

static bool stop_timer(void *timer)
{
    return weft_timer_stop(timer);
}

static bool stop_hook(void *hook)
{
    return weft_ctx_hook_stop(hook);
}

static void timers(void *unused)
{
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    struct weft_timer *once = weft_timer_new(100000), *tick = weft_ticker_new(100000);
    struct weft_timer *function = weft_timer_func(100000, run_once, NULL);
    weft_ns when = 0;
    if (made(once)) {
        MUST_BE(weft_recv(weft_timer_chan(once), &when), WEFT_OK);
        MUST(!weft_timer_stop(once));
    }
    for (int i = 0; made(tick) && i < 3; i++) {
        MUST_BE(weft_recv(weft_timer_chan(tick), &when), WEFT_OK);
    }
    if (made(function)) {
        await_or_stop(stop_timer, function);
    }
    weft_timer_free(once);
    weft_timer_free(tick);
    weft_timer_free(function);
    weft_sleep(50000);
}

static void contexts(void *unused)
{
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    static const char key;
    struct weft_ctx *parent = weft_ctx_with_cancel(weft_ctx_background());
    if (!made(parent)) {
        return;
    }
    struct weft_ctx *valued = weft_ctx_with_value(parent, &key, &ran);
    struct weft_ctx *timed = weft_ctx_with_timeout(parent, 100000);
    struct weft_ctx *late = weft_ctx_with_deadline(parent, weft_now() + 3600000000000);
    struct weft_ctx *alone = weft_ctx_without_cancel(parent);
    struct weft_ctx_hook *hook = weft_ctx_after_func(parent, run_once, NULL);
    MUST(!made(valued) || weft_ctx_value(valued, &key) == &ran);
    if (made(timed)) {
        MUST_BE(weft_recv(weft_ctx_done(timed), NULL), WEFT_CLOSED);
        MUST_BE(weft_ctx_err(timed), WEFT_TIMEOUT);
    }
    weft_ctx_cancel(parent, "enough");
    MUST_BE(weft_ctx_err(parent), WEFT_CANCELED);
    MUST(strcmp(weft_ctx_cause(parent), "enough") == 0 || strstr(weft_ctx_cause(parent), "no memory") != NULL);
    MUST(!made(late) || weft_ctx_err(late) == WEFT_CANCELED);
    MUST(!made(alone) || weft_ctx_err(alone) == WEFT_OK);
    MUST_BE(weft_sleep_ctx(parent, 3600000000000), WEFT_CANCELED);
    if (made(hook)) {
        await_or_stop(stop_hook, hook);
    }
    weft_ctx_free(alone);
    weft_ctx_free(late);
    weft_ctx_free(timed);
    weft_ctx_free(valued);
    weft_ctx_free(parent);
}

/* --- groups, pools, panics -------------------------------------------------------------------------- */

static int member(struct weft_ctx *ctx, void *result)
{
    (void)ctx;
    run_once(NULL);
    return (int)(intptr_t)result;
}

static void groups(void *unused)
{
    unsigned accepted = 0;
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    struct weft_group *group = weft_group_new(NULL, 2);
    if (!made(group)) {
        return;
    }
    for (int i = 0; i < 4; i++) {
        accepted += granted(weft_group_go(group, member, NULL));
    }
    bool failing = granted(weft_group_go(group, member, (void *)7));
    MUST_BE(weft_group_wait(group), failing ? 7 : 0);
    MUST_BE(load_acquire(&ran), accepted + failing);
    weft_group_free(group);
}

static void *square(void *arg)
{
    uint64_t *number = arg;
    *number *= *number;
    return number;
}

static void pools(void *unused)
{
    uint64_t numbers[8];
    unsigned accepted = 0, received = 0;
    (void)unused;
    struct weft_pool *pool = weft_pool_new(2, 2);
    struct weft_results *results = made(pool) ? weft_results_new(pool, WEFT_ORDERED, 8) : NULL;
    for (uint64_t i = 0; pool != NULL && made(results) && i < 8; i++) {
        numbers[i] = i;
        accepted += granted(weft_results_submit(results, square, &numbers[i]));
    }
    if (results != NULL) {
        struct weft_result result;
        weft_results_close(results);
        while (weft_results_next(results, &result) == WEFT_OK) {
            MUST(!result.panicked && !result.dropped && result.index == received);
            MUST_BE(*(uint64_t *)result.value, (uint64_t)received * received);
            received++;
        }
        MUST_BE(received, accepted);
    }
    weft_results_free(results);
    weft_pool_free(pool);
}

static void count_deferred(void *count)
{
    ++*(unsigned *)count;
}

static void defer_many(void *count)
{
    for (unsigned i = 0; i < 10; i++) {
        weft_defer(count_deferred, count);
        ((unsigned *)count)[1]++;
    }
}

/* What was deferred before the memory ran out runs. */
static void deferred(void *unused)
{
    unsigned counts[2] = {0};
    (void)unused;
    unless_no_memory(defer_many, counts);
    MUST_BE(counts[0], counts[1]);
}

static void exit_deep(void *group)
{
    weft_wg_done(group);
    weft_exit();
}

static void exits(void *unused)
{
    struct weft_waitgroup group = {0};
    (void)unused;
    for (int i = 0; i < 3; i++) {
        weft_wg_add(&group, 1);
        if (!granted(weft_go(exit_deep, &group))) {
            weft_wg_done(&group);
        }
    }
    weft_wg_wait(&group);
}

static void everything(void *unused)
{
    static void (*const parts[])(void *) = {tasks,         outside,  blocking_calls, deep_stacks, channels,
                                            wide_elements, selects,  timers,         contexts,    groups,
                                            pools,         deferred, exits};
    (void)unused;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        unless_no_memory(parts[i], NULL);
    }
    MUST_BE(weft_check_leaks(STDERR_FILENO, 10000000000), 0);
}

const struct scenario scenario_all = {.name = "all", .about = "each call of the API", .main = everything};

/* --- overflow --------------------------------------------------------------------------------------- */

static __attribute__((noinline)) size_t recurse(uintptr_t end)
{
    volatile char frame[512];
    frame[end % 512] = (char)end;
    return (uintptr_t)frame > end ? recurse(end) + (size_t)frame[end % 512] : 0;
}

/* Somewhat below the end: a guard faults; a page that is watched was written to, and the neighbour was not. */
static void overflow(void *unused)
{
    char here;
    (void)unused;
    recurse((uintptr_t)&here - runtime.options.stack_size - 8 * 1024);
}

static void overflow_main(void *unused)
{
    (void)unused;
    MUST_BE(weft_go_named("too deep", overflow, NULL), WEFT_OK);
    weft_check_leaks(-1, 10000000000);
}

const struct scenario scenario_overflow = {
    .name = "overflow", .about = "a task overflows its stack", .main = overflow_main, .last_words = "stack overflow"};

/* --- many stacks ------------------------------------------------------------------------------------ */

static void many_stacks(void *unused)
{
    unsigned accepted = 0, most = tasks_are_threads ? 100 : 40000;
    (void)unused;
    store_relaxed(&ran, 0u); /* nobody else yet */
    gate = weft_chan_new(0, capacity_least);
    for (unsigned i = 0; made(gate) && i < most; i++) {
        accepted += granted(weft_go(run_behind_gate, NULL));
        if (i % 1000 == 0) {
            weft_yield();
        }
    }
    weft_yield();
    if (gate != NULL) {
        MUST_BE(weft_close(gate), WEFT_OK);
    }
    wait_for_ran(accepted);
    weft_chan_free(gate);
}

const struct scenario scenario_stacks = {.name = "stacks", .about = "40,000 stacks at once", .main = many_stacks};
