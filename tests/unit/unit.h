/* One function for each file. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include "tests/harness.h"

TCase *context_tests(void);
TCase *canary_tests(void);
TCase *locals_tests(void);
TCase *shadow_tests(void);
TCase *stack_tests(void);
TCase *pool_tests(void);
TCase *timer_tests(void);
TCase *wait_tests(void);
TCase *lot_tests(void);
TCase *registry_tests(void);
TCase *report_tests(void);
TCase *sim_tests(void);

#endif
