/* What main.c (C) and report.cc (C++) know of each other: plain types only. */
#ifndef TESTS_INJECT_REPORT_H
#define TESTS_INJECT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct report_row {
    char job[256]; /* its name */
    const char *chan, *sched;
    uint64_t faults;
    bool failed, hung; /* hung: failed too */
    const char *said;
};

/* JSON: for each variant the runs, the faults injected, the hangs, and the failures with what replays them. False: it
 * can't be written. */
bool report_write(const char *file, uint64_t seed, const struct report_row *rows, size_t count);

#ifdef __cplusplus
}
#endif
#endif
