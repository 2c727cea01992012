/* Unbuffered and buffered: a send to the one waits for its receiver, a send to the other only while there is no
 * room. */
#include <stdio.h>
#include <weft.h>

static void receive_three(void *arg)
{
    int value;
    for (int i = 0; i < 3; i++) {
        weft_recv(arg, &value);
    }
}

static void start(void *unused)
{
    int value = 7;
    (void)unused;
    struct weft_chan *unbuffered = weft_chan_new(sizeof value, 0);
    printf("unbuffered, nobody there: %s\n", weft_status_name(weft_try_send(unbuffered, &value)));
    weft_go(receive_three, unbuffered);
    for (int i = 0; i < 3; i++) {
        weft_send(unbuffered, &value); /* returns when it has been received */
    }
    printf("unbuffered, three sent and received\n");

    struct weft_chan *buffered = weft_chan_new(sizeof value, 2);
    weft_send(buffered, &value); /* returns at once: there is room */
    weft_send(buffered, &value);
    printf("buffered: %zu of %zu, one more: %s\n", weft_chan_len(buffered), weft_chan_cap(buffered),
           weft_status_name(weft_try_send(buffered, &value)));
    weft_chan_free(unbuffered);
    weft_chan_free(buffered);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
