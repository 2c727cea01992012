/* Two tasks print, main waits for both: tasks are cheap, and the end of main would end them all. */
#include <stdio.h>
#include <weft.h>

static struct weft_chan *done;

static void say(void *word)
{
    printf("hello, %s\n", (const char *)word);
    weft_send(done, NULL);
}

static void start(void *unused)
{
    (void)unused;
    done = weft_chan_new(0, 2); /* elements of no size: only their number matters */
    weft_go(say, "weft");
    weft_go(say, "world");
    weft_recv(done, NULL);
    weft_recv(done, NULL);
    weft_chan_free(done);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
