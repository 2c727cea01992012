/* For clients that play the monitor of core/driver.h: who tells it to look wakes it, and it looks until what the client
 * is about is done. Behind scheduler.h, with LITMUS_MONITOR. */
#ifndef LITMUS_MONITOR_H
#define LITMUS_MONITOR_H

static _Atomic(uint32_t) kicks; /* futex word */
static _Atomic(bool) done;

static void kick(void)
{
    add_release(&kicks, 1u);
    futex_wake(&kicks, 1);
}

void monitor_look_soon(void)
{
    if (!exchange_seq_cst(&monitor_soon, true)) {
        kick();
    }
}

static void litmus_look_until_done(void)
{
    while (!load_acquire(&done)) {
        uint32_t seen = load_acquire(&kicks);
        if (drivers_look() == WEFT_FOREVER && !load_acquire(&done)) {
            futex_wait(&kicks, seen, WEFT_FOREVER);
        }
    }
}

#endif
