/* Method: variants/channel/ring.c once more. Where it waits for another one to publish, this one gives up, as Vyukov's does; and between claim and
 * publication a thread stops now and then. */
#include "broken.h"

#include "tests/linear/nudge.h"

#include "core/rendezvous.h"

#define backoff(round) return ((void)(round), WEFT_AGAIN)
#define elem_copy(to, from, size) (nudge(), elem_copy(to, from, size))
#define ring_ops vyukov_ops
#include "variants/channel/ring.c"
