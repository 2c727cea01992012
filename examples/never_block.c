/* Avoiding to block: a full queue drops, an empty one is passed by, a slow partner is given up on. */
#include <stdio.h>
#include <weft.h>

static void start(void *unused)
{
    int value = 0, dropped = 0, taken = 0;
    (void)unused;
    struct weft_chan *queue = weft_chan_new(sizeof value, 3);
    for (value = 1; value <= 10; value++) {
        if (weft_try_send(queue, &value) == WEFT_AGAIN) {
            dropped++; /* better than to wait, for a log or a metric */
        }
    }
    while (weft_try_recv(queue, &value) == WEFT_OK) {
        taken++;
    }
    printf("%d taken, %d dropped\n", taken, dropped);

    enum weft_status status = weft_recv_until(queue, &value, weft_now() + 1000000);
    printf("nobody sent within a millisecond: %s\n", weft_status_name(status));
    weft_chan_free(queue);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
