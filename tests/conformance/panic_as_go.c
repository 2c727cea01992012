/* Goal: any mixture of calls, defers, panics, recovers and exits does what it does in Go, down to the chain of panics
 * that is printed.
 * Method: small programs, some chosen and most random, with what Go itself logged when they ran there: panic_as_go.def,
 * which panic_as_go.go wrote. The place of a command is its number. A program is a text:
 *   .       logs its place
 *   (...)   calls the part, as weft_call does, then logs its place and a comma
 *   [...]   defers the part
 *   p       panics with a message that names its place
 *   r       recovers, and logs its place and the message, or 0
 *   x       exits the task */
#include "conformance.h"

#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

struct program {
    const char *text, *log, *panics;
};

static struct program programs[] = {
#define PROGRAM(text, log, panics) {text, log, panics},
#include "panic_as_go.def"
#undef PROGRAM
};
enum { PROGRAMS = sizeof programs / sizeof programs[0] };

static const char *text;
static char logged[1024];
static bool log_to_stderr; /* in a process that will end by a panic */

static __attribute__((format(printf, 1, 2))) void note(const char *format, ...)
{
    char word[64];
    va_list args;
    va_start(args, format);
    vsnprintf(word, sizeof word, format, args);
    va_end(args);
    if (log_to_stderr) {
        CHECK(write(STDERR_FILENO, word, strlen(word)) > 0);
        return;
    }
    CHECK(strlen(logged) + strlen(word) < sizeof logged);
    strcat(logged, word);
}

/* The end of the part that begins here. */
static char *skip_part(char *at)
{
    for (int depth = 1; depth > 0; at++) {
        depth += *at == '(' || *at == '[' ? 1 : *at == ')' || *at == ']' ? -1 : 0;
    }
    return at - 1;
}

static void recover_at(int place)
{
    const char *message = weft_recover();
    note("%d=%s ", place, message == NULL ? "0" : message);
}

static void run_part(void *part)
{
    for (char *at = part; *at != '\0'; at++) {
        int place = (int)(at - text);
        switch (*at) {
        case '.': note("%d ", place); break;
        case '(':
            weft_call(run_part, at + 1);
            note("%d, ", place);
            at = skip_part(at + 1);
            break;
        case '[':
            weft_defer(run_part, at + 1);
            at = skip_part(at + 1);
            break;
        case 'p': weft_panic("p%d", place);
        case 'r': recover_at(place); break;
        case 'x': weft_exit();
        default: return;
        }
    }
}

static _Atomic(unsigned) ended;

static void count_end(void *unused)
{
    (void)unused;
    add_release(&ended, 1u);
}

/* The program is the task's own function, without a call: its frame is the task's. */
static void run_program(void *start)
{
    weft_defer(count_end, NULL);
    run_part(start);
}

static void start_program(struct program *program)
{
    char *copy = strdup(program->text);
    CHECK(copy != NULL);
    text = copy;
    CHECK_STATUS(weft_go(run_program, copy), WEFT_OK);
}

TASK_TEST(programs_that_go_on)
{
    unsigned count = 0;
    for (size_t i = 0; i < PROGRAMS; i++) {
        if (programs[i].panics[0] != '\0') {
            continue;
        }
        logged[0] = '\0';
        start_program(&programs[i]);
        await_at_least(&ended, ++count);
        CHECK_MSG(strcmp(logged, programs[i].log) == 0, "%s logs '%s', Go '%s'", text, logged, programs[i].log);
        free((void *)(uintptr_t)text);
    }
    CHECK(count > 100);
}

static struct program *dying;

static void dying_main(void *unused)
{
    (void)unused;
    start_program(dying);
    for (;;) {
        weft_yield();
    }
}

static void dying_child(void)
{
    struct weft_options options = {
        .sched = combination.sched, .workers = combination.workers, .seed = combination.seed};
    log_to_stderr = true;
    alarm(30);
    weft_run(&options, dying_main, NULL);
}

START_TEST(programs_that_die)
    {
        unsigned count = 0;
        for (size_t i = 0; i < PROGRAMS; i++) {
            char output[8192], expected[2048];
            if (programs[i].panics[0] == '\0') {
                continue;
            }
            dying = &programs[i];
            int status = in_child(dying_child, output, sizeof output);
            CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 2, "%s ends with %#x: %s", programs[i].text,
                      (unsigned)status, output);
            snprintf(expected, sizeof expected, "%s%s\n\n", programs[i].log, programs[i].panics);
            CHECK_MSG(strncmp(output, expected, strlen(expected)) == 0, "%s prints '%s', Go '%s'", programs[i].text,
                      output, expected);
            count++;
        }
        CHECK(count > 40);
    }
END_TEST

TCase *panic_as_go_tests(void)
{
    TCase *cases = tcase_create("panic_as_go");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, programs_that_go_on);
    tcase_add_test(cases, programs_that_die);
    return cases;
}
