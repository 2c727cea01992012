/* weft_group: tasks that belong together; the first error cancels the rest.
 *
 * Idea: a waitgroup, a context, and a semaphore where the number of tasks at once is limited.
 * Source: the rules are those of golang.org/x/sync/errgroup.
 * State: result: set once, by CAS, by the first task that fails. */
#include "sched.h"

#include <stdio.h>
#include <stdlib.h>

struct weft_group {
    struct weft_ctx *ctx;
    struct weft_waitgroup members;
    struct weft_sem places;
    bool limited;
    _Atomic(int) result;
};

struct member {
    struct weft_group *group;
    int (*fn)(struct weft_ctx *, void *);
    void *arg;
};

struct weft_group *weft_group_new(struct weft_ctx *parent, unsigned limit)
{
    task_self(); /* panics outside of a task */
    struct weft_group *group = calloc(1, sizeof *group);
    if (group == NULL) {
        return NULL;
    }
    group->ctx = weft_ctx_with_cancel(parent == NULL ? weft_ctx_background() : parent);
    if (group->ctx == NULL) {
        free(group);
        return NULL;
    }
    group->limited = limit != 0;
    weft_sem_init(&group->places, limit);
    return group;
}

struct weft_ctx *weft_group_ctx(struct weft_group *group)
{
    return group->ctx;
}

/* Deferred: it runs also when the member exits. */
static void member_leaves(void *arg)
{
    struct weft_group *group = arg;
    if (group->limited) {
        weft_sem_release(&group->places, 1);
    }
    weft_wg_done(&group->members); /* the last access: the group may be freed now */
}

/* A frame of its own: what is deferred there takes no memory. */
static void member_run(void *arg)
{
    struct member *member = arg;
    weft_defer(member_leaves, member->group);
    int result = member->fn(member->group->ctx, member->arg);
    int none = 0;
    /* the first one counts; release: what it did before, for whoever sees the result */
    if (result != 0 && cas_acq_rel(&member->group->result, &none, result)) {
        char cause[64];
        snprintf(cause, sizeof cause, "a task of the group returned %d", result);
        weft_ctx_cancel(member->group->ctx, cause);
    }
}

static void member_main(void *arg)
{
    struct member member = *(struct member *)arg;
    free(arg);
    weft_call(member_run, &member);
}

/* In its place. */
static enum weft_status start(struct weft_group *group, int (*fn)(struct weft_ctx *, void *), void *arg)
{
    struct member *member = malloc(sizeof *member);
    enum weft_status status = WEFT_NOMEM;
    if (member != NULL) {
        *member = (struct member){group, fn, arg};
        weft_wg_add(&group->members, 1);
        status = weft_go_named("group", member_main, member);
        if (status != WEFT_OK) {
            free(member);
            weft_wg_done(&group->members);
        }
    }
    if (status != WEFT_OK && group->limited) {
        weft_sem_release(&group->places, 1);
    }
    return status;
}

enum weft_status weft_group_go(struct weft_group *group, int (*fn)(struct weft_ctx *, void *), void *arg)
{
    if (group->limited) {
        weft_sem_acquire(&group->places, 1, NULL);
    }
    return start(group, fn, arg);
}

bool weft_group_try_go(struct weft_group *group, int (*fn)(struct weft_ctx *, void *), void *arg)
{
    if (group->limited && !weft_sem_try_acquire(&group->places, 1)) {
        return false;
    }
    return start(group, fn, arg) == WEFT_OK;
}

int weft_group_wait(struct weft_group *group)
{
    weft_wg_wait(&group->members);
    weft_ctx_cancel(group->ctx, "the group is done");
    return load_acquire(&group->result);
}

void weft_group_free(struct weft_group *group)
{
    if (group != NULL) {
        weft_group_wait(group);
        weft_ctx_free(group->ctx);
        free(group);
    }
}
