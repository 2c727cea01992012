/* select: wait for several channels, for a while, or not at all. */
#include <stdio.h>
#include <weft.h>

static struct weft_chan *news;

static void tell(void *unused)
{
    int value = 42;
    (void)unused;
    weft_send(news, &value);
}

static void start(void *unused)
{
    int value = 0, none = 0;
    (void)unused;
    news = weft_chan_new(sizeof value, 1);
    struct weft_chan *quiet = weft_chan_new(sizeof none, 1);
    struct weft_case cases[] = {
        {.chan = news, .op = WEFT_RECV, .value = &value},
        {.chan = quiet, .op = WEFT_RECV, .value = &none},
    };
    if (weft_try_select(cases, 2) < 0) {
        printf("nothing yet\n"); /* Go's default */
    }
    weft_go(tell, NULL);
    switch (weft_select(cases, 2)) {
    case 0: printf("news: %d\n", value); break;
    case 1: printf("quiet spoke\n"); break;
    }
    if (weft_select_until(cases, 2, weft_now() + 1000000) < 0) {
        printf("a millisecond passed\n");
    }
    weft_chan_free(quiet);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
