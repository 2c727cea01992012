#include "sched.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void weft_panic(const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct task *task = task_current();
    if (task == NULL) {
        dprintf(STDERR_FILENO, "panic: %s\n\n(outside of any task)\n", message);
    } else {
        const char *name = load_relaxed(&task->name);
        dprintf(STDERR_FILENO, "panic: %s\n\ntask %llu \"%s\" fn %p\n", message, (unsigned long long)task->number,
                name == NULL ? "" : name, (void *)(uintptr_t)load_relaxed(&task->fn));
    }
    _exit(2);
}
