/* What makes a test program (conformance, stress) one that runs under faults: it takes up the plan that weft-inject has
 * made for it, and has its threads stopped during a run if the plan says so. */
#undef WEFT_TEST_POINTS /* nothing here is to be held up */
#include "core/atomic.h"
#include "tests/inject/inject.h"

#include <stdlib.h>
#include <weft.h>

enum weft_status __real_weft_run(const struct weft_options *options, void (*main_fn)(void *), void *arg);
enum weft_status __wrap_weft_run(const struct weft_options *options, void (*main_fn)(void *), void *arg);

__attribute__((constructor)) static void attach(void)
{
    const char *fd = getenv("WEFT_INJECT_PLAN");
    plan = fd == NULL ? NULL : plan_map(atoi(fd));
    if (plan != NULL) {
        inject_arm(true);
    }
}

enum weft_status __wrap_weft_run(const struct weft_options *options, void (*main_fn)(void *), void *arg)
{
    if (plan == NULL || plan->stop_pause_ns == 0) {
        return __real_weft_run(options, main_fn, arg);
    }
    int place = stop_enlist();
    stop_begin();
    enum weft_status status = __real_weft_run(options, main_fn, arg);
    stop_end();
    stop_delist(place);
    return status;
}
