/* close: the sender says that there is no more, the receiver takes what is left and then sees the end: Go's `range`. */
#include <stdio.h>
#include <weft.h>

static void count(void *arg)
{
    struct weft_chan *numbers = arg;
    for (int i = 1; i <= 5; i++) {
        weft_send(numbers, &i);
    }
    weft_close(numbers);
}

static void start(void *unused)
{
    int number;
    (void)unused;
    struct weft_chan *numbers = weft_chan_new(sizeof number, 2);
    weft_go(count, numbers);
    while (weft_recv(numbers, &number) == WEFT_OK) {
        printf("%d\n", number);
    }
    printf("closed; a send now says %s\n", weft_status_name(weft_send(numbers, &number)));
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
