/* A message over a channel: who receives waits until somebody sends. */
#include <stdio.h>
#include <weft.h>

static void greet(void *arg)
{
    const char *text = "hello from the other task";
    weft_send(arg, &text); /* the pointer is copied, as any element is */
}

static void start(void *unused)
{
    const char *text;
    (void)unused;
    struct weft_chan *messages = weft_chan_new(sizeof text, 0);
    weft_go(greet, messages);
    weft_recv(messages, &text);
    printf("%s\n", text);
    weft_chan_free(messages);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
