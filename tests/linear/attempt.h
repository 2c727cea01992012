/* Makes one operation of a program on real channels: what weft-linear's tasks and the model checker's client do alike.
 * In a header, as that client is one file. */
#ifndef LINEAR_ATTEMPT_H
#define LINEAR_ATTEMPT_H

#include "history.h"

enum { WORDS_MAX = 3 };

/* What the operations are made on. */
struct stage {
    struct weft_chan *chans[CHANNELS_MAX];
    size_t elem_size;
    struct weft_ctx *ctx; /* NULL: none of them needs it */
};

/* One operation: attempt_begin, note the time, attempt_make, note the time, attempt_end. */
struct attempt {
    uint64_t words[CASES_MAX][WORDS_MAX];
    struct weft_case cases[CASES_MAX];
    int chosen;
};

/* --- values ----------------------------------------------------------------------------------------- */

static inline void write_value(uint64_t words[WORDS_MAX], uint8_t value)
{
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        words[i] = value * 0x0101010101010101u;
    }
}

static inline uint8_t read_value(const struct stage *stage, const uint64_t words[WORDS_MAX])
{
    uint8_t value = (uint8_t)words[0];
    for (unsigned i = 0; i < stage->elem_size / sizeof words[0]; i++) {
        if (words[i] != value * 0x0101010101010101u) {
            return VALUE_TORN;
        }
    }
    return value;
}

/* --- the call --------------------------------------------------------------------------------------- */

static inline int attempt_select(const struct stage *stage, const struct operation *op, weft_ns deadline,
                                 struct weft_case *cases)
{
    switch ((enum mode)op->mode) {
    case MODE_WAIT: return weft_select(cases, op->count);
    case MODE_TRY: return weft_try_select(cases, op->count);
    case MODE_UNTIL: return weft_select_until(cases, op->count, deadline);
    case MODE_CTX: return weft_select_ctx(stage->ctx, cases, op->count);
    }
    return -1;
}

/* The same by the function for one channel; its status for "nothing" must be that of the mode. */
static inline int attempt_plain(const struct stage *stage, const struct operation *op, weft_ns deadline,
                                struct weft_case *only)
{
    static const enum weft_status nothing[] = {WEFT_INVALID, WEFT_AGAIN, WEFT_TIMEOUT, WEFT_CANCELED};
    struct weft_chan *chan = only->chan;
    bool sends = only->op == WEFT_SEND;
    enum weft_status status = WEFT_INVALID;
    switch ((enum mode)op->mode) {
    case MODE_WAIT: status = sends ? weft_send(chan, only->value) : weft_recv(chan, only->value); break;
    case MODE_TRY: status = sends ? weft_try_send(chan, only->value) : weft_try_recv(chan, only->value); break;
    case MODE_UNTIL:
        status = sends ? weft_send_until(chan, only->value, deadline) : weft_recv_until(chan, only->value, deadline);
        break;
    case MODE_CTX:
        status = sends ? weft_send_ctx(stage->ctx, chan, only->value) : weft_recv_ctx(stage->ctx, chan, only->value);
        break;
    }
    only->status = status;
    return status == nothing[op->mode] ? CHOSE_NONE : 0;
}

/* --- one operation ---------------------------------------------------------------------------------- */

static inline void attempt_begin(const struct stage *stage, const struct operation *op, struct attempt *attempt)
{
    for (unsigned c = 0; op->kind == KIND_SELECT && c < op->count; c++) {
        int chan = op->cases[c].chan;
        write_value(attempt->words[c], op->cases[c].op == WEFT_SEND ? op->cases[c].value : (uint8_t)(VALUE_TORN - 1));
        attempt->cases[c] = (struct weft_case){.chan = chan < 0 ? NULL : stage->chans[chan],
                                               .op = (enum weft_op)op->cases[c].op,
                                               .value = attempt->words[c],
                                               .status = WEFT_INVALID};
    }
}

static inline void attempt_make(const struct stage *stage, struct operation *op, weft_ns deadline,
                                struct attempt *attempt)
{
    if (op->kind == KIND_SELECT) {
        attempt->chosen = op->plain ? attempt_plain(stage, op, deadline, &attempt->cases[0])
                                    : attempt_select(stage, op, deadline, attempt->cases);
    } else if (op->kind == KIND_CLOSE) {
        op->status = (uint8_t)weft_close(stage->chans[op->chan]);
    } else if (op->kind == KIND_LEN) {
        size_t len = weft_chan_len(stage->chans[op->chan]);
        op->value = len > VALUE_TORN ? VALUE_TORN : (uint8_t)len;
    } else if (op->kind == KIND_CANCEL) {
        weft_ctx_cancel(stage->ctx, NULL);
    }
}

static inline void attempt_end(const struct stage *stage, struct operation *op, const struct attempt *attempt)
{
    if (op->kind != KIND_SELECT) {
        return;
    }
    int chosen = attempt->chosen;
    bool nonsense = chosen < CHOSE_NONE || chosen >= op->count;
    op->chosen = (int8_t)(nonsense ? 0 : chosen);
    op->status = nonsense ? WEFT_INVALID : WEFT_OK;
    if (!nonsense && chosen != CHOSE_NONE) {
        op->status = (uint8_t)attempt->cases[chosen].status;
        op->value = attempt->cases[chosen].op == WEFT_RECV ? read_value(stage, attempt->words[chosen]) : 0;
    }
}

#endif
