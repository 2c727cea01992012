#include "self.h"

void add_tests(Suite *suite)
{
    suite_add_tcase(suite, histories_tests());
    suite_add_tcase(suite, hunts_tests());
}
