/* idle: what does a runtime burn that has nothing to do?
 *
 *   main: makes all workers work once, says so, and waits on a channel; a thread outside watches for `size` ms, then
 *   wakes main
 *
 * The watched time begins 300 ms after main's word, so that workers have gone to sleep and what is done once after work
 * is over. Values, of the whole process in the watched time: cpu_ms_per_s, processor time of all threads;
 * voluntary_per_s and involuntary_per_s, context switches; threads, how many there are. The watching thread is in it:
 * it sleeps, once.
 * Checked: the tasks of the warm-up ran; main is woken by the value that was sent. */
#include "bench/scale/tools.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { IDLE_WARM_UP = 1000 };

static const weft_ns idle_settle_ns = 300000000;
static const uint64_t idle_word = 42;

static struct {
    struct scale_sample *sample;
    struct weft_chan *chan;
    struct weft_waitgroup warm;
    sem_t quiet; /* main has nothing to do any more */
    pthread_t watcher;
} idle;

static unsigned idle_threads(void)
{
    char line[128];
    unsigned threads = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Threads: %u", &threads) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return threads;
}

static void idle_wake(void *unused)
{
    (void)unused;
    weft_send(idle.chan, &idle_word);
}

static void *idle_watch(void *unused)
{
    struct rusage before;
    struct rusage after;
    struct scale_sample *sample = idle.sample;
    while (sem_wait(&idle.quiet) != 0) {
    }
    scale_sleep_thread(idle_settle_ns);
    getrusage(RUSAGE_SELF, &before);
    int64_t cpu = scale_cpu_now();
    weft_ns begin = scale_now();
    scale_sleep_thread((weft_ns)sample->size * 1000000);
    cpu = scale_cpu_now() - cpu;
    double seconds = (double)(scale_now() - begin) / 1e9;
    getrusage(RUSAGE_SELF, &after);
    scale_value(sample, (double)cpu / 1e6 / seconds, "cpu_ms_per_s");
    scale_value(sample, (double)(after.ru_nvcsw - before.ru_nvcsw) / seconds, "voluntary_per_s");
    scale_value(sample, (double)(after.ru_nivcsw - before.ru_nivcsw) / seconds, "involuntary_per_s");
    scale_value(sample, idle_threads(), "threads");
    scale_go(idle_wake, NULL);
    return unused;
}

static void idle_warm(void *unused)
{
    (void)unused;
    for (int i = 0; i < IDLE_WARM_UP; i++) {
        weft_yield();
    }
    weft_wg_done(&idle.warm);
}

static void idle_main(void *unused)
{
    (void)unused;
    uint64_t value = 0;
    scale_check(pthread_create(&idle.watcher, NULL, idle_watch, NULL) == 0, "idle: no thread to watch");
    weft_wg_add(&idle.warm, IDLE_WARM_UP);
    for (int i = 0; i < IDLE_WARM_UP; i++) {
        scale_go(idle_warm, NULL);
    }
    weft_wg_wait(&idle.warm);
    sem_post(&idle.quiet);
    weft_recv(idle.chan, &value);
    scale_check(value == idle_word, "idle: main was woken by %" PRIu64, value);
}

static void idle_measure(struct scale_sample *sample)
{
    idle.sample = sample;
    sem_init(&idle.quiet, 0, 0);
    idle.chan = scale_chan(0);
    scale_run(sample->workers, idle_main, NULL);
    pthread_join(idle.watcher, NULL);
    weft_chan_free(idle.chan);
    sem_destroy(&idle.quiet);
}

const struct scale_figure scale_idle = {
    .name = "idle",
    .question = "what does a runtime burn that has nothing to do?",
    .size_of = "ms watched",
    .size = 2000,
    .size_min = 1,
    .size_max = 600000,
    .measure = idle_measure,
};
