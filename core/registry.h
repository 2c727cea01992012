/* The variants that were linked in: two tables, made from variants/variants.def; the first of each is the default. */
#ifndef CORE_REGISTRY_H
#define CORE_REGISTRY_H

#include "chan.h"
#include "sched.h"

extern const struct chan_ops *const registry_channels[]; /* ends in NULL */
extern const struct sched_ops *const registry_scheds[];  /* ends in NULL */

/* By name; NULL: unknown. */
const struct chan_ops *registry_channel(const char *name);
const struct sched_ops *registry_sched(const char *name);
/* $WEFT_CHAN, else the first of the table; NULL, and a message on stderr, if $WEFT_CHAN is unknown. */
const struct chan_ops *registry_default_channel(void);

#endif
