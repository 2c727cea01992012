#include "conformance.h"

void add_tests(Suite *suite)
{
    serves(0); /* prints what will be left out */
    suite_add_tcase(suite, run_tests());
    suite_add_tcase(suite, channel_tests());
    suite_add_tcase(suite, blocking_tests());
    suite_add_tcase(suite, close_tests());
    suite_add_tcase(suite, deadline_tests());
    suite_add_tcase(suite, select_tests());
    suite_add_tcase(suite, select_wait_tests());
}
