/* The list of all figures. */
#include "bench/scale/scale.h"

extern const struct scale_figure scale_skynet, scale_noop, scale_parked, scale_parked_64k, scale_unstarted,
    scale_first_touch, scale_flat, scale_select, scale_popular, scale_idle, scale_tick, scale_wake, scale_rows,
    scale_fib, scale_nqueens;

const struct scale_figure *const scale_figures[] = {
    &scale_skynet,  &scale_noop,    &scale_parked, &scale_parked_64k, &scale_unstarted, &scale_first_touch, &scale_flat,
    &scale_select,  &scale_popular, &scale_idle,   &scale_tick,       &scale_wake,      &scale_rows,        &scale_fib,
    &scale_nqueens, NULL,
};
