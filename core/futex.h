/* The kernel's futex, with deadlines on the clock of weft_now(). Blocks the thread, not the task. */
#ifndef CORE_FUTEX_H
#define CORE_FUTEX_H

#include "atomic.h"
#include "weft.h"

enum futex_result { FUTEX_WOKEN, FUTEX_TIMED_OUT }; /* WOKEN also for no reason, and when *word != expected */

/* deadline: WEFT_FOREVER for none. */
enum futex_result futex_wait(_Atomic(uint32_t) *word, uint32_t expected, weft_ns deadline);
/* Returns how many threads it woke. Never touches *word: its memory may be gone. */
unsigned futex_wake(_Atomic(uint32_t) *word, unsigned count);

#endif
