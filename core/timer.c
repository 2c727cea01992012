#include "timer.h"

static const weft_ns again_ns = 1000000;

static struct timer *meld(struct timer *a, struct timer *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (b->when < a->when) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child != NULL) {
        a->child->prev = b;
    }
    a->child = b;
    return a;
}

/* Two passes over the orphaned siblings: pair them left to right, then meld the pairs right to left. */
static struct timer *meld_siblings(struct timer *first)
{
    struct timer *pairs = NULL;
    while (first != NULL) {
        struct timer *a = first;
        struct timer *b = a->next;
        first = b == NULL ? NULL : b->next;
        a->next = a->prev = NULL;
        if (b != NULL) {
            b->next = b->prev = NULL;
        }
        struct timer *pair = meld(a, b);
        pair->next = pairs;
        pairs = pair;
    }
    struct timer *root = NULL;
    while (pairs != NULL) {
        struct timer *next = pairs->next;
        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void publish_first(struct timers *timers)
{
    /* a hint: whoever acts on it takes the lock. seq_cst: a worker that goes to sleep looks at it after it has said so
     * (mn_sleep), and one that arms a timer looks for sleepers after this store */
    store_seq_cst(&timers->first, timers->root == NULL ? WEFT_FOREVER : timers->root->when);
}

static void unlink_timer(struct timers *timers, struct timer *timer)
{
    struct timer *rest = meld_siblings(timer->child);
    if (timer == timers->root) {
        timers->root = rest;
    } else {
        if (timer->prev->child == timer) {
            timer->prev->child = timer->next;
        } else {
            timer->prev->next = timer->next;
        }
        if (timer->next != NULL) {
            timer->next->prev = timer->prev;
        }
        timers->root = meld(timers->root, rest);
    }
    timer->child = timer->next = timer->prev = NULL;
    timer->armed = false;
    publish_first(timers);
}

void timers_init(struct timers *timers)
{
    *timers = (struct timers){.first = WEFT_FOREVER};
}

bool timer_arm(struct timers *timers, struct timer *timer)
{
    task_lock(&timers->lock);
    timer->heap = timers;
    timer->armed = true;
    timer->child = timer->next = timer->prev = NULL;
    timers->root = meld(timers->root, timer);
    publish_first(timers);
    bool first = timers->root == timer;
    lock_release(&timers->lock);
    return first;
}

bool timer_disarm(struct timer *timer)
{
    struct timers *timers = timer->heap; /* written by timer_arm only: the caller's order */
    task_lock(&timers->lock);
    bool armed = timer->armed;
    if (armed) {
        unlink_timer(timers, timer);
    }
    lock_release(&timers->lock);
    return armed;
}

/* Under the lock. */
static void arm_again(struct timers *timers, struct timer *timer, weft_ns when)
{
    timer->when = when;
    timer->armed = true;
    timers->root = meld(timers->root, timer);
    publish_first(timers);
}

/* Under the lock; the timer is out of the heap. *fire: it asks to be fired. Returns a task that is to be readied, or
 * NULL. */
static struct task *expire(struct timers *timers, struct timer *timer, weft_ns now, bool *fire)
{
    /* before expire(): a wait's timer is on a stack that may go */
    weft_ns period = timer->period;
    weft_ns when = timer->when;
    struct task *result = timer->expire(timer, now);
    *fire = result == TIMER_FIRE;
    if (result == TIMER_AGAIN) {
        arm_again(timers, timer, now + again_ns);
    } else if (period > 0) {
        arm_again(timers, timer, when + period * ((now - when) / period + 1)); /* on its grid, and not past */
    }
    return result == TIMER_FIRE || result == TIMER_AGAIN ? NULL : result;
}

bool timers_expire_one(struct timers *timers, weft_ns now, struct task **task)
{
    if (load_relaxed(&timers->first) > now) { /* hint, revalidated under the lock */
        return false;
    }
    bool found = false, fire = false;
    *task = NULL;
    task_lock(&timers->lock);
    struct timer *timer = timers->root;
    if (timer != NULL && timer->when <= now) {
        unlink_timer(timers, timer);
        found = true;
        *task = expire(timers, timer, now, &fire);
    }
    lock_release(&timers->lock);
    if (fire) {
        timer->fire(timer);
    }
    return found;
}
