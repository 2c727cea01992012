/* weft_waitgroup: whoever waits sees what was done before each done(), and may free the group at once. */
#include "tests/litmus/runtime.h"

#include "core/waitgroup.c"

void weft_defer(void (*fn)(void *), void *arg)
{
    (void)fn;
    (void)arg;
    abort();
}

bool weft_call(void (*fn)(void *), void *arg)
{
    fn(arg);
    return true;
}

enum weft_status weft_go(void (*fn)(void *), void *arg)
{
    (void)fn;
    (void)arg;
    abort();
}

static struct weft_waitgroup *group;
static unsigned done[2];

static void *member(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    litmus_enter(1 + me);
    done[me] = 1;
    weft_wg_done(group);
    return NULL;
}

static void *waiter(void *unused)
{
    (void)unused;
    litmus_enter(3);
    weft_wg_wait(group);
    assert(done[0] == 1 && done[1] == 1);
    free(group);
    return NULL;
}

int main(void)
{
    litmus_begin();
    litmus_enter(0);
    group = calloc(1, sizeof *group);
    weft_wg_add(group, 2);
    litmus_start(member, (void *)0);
    litmus_start(member, (void *)1);
    litmus_start(waiter, NULL);
    litmus_join();
    return 0;
}
