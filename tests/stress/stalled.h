/* What a private copy of a variant is made to do where a preempted thread would hurt most. */
#ifndef TESTS_STALLED_H
#define TESTS_STALLED_H

#include "core/chan.h"
#include "core/lot.h"

void dawdle(void);

#endif
