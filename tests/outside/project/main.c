/* A program of somebody else's: it knows Weft from its installed header only, and uses each channel variant. */
#include <stdio.h>
#include <weft.h>

static void answer(void *chan)
{
    int value = 42;
    weft_send(chan, &value);
}

static void start(void *status)
{
    static const char *const variants[] = {"ring", "mutex", "futex", "ck"};
    int sum = 0;
    for (int i = 0; i < 4; i++) {
        struct weft_chan *chan = weft_chan_new_as(variants[i], sizeof(int), 1);
        int value = 0;
        if (chan == NULL || weft_go(answer, chan) != WEFT_OK || weft_recv(chan, &value) != WEFT_OK) {
            return;
        }
        sum += value;
    }
    printf("%d\n", sum);
    *(int *)status = sum == 168 ? 0 : 1;
}

int main(void)
{
    int status = 1;
    return weft_run(NULL, start, &status) == WEFT_OK ? status : 1;
}
