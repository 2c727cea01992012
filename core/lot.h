/* The parking lot: tasks wait on 32-bit words, by address, as threads do on futexes.
 *
 * Source: the idea of WebKit's WTF::ParkingLot (F. Pizlo, "Locking in WebKit", 2016) and of the kernel's futex. On a
 * scheduler whose tasks are OS threads it is the futex system call itself; elsewhere a hash table of queues, each
 * under a lock.
 * Rule: change the word, then call lot_wake. Either the waiter sees the new value (it looks under the bucket's lock)
 * or the waker finds it in the queue. First come, first served by word, except on OS threads. */
#ifndef CORE_LOT_H
#define CORE_LOT_H

#include "atomic.h"

/* Parks the task while *word == expected, until lot_wake(word). May return for no reason. Tasks only. */
void lot_wait(_Atomic(uint32_t) *word, uint32_t expected);
/* Wakes up to `count` tasks that wait on the word; never touches *word. Returns how many. Tasks only. */
unsigned lot_wake(const _Atomic(uint32_t) *word, unsigned count);
/* Between runs: forgets the tasks that the last run abandoned. */
void lot_reset(void);

#endif
