#include "conformance.h"

void add_tests(Suite *suite)
{
    serves(0); /* prints what will be left out */
#define THEME(name) suite_add_tcase(suite, name##_tests());
#include "themes.def"
#undef THEME
}
