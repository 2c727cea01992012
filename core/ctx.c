/* weft_ctx: contexts, as in Go: a tree along which cancellation runs down.
 *
 * Idea: a context that can be cancelled has a mailbox that is closed when it is done, and a list of those below it that
 * are to be cancelled with it: contexts, and hooks, which run a function instead. Values hang on nodes of their own,
 * which are done when the next one above them that can be cancelled (their host) is.
 * Source: the rules are those of Go's package context.
 * State: refs: the user's, one of each child, one of each who works on it. A node's lock: its err, cause, and the links
 * of those below it (the children's prev, next, linked). The deadline's timer: armed under the node's lock; `run`: the
 * run in whose heaps it is.
 * Lock order: node -> channel, node -> heap of timers -> channel. No two nodes' locks at once.
 * Invariants
 *   X1  A node in its host's list may have 0 references left, when it is about to unlink itself: who finds it there
 *       takes a reference only if there is one (try_hold), and works on it only then; its last access to the other is
 *       `linked` = false, which lets that one go.
 *   X2  err, cause and the closing of done are one section of the node's lock. err is written before done is closed:
 *       whoever has seen it closed sees err; who sees err first waits for that section to end (weft_ctx_err).
 *   X3  Cancellation is a loop over a list of nodes that were unlinked and are held: it needs no stack, and when it
 *       ends all below are done, or in the hands of another one that cancels.
 *   X4  expire() takes a reference, under the heap's lock, for fire(), which then cancels without it; the last
 *       reference's owner disarms before the memory goes.
 * Ordering: err release -> acquire; refs acq_rel. */
#include "mailbox.h"

#include <stdlib.h>
#include <string.h>

enum kind { BACKGROUND, CANCELABLE, VALUE, DETACHED, HOOK };

/* Shared by all that one cancellation reaches. */
struct cause {
    _Atomic(uint32_t) refs;
    char text[];
};

struct weft_ctx {
    struct mailbox done; /* first: its memory is the channel's; of CANCELABLE */
    enum kind kind;
    _Atomic(uint32_t) refs;
    struct weft_ctx *parent; /* a reference; NULL: background */
    struct weft_ctx *host;   /* itself, or an ancestor, hence alive; NULL: it is never done */
    const void *key;
    void *value;
    struct lock lock;
    _Atomic(uint32_t) err; /* enum weft_status; written under the lock */
    struct cause *cause;   /* under the lock; NULL: `fixed` */
    const char *fixed;
    struct weft_ctx *children;    /* under the lock */
    struct weft_ctx *prev, *next; /* under the lock of the host above */
    _Atomic(bool) linked;         /* likewise; whoever reads false need not take it */
    struct weft_ctx *work;        /* list of X3: who unlinked it */
    bool has_deadline;
    weft_ns deadline;
    bool timed; /* under the lock: the timer was armed */
    uint64_t run;
    struct timer timer;
    task_fn fn; /* HOOK */
    void *arg;
    struct weft_ctx *hooks; /* owned; under the lock */
    struct weft_ctx *hooks_next;
};

struct weft_ctx_hook {
    struct weft_ctx node;
};

static struct weft_ctx background = {.kind = BACKGROUND, .refs = 1};

static const char *const default_cause = "context canceled";
static const char *const deadline_cause = "context deadline exceeded";

/* --- references ------------------------------------------------------------------------------------- */

static void hold(struct weft_ctx *ctx)
{
    if (ctx->kind != BACKGROUND) {
        add_relaxed(&ctx->refs, 1u); /* the caller has one */
    }
}

/* X1 */
static bool try_hold(struct weft_ctx *ctx)
{
    uint32_t refs = load_relaxed(&ctx->refs); /* the CAS validates */
    while (refs != 0) {
        if (cas_weak_acquire(&ctx->refs, &refs, refs + 1)) {
            return true;
        }
    }
    return false;
}

static struct weft_ctx *host_above(const struct weft_ctx *ctx)
{
    return ctx->parent == NULL || ctx->kind == DETACHED ? NULL : ctx->parent->host;
}

/* Takes it out of the list of the host above; true: it was in it. */
static bool unlink_from_host(struct weft_ctx *ctx)
{
    if (!load_acquire(&ctx->linked)) { /* X1: pairs with take_children; a hook's host may be gone */
        return false;
    }
    struct weft_ctx *host = host_above(ctx);
    if (host == NULL) { /* a hook on what is never done */
        return exchange_acquire(&ctx->linked, false);
    }
    task_lock(&host->lock);
    bool linked = load_relaxed(&ctx->linked); /* under the lock */
    if (linked) {
        store_relaxed(&ctx->linked, false);
        *(ctx->prev == NULL ? &host->children : &ctx->prev->next) = ctx->next;
        if (ctx->next != NULL) {
            ctx->next->prev = ctx->prev;
        }
    }
    lock_release(&host->lock);
    return linked;
}

static void cause_drop(struct cause *cause)
{
    if (cause != NULL && sub_acq_rel(&cause->refs, 1u) == 1) {
        free(cause);
    }
}

static void disarm(struct weft_ctx *ctx)
{
    if (ctx->timed && runtime.sched != NULL && ctx->run == runtime.number) {
        timer_disarm(&ctx->timer);
    }
}

/* The last reference is gone. Returns the parent, whose reference is the caller's now. */
static struct weft_ctx *destroy(struct weft_ctx *ctx)
{
    struct weft_ctx *parent = ctx->kind == HOOK ? NULL : ctx->parent;
    if (ctx->kind == CANCELABLE || ctx->kind == HOOK) {
        unlink_from_host(ctx);
        disarm(ctx); /* X4 */
    }
    cause_drop(ctx->cause);
    if (ctx->kind == CANCELABLE) {
        chan_check_unused(&ctx->done.chan);
        mailbox_free(&ctx->done);
    } else {
        block_free(ctx, block_size(sizeof *ctx));
    }
    return parent;
}

static void drop(struct weft_ctx *ctx)
{
    while (ctx != NULL && ctx->kind != BACKGROUND && sub_acq_rel(&ctx->refs, 1u) == 1) {
        struct weft_ctx *hook;
        while ((hook = ctx->hooks) != NULL) { /* nobody else knows this context any more */
            ctx->hooks = hook->hooks_next;
            drop(hook);
        }
        ctx = destroy(ctx);
    }
}

void weft_ctx_free(struct weft_ctx *ctx)
{
    drop(ctx);
}

/* --- cancellation ----------------------------------------------------------------------------------- */

static struct task *retry_hook(struct timer *timer, weft_ns now)
{
    struct weft_ctx *hook = (struct weft_ctx *)(void *)((char *)timer - offsetof(struct weft_ctx, timer));
    (void)now;
    return runtime.sched->spawn("after_func", hook->fn, hook->arg) == WEFT_OK ? TIMER_FIRE : TIMER_AGAIN;
}

static void drop_hook(struct timer *timer)
{
    drop((struct weft_ctx *)(void *)((char *)timer - offsetof(struct weft_ctx, timer)));
}

/* The caller's reference is used up. */
static void run_hook(struct weft_ctx *hook)
{
    if (runtime.sched->spawn("after_func", hook->fn, hook->arg) == WEFT_OK) {
        drop(hook);
        return;
    }
    hook->timer = (struct timer){.when = instant_after(1000000), .expire = retry_hook, .fire = drop_hook};
    runtime.sched->arm(&hook->timer); /* no memory for a task: later */
}

/* Under the lock: makes the list of those below to be cancelled too. */
static struct weft_ctx *take_children(struct weft_ctx *ctx, struct weft_ctx *work)
{
    struct weft_ctx *child;
    while ((child = ctx->children) != NULL) {
        ctx->children = child->next;
        if (child->next != NULL) {
            child->next->prev = NULL;
        }
        bool held = try_hold(child); /* X1 */
        if (held) {
            child->work = work;
            work = child;
        }
        store_release(&child->linked, false); /* X1: from here on it may be gone, unless it is held */
    }
    return work;
}

/* Makes one done, unless it is; returns the list of what is left to do. */
static struct weft_ctx *finish(struct weft_ctx *ctx, enum weft_status err, struct cause *cause, const char *fixed,
                               struct weft_ctx *work)
{
    task_lock(&ctx->lock);
    bool first = load_relaxed(&ctx->err) == WEFT_OK; /* under the lock */
    if (first) {
        if (cause != NULL) {
            add_relaxed(&cause->refs, 1u); /* the caller has one */
        }
        ctx->cause = cause;
        ctx->fixed = fixed;
        store_release(&ctx->err, (uint32_t)err); /* X2 */
        mailbox_close(&ctx->done);
        work = take_children(ctx, work);
    }
    lock_release(&ctx->lock);
    if (first) {
        disarm(ctx);
    }
    return work;
}

/* Cancels ctx and all below; uses up the caller's reference. */
static void cancel(struct weft_ctx *ctx, enum weft_status err, struct cause *cause, const char *fixed)
{
    unlink_from_host(ctx);
    struct weft_ctx *work = finish(ctx, err, cause, fixed, NULL); /* ctx itself may be in the list of another one */
    drop(ctx);
    while (work != NULL) {
        struct weft_ctx *next = work;
        work = next->work;
        if (next->kind == HOOK) {
            run_hook(next);
        } else {
            work = finish(next, err, cause, fixed, work);
            drop(next);
        }
    }
}

void weft_ctx_cancel(struct weft_ctx *ctx, const char *text)
{
    task_self(); /* panics outside of a task */
    if (ctx == NULL || ctx->kind != CANCELABLE) {
        weft_panic("cancel of the context %p, which was not made by with_cancel, with_deadline or with_timeout",
                   (void *)ctx);
    }
    struct cause *cause = NULL;
    const char *fixed = text == NULL ? default_cause : "(no memory for the cause)";
    if (text != NULL) {
        size_t size = strlen(text) + 1;
        cause = malloc(sizeof *cause + size);
        if (cause != NULL) {
            store_relaxed(&cause->refs, 1u); /* not shared yet */
            memcpy(cause->text, text, size);
            fixed = cause->text;
        }
    }
    hold(ctx);
    cancel(ctx, WEFT_CANCELED, cause, fixed);
    cause_drop(cause);
}

/* --- deadlines -------------------------------------------------------------------------------------- */

static struct weft_ctx *ctx_of_timer(struct timer *timer)
{
    return (struct weft_ctx *)(void *)((char *)timer - offsetof(struct weft_ctx, timer));
}

static struct task *expire_deadline(struct timer *timer, weft_ns now)
{
    (void)now;
    return try_hold(ctx_of_timer(timer)) ? TIMER_FIRE : NULL; /* X4 */
}

static void fire_deadline(struct timer *timer)
{
    cancel(ctx_of_timer(timer), WEFT_TIMEOUT, NULL, deadline_cause);
}

/* --- making ----------------------------------------------------------------------------------------- */

static struct weft_ctx *ctx_new(struct weft_ctx *parent, enum kind kind)
{
    if (parent == NULL) {
        weft_panic("a context needs a parent: weft_ctx_background() is the first");
    }
    size_t size = sizeof(struct weft_ctx);
    struct weft_ctx *ctx = block_new(&size);
    if (ctx == NULL) {
        return NULL;
    }
    *ctx = (struct weft_ctx){.kind = kind, .refs = 1, .parent = parent};
    ctx->host = kind == CANCELABLE ? ctx : kind == DETACHED ? NULL : parent->host;
    if (kind == CANCELABLE) {
        mailbox_init(&ctx->done, 0, size, NULL);
    }
    if (kind != HOOK) { /* which its context owns */
        hold(parent);
    }
    return ctx;
}

/* Enters it in the list of the host above; false: that is done already, or there is none. */
static bool link_to_host(struct weft_ctx *ctx)
{
    struct weft_ctx *host = host_above(ctx);
    if (host == NULL) {
        store_relaxed(&ctx->linked, ctx->kind == HOOK); /* waits for ever; not shared yet */
        return false;
    }
    task_lock(&host->lock);
    bool alive = load_relaxed(&host->err) == WEFT_OK; /* under the lock */
    if (alive) {
        ctx->next = host->children;
        if (ctx->next != NULL) {
            ctx->next->prev = ctx;
        }
        host->children = ctx;
        store_relaxed(&ctx->linked, true); /* under the lock */
    }
    lock_release(&host->lock);
    return alive;
}

struct weft_ctx *weft_ctx_background(void)
{
    return &background;
}

static struct weft_ctx *cancelable_new(struct weft_ctx *parent)
{
    task_self(); /* panics outside of a task */
    struct weft_ctx *ctx = ctx_new(parent, CANCELABLE);
    if (ctx != NULL && parent->host != NULL) {
        ctx->has_deadline = parent->host->has_deadline;
        ctx->deadline = parent->host->deadline;
    }
    return ctx;
}

/* The host above was done before: so is this one. */
static void adopt(struct weft_ctx *ctx)
{
    struct weft_ctx *host = host_above(ctx);
    if (!link_to_host(ctx) && host != NULL) { /* done: err and cause are final */
        hold(ctx);
        cancel(ctx, (enum weft_status)load_acquire(&host->err), host->cause, host->fixed);
    }
}

struct weft_ctx *weft_ctx_with_cancel(struct weft_ctx *parent)
{
    struct weft_ctx *ctx = cancelable_new(parent);
    if (ctx != NULL) {
        adopt(ctx);
    }
    return ctx;
}

struct weft_ctx *weft_ctx_with_deadline(struct weft_ctx *parent, weft_ns deadline)
{
    struct weft_ctx *ctx = cancelable_new(parent);
    if (ctx == NULL) {
        return NULL;
    }
    bool sooner = !ctx->has_deadline || deadline < ctx->deadline;
    if (sooner) {
        ctx->has_deadline = true;
        ctx->deadline = deadline;
    }
    adopt(ctx);
    if (!sooner) {
        return ctx; /* the parent's comes first */
    }
    if (deadline <= weft_now()) {
        hold(ctx);
        cancel(ctx, WEFT_TIMEOUT, NULL, deadline_cause);
        return ctx;
    }
    task_lock(&ctx->lock);
    if (load_relaxed(&ctx->err) == WEFT_OK) { /* under the lock */
        ctx->timer = (struct timer){.when = deadline, .expire = expire_deadline, .fire = fire_deadline};
        ctx->run = runtime.number;
        ctx->timed = true;
        runtime.sched->arm(&ctx->timer);
    }
    lock_release(&ctx->lock);
    return ctx;
}

struct weft_ctx *weft_ctx_with_timeout(struct weft_ctx *parent, weft_ns timeout)
{
    return weft_ctx_with_deadline(parent, instant_after(timeout));
}

struct weft_ctx *weft_ctx_with_value(struct weft_ctx *parent, const void *key, void *value)
{
    struct weft_ctx *ctx = ctx_new(parent, VALUE);
    if (ctx != NULL) {
        ctx->key = key;
        ctx->value = value;
    }
    return ctx;
}

struct weft_ctx *weft_ctx_without_cancel(struct weft_ctx *parent)
{
    return ctx_new(parent, DETACHED);
}

/* --- asking ----------------------------------------------------------------------------------------- */

struct weft_chan *weft_ctx_done(struct weft_ctx *ctx)
{
    return ctx->host == NULL ? NULL : &ctx->host->done.chan;
}

enum weft_status weft_ctx_err(struct weft_ctx *ctx)
{
    struct weft_ctx *host = ctx->host;
    enum weft_status err = host == NULL ? WEFT_OK : (enum weft_status)load_acquire(&host->err);
    if (err != WEFT_OK && load_acquire(&host->done.chan.closed) == 0) { /* X2 */
        task_lock(&host->lock);
        lock_release(&host->lock);
    }
    return err;
}

const char *weft_ctx_cause(struct weft_ctx *ctx)
{
    return weft_ctx_err(ctx) == WEFT_OK ? NULL : ctx->host->fixed; /* final, and written before err */
}

void *weft_ctx_value(struct weft_ctx *ctx, const void *key)
{
    for (; ctx != NULL; ctx = ctx->parent) {
        if (ctx->kind == VALUE && ctx->key == key) {
            return ctx->value;
        }
    }
    return NULL;
}

bool weft_ctx_deadline(struct weft_ctx *ctx, weft_ns *deadline)
{
    struct weft_ctx *host = ctx->host;
    if (host == NULL || !host->has_deadline) {
        return false;
    }
    *deadline = host->deadline;
    return true;
}

/* --- hooks ------------------------------------------------------------------------------------------ */

struct weft_ctx_hook *weft_ctx_after_func(struct weft_ctx *ctx, void (*fn)(void *), void *arg)
{
    task_self(); /* panics outside of a task */
    struct weft_ctx *hook = ctx_new(ctx, HOOK);
    if (hook == NULL) {
        return NULL;
    }
    hook->fn = fn;
    hook->arg = arg;
    task_lock(&ctx->lock);
    hook->hooks_next = ctx->hooks;
    ctx->hooks = hook;
    lock_release(&ctx->lock);
    if (!link_to_host(hook) && hook->host != NULL) {
        hold(hook);
        run_hook(hook);
    }
    return (struct weft_ctx_hook *)(void *)hook;
}

bool weft_ctx_hook_stop(struct weft_ctx_hook *hook)
{
    return unlink_from_host(&hook->node);
}

/* --- operations that a context cancels -------------------------------------------------------------- */

int weft_select_ctx(struct weft_ctx *ctx, struct weft_case *cases, size_t count)
{
    struct weft_chan *done = ctx == NULL ? NULL : weft_ctx_done(ctx);
    if (done == NULL) {
        return weft_select(cases, count);
    }
    int chosen = weft_try_select(cases, count);
    if (chosen >= 0) {
        return chosen;
    }
    struct weft_case few[16];
    struct weft_case *all = count < 16 ? few : malloc((count + 1) * sizeof *all);
    if (all == NULL) {
        weft_panic("select: no memory for %zu cases", count);
    }
    memcpy(all, cases, count * sizeof *all);
    all[count] = (struct weft_case){.chan = done, .op = WEFT_RECV};
    chosen = weft_select(all, count + 1);
    if ((size_t)chosen == count) {
        chosen = -1;
    } else {
        cases[chosen].status = all[chosen].status;
    }
    if (all != few) {
        free(all);
    }
    return chosen;
}

static enum weft_status one_ctx(struct weft_ctx *ctx, struct weft_chan *chan, enum weft_op op, void *value)
{
    struct weft_case only = {.chan = chan, .op = op, .value = value};
    return weft_select_ctx(ctx, &only, 1) < 0 ? weft_ctx_err(ctx) : only.status;
}

enum weft_status weft_send_ctx(struct weft_ctx *ctx, struct weft_chan *chan, const void *value)
{
    return one_ctx(ctx, chan, WEFT_SEND, (void *)(uintptr_t)value);
}

enum weft_status weft_recv_ctx(struct weft_ctx *ctx, struct weft_chan *chan, void *value)
{
    return one_ctx(ctx, chan, WEFT_RECV, value);
}

enum weft_status weft_sleep_ctx(struct weft_ctx *ctx, weft_ns duration)
{
    struct weft_case done = {.chan = ctx == NULL ? NULL : weft_ctx_done(ctx), .op = WEFT_RECV};
    weft_ns deadline = instant_after(duration);
    if (done.chan == NULL) {
        weft_sleep(duration);
        return WEFT_OK;
    }
    return weft_select_until(&done, 1, deadline) < 0 ? WEFT_OK : weft_ctx_err(ctx);
}
