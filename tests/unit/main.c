#include "unit.h"

void add_tests(Suite *suite)
{
    suite_add_tcase(suite, context_tests());
    suite_add_tcase(suite, canary_tests());
    suite_add_tcase(suite, locals_tests());
    suite_add_tcase(suite, shadow_tests());
    suite_add_tcase(suite, stack_tests());
    suite_add_tcase(suite, pool_tests());
    suite_add_tcase(suite, timer_tests());
    suite_add_tcase(suite, wait_tests());
    suite_add_tcase(suite, lot_tests());
    suite_add_tcase(suite, registry_tests());
    suite_add_tcase(suite, report_tests());
    suite_add_tcase(suite, sim_tests());
}
