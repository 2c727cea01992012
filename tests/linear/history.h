/* A recorded history: what each task asked of the channels, what it was told, and which operations precede which.
 *
 * Time is a count that each operation draws twice, before its call and behind its return (crew.c says why that order is
 * sound): one operation precedes another if it has returned before the other is invoked; all else overlaps. The model
 * checker knows better, and has the relation written down (`partial`): there, times only say in which order to print.
 * An operation without a return is pending: it may have taken effect or not.
 *
 * All sends and receives are selects here: a plain one has one case and the mode MODE_WAIT, a try is MODE_TRY. */
#ifndef LINEAR_HISTORY_H
#define LINEAR_HISTORY_H

#include "core/chan.h"

#include <stdio.h>
#include <stdlib.h>

enum { CASES_MAX = 3, CHANNELS_MAX = 2, OPERATIONS_MAX = 64, TASKS_MAX = 6 };
#define NEVER UINT32_MAX

enum kind {
    KIND_SELECT,
    KIND_CLOSE,
    KIND_LEN,
    KIND_CANCEL,
    KIND_SEEN,  /* the task saw others wait: each of them had told its channels so, or was through */
    KIND_STUCK, /* nothing moved any more, and these operations waited: none of them was possible */
};

enum mode { MODE_WAIT, MODE_TRY, MODE_UNTIL, MODE_CTX };

struct history_case {
    int8_t chan;   /* index of a channel; -1: a null channel */
    uint8_t op;    /* enum weft_op */
    uint8_t value; /* of a send; no two sends of a history share one, and none is 0 */
};

enum { CHOSE_NONE = -1 };  /* the default, the deadline or the context came first */
enum { VALUE_TORN = 255 }; /* what was received had never been sent */

struct operation {
    uint32_t invoked, returned; /* returned: NEVER if it is pending */
    uint8_t task;               /* for the reader */
    uint8_t kind;
    /* KIND_SELECT */
    uint8_t mode;
    uint8_t count;
    bool plain; /* for the reader: was not called as a select */
    struct history_case cases[CASES_MAX];
    int8_t chosen;
    uint8_t status; /* also of a close: enum weft_status */
    uint8_t value;  /* what was received; 0 with CLOSED. KIND_LEN: the answer */
    /* KIND_CLOSE, KIND_LEN */
    uint8_t chan;
    /* KIND_SEEN, KIND_STUCK: bits of the operations that waited */
    uint64_t who;
    uint64_t before; /* of a partial history: bits of the operations that precede it */
};

/* What a channel is held to: its variant's flags. */
struct channel_spec {
    const char *variant;
    size_t capacity;
    bool capacity_exact, try_exact, select_atomic, fifo_waiters, hand_off;
    bool left_out; /* of a view (checker.h): anything may happen on it */
};

struct history {
    struct channel_spec channels[CHANNELS_MAX];
    unsigned channel_count;
    bool partial; /* precedence is that of `before`, not of times */
    unsigned count;
    struct operation ops[OPERATIONS_MAX];
};

struct channel_spec channel_spec(const struct chan_ops *ops, size_t capacity);

/* Had `a` returned when `b` began? */
bool history_precedes(const struct history *history, unsigned a, unsigned b);

/* The operation in words, as "send(a, 3)". */
void operation_words(const struct operation *op, char *text, size_t size);
/* What it returned, as "OK", or "?" if it did not. */
void operation_result(const struct operation *op, char *text, size_t size);

/* A timeline: one column a task, one line an event. */
void history_print(FILE *to, const struct history *history);

/* What was done up to the first `events` invocations and returns. */
struct history history_prefix(const struct history *history, unsigned events);
unsigned history_events(const struct history *history);
/* Without one operation. */
struct history history_without(const struct history *history, unsigned index);

#endif
