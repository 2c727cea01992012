/* One function for each file. */
#ifndef LINEAR_SELF_H
#define LINEAR_SELF_H

#include "tests/harness.h"

TCase *histories_tests(void);
TCase *hunts_tests(void);

#endif
