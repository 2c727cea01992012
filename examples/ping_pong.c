/* Two tasks pass one number back and forth: an unbuffered channel hands over and synchronises at once. */
#include <stdio.h>
#include <weft.h>

static struct weft_chan *ball, *back;

static void pong(void *unused)
{
    int hits;
    (void)unused;
    while (weft_recv(ball, &hits) == WEFT_OK) {
        hits++;
        weft_send(back, &hits);
    }
    weft_close(back);
}

static void start(void *unused)
{
    int hits = 0;
    (void)unused;
    ball = weft_chan_new(sizeof hits, 0);
    back = weft_chan_new(sizeof hits, 0);
    weft_go(pong, NULL);
    for (int i = 0; i < 1000; i++) {
        weft_send(ball, &hits);
        weft_recv(back, &hits);
    }
    printf("%d hits\n", hits);
    weft_close(ball);
    weft_recv(back, NULL); /* until pong has closed it, and so is gone from both */
    weft_chan_free(ball);
    weft_chan_free(back);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
