/* The tables of core/registry.h, with the scheduler `migrate` behind those of variants.def. */
#include "core/registry.h"

#define CHANNEL(name) extern const struct chan_ops name##_ops;
#define SCHED(name) extern const struct sched_ops name##_ops;
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED
extern const struct sched_ops migrate_ops;

const struct chan_ops *const registry_channels[] = {
#define CHANNEL(name) &name##_ops,
#define SCHED(name)
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED
    NULL,
};

const struct sched_ops *const registry_scheds[] = {
#define CHANNEL(name)
#define SCHED(name) &name##_ops,
#include "variants/variants.def"
#undef CHANNEL
#undef SCHED
    &migrate_ops,
    NULL,
};
