/* A mailbox: the channel that the runtime itself fills or closes: of a timer, of a context, of one who waits for
 * permits.
 *
 * Idea: one place and a closed mark under the channel's lock. The user may receive and select; the runtime puts (a full
 * box keeps the older value), drains and closes, also where nothing may park: put is for a timer's expire().
 * Signalling is the buffered channels' (chan.h): a waiter is signalled and takes the value itself, so that what is
 * drained in between is not received.
 * Who looks without ever parking would never see a timer fire on a worker that has no other time to look: try_recv on
 * an empty box fires what is due first, as Go's channels of timers do since 1.23. */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "chan.h"

struct mailbox {
    struct weft_chan chan;  /* first: it is what the user holds */
    _Atomic(bool) full;     /* written under chan.lock; read without it by those who only look */
    _Atomic(uint64_t) puts; /* so far; written under chan.lock */
    weft_ns value;          /* under chan.lock */
    /* weft_chan_free() of the user's: before the memory goes. NULL: he may not free it, which is a panic */
    void (*release)(struct mailbox *mailbox);
};

/* elem_size: sizeof(weft_ns), or 0 for one that is only closed. bytes: of the object that mailbox_free() will free, as
 * block_new() gave them; 0: it will not.
 * Zeroes the rest. */
void mailbox_init(struct mailbox *mailbox, size_t elem_size, size_t bytes, void (*release)(struct mailbox *mailbox));
/* Is there anything to be received, or is it closed? Fires what is due first. For selects, which look before they
 * try. */
bool mailbox_ready(struct weft_chan *chan);
/* Fills it, unless it is full. Returns a parked task that the caller must ready, or NULL. Any thread. */
struct task *mailbox_put(struct mailbox *mailbox, weft_ns value);
/* Empties it; true: it was full. */
bool mailbox_drain(struct mailbox *mailbox);
/* Closes it and readies all that wait. By a worker; once. */
void mailbox_close(struct mailbox *mailbox);
/* Hands the memory, which begins with the mailbox, to block_free() once nobody can be at work on it any more. */
void mailbox_free(struct mailbox *mailbox);

#endif
