#include "bench/scale/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* jemalloc's, if it is linked. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new_value, size_t new_size)
    __attribute__((weak));

enum { BATCHES = 5, GROWTH_MAX = 16 };

void scale_fail(const char *format, ...)
{
    va_list arguments;
    fputs("weft-scale: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    _exit(1); /* at once: tasks and threads may be in the middle of something */
}

/* --- values ----------------------------------------------------------------------------------------- */

void scale_value(struct scale_sample *sample, double value, const char *format, ...)
{
    scale_check(sample->value_count < SCALE_VALUES_MAX, "more than %d values", SCALE_VALUES_MAX);
    struct scale_value *slot = &sample->values[sample->value_count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(slot->name, sizeof slot->name, format, arguments);
    va_end(arguments);
    slot->value = value;
}

static int compare_ns(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The nearest rank: the smallest duration that `part` of all are not above. */
static double quantile(const int64_t *sorted, size_t count, double part)
{
    size_t rank = (size_t)(part * (double)count);
    return (double)sorted[rank < count ? rank : count - 1];
}

void scale_durations(struct scale_sample *sample, const char *name, int64_t *durations_ns, size_t count)
{
    scale_check(count > 0, "%s: nothing was measured", name);
    scale_check(sample->histogram_count < SCALE_HISTOGRAMS_MAX, "more than %d histograms", SCALE_HISTOGRAMS_MAX);
    qsort(durations_ns, count, sizeof *durations_ns, compare_ns);
    scale_value(sample, quantile(durations_ns, count, 0.5), "%s_p50_ns", name);
    scale_value(sample, quantile(durations_ns, count, 0.9), "%s_p90_ns", name);
    scale_value(sample, quantile(durations_ns, count, 0.99), "%s_p99_ns", name);
    scale_value(sample, quantile(durations_ns, count, 0.999), "%s_p999_ns", name);
    scale_value(sample, (double)durations_ns[count - 1], "%s_max_ns", name);
    scale_value(sample, (double)count, "%s_count", name);
    struct scale_histogram *slot = &sample->histograms[sample->histogram_count++];
    snprintf(slot->name, sizeof slot->name, "%s", name);
    slot->sorted_ns = durations_ns;
    slot->count = count;
}

double scale_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

double scale_per_unit(const struct scale_sample *sample, uint64_t grain, weft_ns (*batch)(void *arg, uint64_t units),
                      void *arg)
{
    weft_ns wanted = sample->loop_ns / BATCHES;
    uint64_t units = grain;
    weft_ns took = batch(arg, units);
    while (took < wanted / 2) {
        double factor = 1.2 * (double)wanted / (double)(took + 1);
        factor = factor < 2 ? 2 : factor > GROWTH_MAX ? GROWTH_MAX : factor;
        units = (uint64_t)((double)units * factor) / grain * grain;
        took = batch(arg, units);
    }
    double exact = (double)units * (double)wanted / (double)took;
    units = ((uint64_t)exact + grain - 1) / grain * grain;
    units = units < grain ? grain : units;
    double each[BATCHES];
    for (int i = 0; i < BATCHES; i++) {
        each[i] = (double)batch(arg, units) / (double)units;
    }
    return scale_median(each, BATCHES);
}

/* --- runs ------------------------------------------------------------------------------------------- */

void scale_run(unsigned workers, void (*fn)(void *), void *arg)
{
    scale_run_stacks(workers, 0, fn, arg);
}

void scale_run_stacks(unsigned workers, size_t stack_size, void (*fn)(void *), void *arg)
{
    struct weft_options options = {.workers = workers, .stack_size = stack_size};
    enum weft_status status = weft_run(&options, fn, arg);
    scale_check(status == WEFT_OK, "weft_run: %s", weft_status_name(status));
}

void scale_go(void (*fn)(void *), void *arg)
{
    enum weft_status status = weft_go(fn, arg);
    scale_check(status == WEFT_OK, "weft_go: %s", weft_status_name(status));
}

struct weft_chan *scale_chan(size_t capacity)
{
    struct weft_chan *chan = weft_chan_new(sizeof(uint64_t), capacity);
    scale_check(chan != NULL, "no channel of capacity %zu", capacity);
    return chan;
}

void *scale_alloc(size_t count, size_t size)
{
    size_t bytes = (count * size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    void *memory = aligned_alloc(CACHE_LINE, bytes);
    scale_check(memory != NULL, "no memory for %zu bytes", bytes);
    memset(memory, 0, bytes);
    return memory;
}

const char *scale_allocator(void)
{
    static char name[64] = "libc";
    const char *version;
    size_t size = sizeof version;
    if (mallctl != NULL && mallctl("version", &version, &size, NULL, 0) == 0) {
        snprintf(name, sizeof name, "jemalloc %s", version);
        name[strcspn(name, "-")] = '\0'; /* without the commit */
    }
    return name;
}

/* --- memory ----------------------------------------------------------------------------------------- */

struct scale_memory scale_memory_now(void)
{
    struct scale_memory memory = {0};
    char line[512];
    FILE *file = fopen("/proc/self/status", "r");
    scale_check(file != NULL, "/proc/self/status: %s", strerror(errno));
    while (fgets(line, sizeof line, file) != NULL) {
        int64_t kib;
        if (sscanf(line, "VmRSS: %" SCNd64, &kib) == 1) {
            memory.resident = kib * 1024;
        } else if (sscanf(line, "VmPTE: %" SCNd64, &kib) == 1) {
            memory.page_tables = kib * 1024;
        }
    }
    fclose(file);
    file = fopen("/proc/self/maps", "r");
    scale_check(file != NULL, "/proc/self/maps: %s", strerror(errno));
    for (int c = getc(file); c != EOF; c = getc(file)) {
        memory.mappings += c == '\n';
    }
    fclose(file);
    return memory;
}

unsigned scale_stack_pages(uintptr_t address)
{
    enum { BELOW = 63, ABOVE = 7 };
    static int fd = -1;
    uint64_t entries[BELOW + 1 + ABOVE];
    const uint64_t present = 1ull << 63;
    uintptr_t page = address / (uintptr_t)sysconf(_SC_PAGESIZE);
    if (fd < 0) {
        fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    }
    ssize_t got = pread(fd, entries, sizeof entries, (off_t)((page - BELOW) * sizeof entries[0]));
    scale_check(got == (ssize_t)sizeof entries, "/proc/self/pagemap: %s", strerror(errno));
    unsigned pages = 0;
    for (int i = BELOW; i >= 0 && (entries[i] & present) != 0; i--) {
        pages++;
    }
    for (int i = BELOW + 1; i < BELOW + 1 + ABOVE && (entries[i] & present) != 0; i++) {
        pages++;
    }
    return pages;
}

/* --- clocks ----------------------------------------------------------------------------------------- */

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

weft_ns scale_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t scale_cpu_now(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void scale_sleep_thread(weft_ns duration)
{
    struct timespec left = {.tv_sec = duration / 1000000000, .tv_nsec = duration % 1000000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}
