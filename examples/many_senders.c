/* Closing with many senders: none of them closes; one task waits for all, and closes then. */
#include <stdio.h>
#include <weft.h>

enum { SENDERS = 4, EACH = 25 };

static struct weft_chan *numbers;
static struct weft_waitgroup senders;

static void send_some(void *unused)
{
    (void)unused;
    for (int i = 1; i <= EACH; i++) {
        weft_send(numbers, &i);
    }
}

static void close_after_all(void *unused)
{
    (void)unused;
    weft_wg_wait(&senders);
    weft_close(numbers);
}

static void start(void *unused)
{
    int number, count = 0, sum = 0;
    (void)unused;
    numbers = weft_chan_new(sizeof number, 8);
    for (int i = 0; i < SENDERS; i++) {
        weft_wg_go(&senders, send_some, NULL);
    }
    weft_go(close_after_all, NULL);
    while (weft_recv(numbers, &number) == WEFT_OK) { /* until it is closed and drained */
        count++;
        sum += number;
    }
    printf("%d numbers, sum %d\n", count, sum);
    weft_chan_free(numbers);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
