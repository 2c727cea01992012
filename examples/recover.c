/* A panic in one task, recovered there: the others do not notice. */
#include <stdio.h>
#include <weft.h>

static struct weft_waitgroup group;

static void report(void *name)
{
    const char *message = weft_recover();
    if (message != NULL) {
        printf("%s recovered: %s\n", (const char *)name, message);
    }
}

static void divide(void *name)
{
    int divisor = 0;
    weft_defer(report, name);
    if (divisor == 0) {
        weft_panic("division by %d", divisor);
    }
    printf("never printed\n");
}

static void work(void *unused)
{
    (void)unused;
    weft_sleep(1000000);
    printf("the other task works on\n");
}

static void start(void *unused)
{
    (void)unused;
    weft_wg_go(&group, divide, "the unlucky task");
    weft_wg_go(&group, work, NULL);
    weft_wg_wait(&group);
}

int main(void)
{
    return weft_run(NULL, start, NULL) == WEFT_OK ? 0 : 1;
}
