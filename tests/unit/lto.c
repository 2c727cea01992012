/* The program `lto`: Weft and those unit tests that a compiler which sees all of the program at once might break, as
 * one unit of link-time optimisation: registers, floating-point control, thread-local storage. */
#include "unit.h"

void add_tests(Suite *suite)
{
    suite_add_tcase(suite, context_tests());
    suite_add_tcase(suite, canary_tests());
    suite_add_tcase(suite, locals_tests());
    suite_add_tcase(suite, wait_tests());
}
