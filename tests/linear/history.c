#include "history.h"

#include <stdarg.h>

enum { COLUMN = 34, WORDS = 128 };

struct channel_spec channel_spec(const struct chan_ops *ops, size_t capacity)
{
    return (struct channel_spec){.variant = ops->name,
                                 .capacity = capacity,
                                 .capacity_exact = ops->caps.capacity_exact,
                                 .try_exact = ops->caps.try_exact,
                                 .select_atomic = ops->caps.select_atomic,
                                 .fifo_waiters = ops->caps.fifo_waiters,
                                 .hand_off = ops->caps.hand_off};
}

bool history_precedes(const struct history *history, unsigned a, unsigned b)
{
    const struct operation *then = &history->ops[b];
    return history->partial ? (then->before >> a & 1) != 0 : history->ops[a].returned < then->invoked;
}

/* --- words ------------------------------------------------------------------------------------------ */

static char name_of(int chan)
{
    return (char)('a' + chan);
}

static void __attribute__((format(printf, 3, 4))) append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

static void append_case(char *text, size_t size, const struct history_case *c)
{
    if (c->chan < 0) {
        append(text, size, "%s(null)", c->op == WEFT_RECV ? "recv" : "send");
    } else if (c->op == WEFT_RECV) {
        append(text, size, "recv(%c)", name_of(c->chan));
    } else {
        append(text, size, "send(%c, %u)", name_of(c->chan), c->value);
    }
}

static void select_words(const struct operation *op, char *text, size_t size)
{
    static const char *const ends[] = {"", ", default", ", deadline", ", context"};
    bool plain = op->plain && op->count == 1;
    if (!plain) {
        append(text, size, "select{");
    } else if (op->mode == MODE_TRY) {
        append(text, size, "try_");
    }
    for (unsigned c = 0; c < op->count; c++) {
        append(text, size, c == 0 ? "" : ", ");
        append_case(text, size, &op->cases[c]);
    }
    if (!plain) {
        append(text, size, "%s}", ends[op->mode]);
    } else if (op->mode >= MODE_UNTIL) {
        append(text, size, "%s", ends[op->mode]);
    }
}

void operation_words(const struct operation *op, char *text, size_t size)
{
    text[0] = '\0';
    switch ((enum kind)op->kind) {
    case KIND_SELECT: select_words(op, text, size); break;
    case KIND_CLOSE: append(text, size, "close(%c)", name_of(op->chan)); break;
    case KIND_LEN: append(text, size, "len(%c)", name_of(op->chan)); break;
    case KIND_CANCEL: append(text, size, "cancel"); break;
    case KIND_SEEN: append(text, size, "looks who waits"); break;
    case KIND_STUCK: append(text, size, "nothing moves"); break;
    }
}

static void select_result(const struct operation *op, char *text, size_t size)
{
    static const char *const nothing[] = {"", "AGAIN", "TIMEOUT", "CANCELED"};
    if (op->chosen == CHOSE_NONE) {
        append(text, size, "%s", nothing[op->mode]);
        return;
    }
    if (!op->plain || op->count > 1) {
        append(text, size, "case %d ", op->chosen + 1);
    }
    append(text, size, "%s", weft_status_name(op->status));
    if (op->cases[op->chosen].op == WEFT_RECV && (op->status == WEFT_OK || op->value != 0)) {
        append(text, size, op->value == VALUE_TORN ? " (never sent)" : " %u", op->value);
    }
}

void operation_result(const struct operation *op, char *text, size_t size)
{
    text[0] = '\0';
    if (op->returned == NEVER) {
        append(text, size, "?");
        return;
    }
    switch ((enum kind)op->kind) {
    case KIND_SELECT: select_result(op, text, size); break;
    case KIND_CLOSE: append(text, size, "%s", weft_status_name(op->status)); break;
    case KIND_LEN: append(text, size, "%u", op->value); break;
    case KIND_CANCEL: append(text, size, "done"); break;
    case KIND_SEEN:
    case KIND_STUCK: append(text, size, op->who == 0 ? "nobody" : "operations"); break;
    }
}

/* Which tasks somebody saw waiting. */
static void append_seen(const struct history *history, uint64_t who, char *text, size_t size)
{
    text[0] = '\0';
    append(text, size, who == 0 ? "nobody waits" : "waiting:");
    for (unsigned op = 0; op < history->count; op++) {
        if ((who >> op & 1) != 0) {
            append(text, size, " task %u", history->ops[op].task);
        }
    }
}

/* --- events ----------------------------------------------------------------------------------------- */

struct event {
    uint32_t when;
    uint8_t op;
    bool returns;
};

static int event_compare(const void *left, const void *right)
{
    uint32_t a = ((const struct event *)left)->when, b = ((const struct event *)right)->when;
    return a < b ? -1 : a > b;
}

static unsigned sorted_events(const struct history *history, struct event *events)
{
    unsigned count = 0;
    for (unsigned op = 0; op < history->count; op++) {
        events[count++] = (struct event){history->ops[op].invoked, (uint8_t)op, false};
        if (history->ops[op].returned != NEVER) {
            events[count++] = (struct event){history->ops[op].returned, (uint8_t)op, true};
        }
    }
    qsort(events, count, sizeof events[0], event_compare);
    return count;
}

unsigned history_events(const struct history *history)
{
    struct event events[2 * OPERATIONS_MAX];
    return sorted_events(history, events);
}

static uint64_t bits_without(uint64_t bits, unsigned index)
{
    uint64_t below = ((uint64_t)1 << index) - 1;
    return (bits & below) | (bits >> 1 & ~below);
}

struct history history_without(const struct history *history, unsigned index)
{
    struct history less = *history;
    less.count--;
    memmove(less.ops + index, less.ops + index + 1, (less.count - index) * sizeof less.ops[0]);
    for (unsigned op = 0; op < less.count; op++) {
        less.ops[op].who = bits_without(less.ops[op].who, index);
        less.ops[op].before = bits_without(less.ops[op].before, index);
    }
    return less;
}

struct history history_prefix(const struct history *history, unsigned events)
{
    struct event all[2 * OPERATIONS_MAX];
    unsigned count = sorted_events(history, all);
    uint32_t end = events == 0 ? 0 : events >= count ? NEVER : all[events - 1].when;
    struct history prefix = *history;
    for (unsigned op = prefix.count; op-- > 0;) {
        struct operation *one = &prefix.ops[op];
        bool a_look = one->kind == KIND_SEEN || one->kind == KIND_STUCK;
        if (one->invoked > end || events == 0 || (a_look && one->returned > end)) {
            prefix = history_without(&prefix, op);
        } else if (one->returned > end) {
            one->returned = NEVER;
        }
    }
    return prefix;
}

/* --- the timeline ----------------------------------------------------------------------------------- */

/* What an event says; `brief`: the return follows at once, so it is said too. */
static void event_words(const struct history *history, const struct event *event, bool brief, char *text, size_t size)
{
    const struct operation *op = &history->ops[event->op];
    char result[WORDS];
    operation_result(op, result, sizeof result);
    if (op->kind == KIND_SEEN || op->kind == KIND_STUCK) {
        append_seen(history, op->who, result, sizeof result);
    }
    text[0] = '\0';
    if (!event->returns) {
        operation_words(op, text, size);
    }
    if (event->returns || brief) {
        append(text, size, "%s= %s", event->returns ? "" : " ", result);
    } else {
        append(text, size, " ...%s", op->returned == NEVER ? " (never returned)" : "");
    }
}

void history_print(FILE *to, const struct history *history)
{
    struct event events[2 * OPERATIONS_MAX];
    unsigned count = sorted_events(history, events);
    bool there[TASKS_MAX] = {false};
    for (unsigned op = 0; op < history->count; op++) {
        there[history->ops[op].task] = true;
    }
    fprintf(to, "  ");
    for (unsigned task = 0; task < TASKS_MAX; task++) {
        if (there[task]) {
            char title[16] = "main";
            if (task != 0) {
                snprintf(title, sizeof title, "task %u", task);
            }
            fprintf(to, "  %-*s", COLUMN, title);
        }
    }
    fprintf(to, "\n");
    for (unsigned i = 0; i < count; i++) {
        char text[2 * WORDS];
        bool brief = !events[i].returns && i + 1 < count && events[i + 1].op == events[i].op;
        event_words(history, &events[i], brief, text, sizeof text);
        fprintf(to, "  ");
        for (unsigned task = 0; task < history->ops[events[i].op].task; task++) {
            if (there[task]) {
                fprintf(to, "  %*s", COLUMN, "");
            }
        }
        fprintf(to, "  %s\n", text);
        i += brief ? 1 : 0;
    }
}
