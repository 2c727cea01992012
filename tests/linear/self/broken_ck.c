/* Method: variants/channel/ck.c once more, in which every few times a thread gives its processor away between its look
 * at the ring's size and its claim: where ck_ring has its first fence. */
#include "broken.h"

#include <ck_pr.h>

#define ck_pr_fence_load() (stop_now_and_then(), (ck_pr_fence_load)())
#define ck_ops stopping_ck_ops
#include "variants/channel/ck.c"
