/* One program while it is recorded: what its tasks (crew.c), main (record.c) and the thread outside (watch.c) share. */
#ifndef LINEAR_CELL_H
#define LINEAR_CELL_H

#include "attempt.h"
#include "record.h"

enum { LOG_MAX = 2 * STEPS_MAX, MAIN_LOG_MAX = 30 };

/* What main is told. */
enum message { MESSAGE_FINISHED, MESSAGE_STUCK };

/* One task's: it alone writes it while it runs. */
struct log {
    struct cell *cell;
    /* NULL: not there yet, or no more. Under `looking`, so that whoever looks at it keeps it from going. */
    struct task *task;
    struct lock looking;
    unsigned count;
    struct operation ops[LOG_MAX];
    _Atomic(uint32_t) current; /* its operation under way: number in the log + 1; 0: none. Read by those who look */
    _Atomic(bool) timed;       /* waits with a deadline, or sleeps */
} __attribute__((aligned(CACHE_LINE)));

/* One program being recorded. */
struct cell {
    const struct program *program;
    struct stage stage;
    struct weft_chan *done; /* of enum message */
    struct log logs[CREW_MAX];
    struct operation main_ops[MAIN_LOG_MAX]; /* main's log */
    unsigned main_count;
    bool closed[CHANNELS_MAX]; /* by main */
    unsigned stucks;
    unsigned values; /* that main has sent */
    struct worker dice;
    _Alignas(CACHE_LINE) _Atomic(uint32_t) clock;
    _Alignas(CACHE_LINE) _Atomic(unsigned) arrived;
    _Atomic(unsigned) meetings;        /* tasks that have come to a PAUSE_MEET so far */
    _Atomic(unsigned) where[CREW_MAX]; /* worker that each task was last seen on */
};

/* --- crew.c --- */

/* Numbers of the cell's clock: before a call, and behind its return. */
uint32_t stamp_invoked(struct cell *cell);
uint32_t stamp_returned(struct cell *cell);
/* Does it, and writes down when and with what result. */
void do_operation(struct cell *cell, struct operation *op, weft_ns deadline);
/* A task of the crew: its log. */
void crew_main(void *log);

/* --- watch.c --- */

/* Around a run whose scheduler has no virtual time. */
void watch_start(void);
void watch_stop(void);
/* Main waits for messages from now on, and is to hear MESSAGE_STUCK when nothing moves; NULL: no more. */
void watch_cell(struct cell *cell);

#endif
