/* The files that a channel is made of, and the registry: -DVARIANT=NAME, else ring. */
#ifndef LITMUS_CHANNEL_H
#define LITMUS_CHANNEL_H

#include "tests/litmus/runtime.h"

#include "core/chan.c"
#include "core/lot.c"
#include "core/mailbox.c"
#include "core/rendezvous.c"
#include "core/select.c"

#ifndef VARIANT
#define VARIANT ring
#endif
#define LITMUS_PASTE(a, b) LITMUS_PASTE_NOW(a, b)
#define LITMUS_PASTE_NOW(a, b) a##b
#define LITMUS_STRING(a) LITMUS_STRING_NOW(a)
#define LITMUS_STRING_NOW(a) #a

/* a lock's spinning is no algorithm: its long way is what is to be seen */
#ifndef FUTEX_SPIN
#define FUTEX_SPIN 0
#endif
/* a path has no spaces */
/* clang-format off */
#include LITMUS_STRING(variants/channel/VARIANT.c)
/* clang-format on */

#define variant_ops LITMUS_PASTE(VARIANT, _ops)

const struct chan_ops *registry_channel(const char *name)
{
    (void)name;
    return &variant_ops;
}

const struct chan_ops *registry_default_channel(void)
{
    return &variant_ops;
}

void limbo_free(struct weft_chan *chan)
{
    free(chan);
}

#endif
