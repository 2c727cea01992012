/* Method: variants/channel/ring.c once more. Where it waits for another one to publish, this one gives up, as Vyukov's
 * does; and every few times a thread gives its processor away between claim and publication. */
#include "broken.h"

#include "core/rendezvous.h"

#define backoff(round) return ((void)(round), WEFT_AGAIN)
#define elem_copy(to, from, size) (stop_now_and_then(), elem_copy(to, from, size))
#define ring_ops vyukov_ops
#include "variants/channel/ring.c"
