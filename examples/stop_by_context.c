/* A context stops tasks: each looks at it where it would wait anyway. */
#include <stdio.h>
#include <weft.h>

static struct weft_ctx *ctx;
static struct weft_waitgroup group;

static void generate(void *arg)
{
    int n = 0;
    while (weft_send_ctx(ctx, arg, &n) == WEFT_OK) {
        n++;
    }
}

static void watch(void *unused)
{
    (void)unused;
    weft_recv(weft_ctx_done(ctx), NULL); /* done is closed */
    printf("stopped: %s\n", weft_ctx_cause(ctx));
}

static void start(void *unused)
{
    int n = 0;
    (void)unused;
    struct weft_chan *numbers = weft_chan_new(sizeof n, 0);
    ctx = weft_ctx_with_timeout(weft_ctx_background(), 10 * 1000000000LL); /* at the latest */
    weft_wg_go(&group, generate, numbers);
    weft_wg_go(&group, watch, NULL);
    while (n < 5) {
        weft_recv(numbers, &n);
    }
    weft_ctx_cancel(ctx, "five are enough");
    weft_wg_wait(&group); /* nobody is left behind */
    weft_chan_free(numbers);
    weft_ctx_free(ctx);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
