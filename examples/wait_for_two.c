/* Two goroutines print, and main waits for them: when main returns, everything ends. */
#include <stdio.h>
#include <weft.h>

static struct weft_waitgroup group;

static void count_up(void *name)
{
    for (int i = 1; i <= 3; i++) {
        printf("%s %d\n", (const char *)name, i);
        weft_sleep(1000000); /* a millisecond, in which others run */
    }
}

static void start(void *unused)
{
    (void)unused;
    weft_wg_go(&group, count_up, "red");
    weft_wg_go(&group, count_up, "blue");
    weft_wg_wait(&group);
    printf("both are done\n");
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
