/* Four workers take jobs from one channel and put results into another: fan out, fan in. */
#include <stdio.h>
#include <weft.h>

enum { WORKERS = 4, JOBS = 100 };
static struct weft_chan *jobs, *results;

static void work(void *unused)
{
    int job;
    (void)unused;
    while (weft_recv(jobs, &job) == WEFT_OK) {
        long square = (long)job * job;
        weft_send(results, &square);
    }
}

static void hand_out(void *unused)
{
    (void)unused;
    for (int job = 1; job <= JOBS; job++) {
        weft_send(jobs, &job);
    }
    weft_close(jobs); /* the workers see WEFT_CLOSED once the jobs are done */
}

static void start(void *unused)
{
    long sum = 0, square;
    (void)unused;
    jobs = weft_chan_new(sizeof(int), 8);
    results = weft_chan_new(sizeof square, 8);
    for (int i = 0; i < WORKERS; i++) {
        weft_go(work, NULL);
    }
    weft_go(hand_out, NULL);
    for (int i = 0; i < JOBS; i++) {
        weft_recv(results, &square);
        sum += square;
    }
    printf("the squares of 1 to %d make %ld\n", JOBS, sum);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
