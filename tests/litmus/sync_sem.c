/* weft_sem: of two permits, one task takes both and two take one each: never more at once than there are, and nobody is
 * forgotten. */
#include "tests/litmus/runtime.h"

#include "core/chan.h"

#include "core/sem.c"

void mailbox_init(struct mailbox *mailbox, size_t elem_size, size_t bytes, void (*release)(struct mailbox *mailbox))
{
    (void)mailbox;
    (void)elem_size;
    (void)bytes;
    (void)release;
    abort();
}

void mailbox_close(struct mailbox *mailbox)
{
    (void)mailbox;
    abort();
}

int weft_select(struct weft_case *cases, size_t count)
{
    (void)cases;
    (void)count;
    abort();
}

struct weft_chan *weft_ctx_done(struct weft_ctx *ctx)
{
    (void)ctx;
    abort();
}

enum weft_status weft_ctx_err(struct weft_ctx *ctx)
{
    (void)ctx;
    abort();
}

static struct weft_sem sem;
static _Atomic(unsigned) inside;
static unsigned alone;

static void *user(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg, count = me == 1 ? 2 : 1;
    litmus_enter(me);
    enum weft_status status = weft_sem_acquire(&sem, count, NULL);
    assert(status == WEFT_OK);
    (void)status;
    unsigned others = add_relaxed(&inside, count);
    assert(others + count <= 2);
    (void)others;
    if (me == 1) {
        alone++;
    }
    add_relaxed(&inside, -count);
    weft_sem_release(&sem, count);
    return NULL;
}

int main(void)
{
    litmus_begin();
    weft_sem_init(&sem, 2);
    for (uintptr_t i = 1; i <= 3; i++) {
        litmus_start(user, (void *)i);
    }
    litmus_join();
    assert(alone == 1);
    return 0;
}
