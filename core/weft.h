/* Weft: goroutines, channels and select for C.
 *
 * The one public header. A program starts a scheduler with weft_run(), spawns tasks with weft_go() and lets
 * them talk over channels. Which scheduler and which channel implementation serve it is an option, an
 * environment variable, or the default: the semantics are the same, the cost is not.
 *
 * Unless a function says otherwise it may be called by tasks only, never by a signal handler, and allocates
 * nothing. "Parks" means: the calling task may stop while its worker thread runs other tasks. Misuse that Go
 * calls a panic (a null channel closed, for one), and a call by a thread that is no task of a function that is for
 * tasks only, prints a message that says what and which task, and ends the process with status 2. A task may go on on
 * another thread after a call that parks: errno and other thread-local values do not come along. */
#ifndef WEFT_H
#define WEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t weft_ns; /* nanoseconds: durations, and instants of the monotonic clock of weft_now() */

enum weft_status {
    WEFT_OK = 0,
    WEFT_CLOSED,   /* the channel is closed (and, for a receive, drained) */
    WEFT_AGAIN,    /* would have to wait */
    WEFT_TIMEOUT,  /* the deadline passed first */
    WEFT_CANCELED, /* the context was cancelled first */
    WEFT_NOMEM,    /* no memory, or no thread, was to be had; nothing happened */
    WEFT_INVALID,  /* an argument is out of range; nothing happened */
};

/* A static string: "OK", "CLOSED", ...; "UNKNOWN" for any other number. Any thread. */
const char *weft_status_name(enum weft_status status);

/* --- run -------------------------------------------------------------------------------------------- */

struct weft_options {
    const char *sched; /* scheduler variant; NULL: $WEFT_SCHED, else the default */
    const char *chan;  /* channel variant of weft_chan_new; NULL: $WEFT_CHAN, else the default */
    unsigned workers;  /* 0: $WEFT_WORKERS, else the processors this process may use; at most 1024 */
    size_t stack_size; /* bytes of address space a task's stack may grow to; 0: 256 KiB. Rounded up to pages */
    uint64_t seed;     /* of every random choice; 0: from the clock */
};

/* Starts a scheduler, runs main_fn(arg) as its main task on a task's stack, and returns when that returns:
 * tasks still alive are abandoned, as in Go; a task that never reaches a scheduling point (an endless loop)
 * holds the return up. An abandoned task's stack is gone: channels on which it waited may be freed but not
 * used again. May be called again, by any thread that is not a task, one run at a time.
 * NULL options: all defaults. Returns WEFT_INVALID (an unknown variant, named on stderr, a number out of
 * range, a run already going on), WEFT_NOMEM, or WEFT_OK. */
enum weft_status weft_run(const struct weft_options *options, void (*main_fn)(void *), void *arg);

/* --- tasks ------------------------------------------------------------------------------------------ */

/* Makes a task that runs fn(arg). Allocates a descriptor; a stack is bound when the task first runs. Does
 * not park. WEFT_OK, WEFT_NOMEM, or WEFT_INVALID (fn is NULL, or the caller is not a task). */
enum weft_status weft_go(void (*fn)(void *), void *arg);

/* The same with a name for reports; the string is not copied and must outlive the task. */
enum weft_status weft_go_named(const char *name, void (*fn)(void *), void *arg);

/* Lets every other runnable task of this worker go first. Parks. */
void weft_yield(void);

/* Ends the calling task, from any depth of calls. In the main task it ends the task, not the run: the others go on, and
 * the run has no end of its own any more. */
void weft_exit(void) __attribute__((noreturn));

/* Parks for at least this long; zero or less yields. */
void weft_sleep(weft_ns duration);

/* The monotonic clock, in nanoseconds since an arbitrary start. Any thread. */
weft_ns weft_now(void);

/* The number of workers of the run the caller belongs to; 0 outside of a run. */
unsigned weft_workers(void);

/* Tasks alive, the main task included; a snapshot that may be stale at once. Any thread; 0 outside a run. */
size_t weft_task_count(void);

/* Writes one line for each live task to the file descriptor: number, name, state, what it waits for. Any
 * thread, at any time of a run (a snapshot: it stops nobody); takes a lock that spawning a batch of
 * descriptors takes. */
void weft_dump_tasks(int fd);

/* --- channels --------------------------------------------------------------------------------------- */

struct weft_chan;
#define WEFT_UNBOUNDED SIZE_MAX

/* A channel for elements of elem_size bytes (0 is allowed), holding `capacity` of them; capacity 0 is a
 * rendezvous. The variant is that of the run's options ($WEFT_CHAN, else the default, outside of a run). Any
 * thread. Allocates the channel and its buffer at once. NULL: no memory, or the variant does not serve this
 * capacity or element size (its flags say which). */
struct weft_chan *weft_chan_new(size_t elem_size, size_t capacity);

/* The same with a variant by name; NULL also for an unknown one. */
struct weft_chan *weft_chan_new_as(const char *variant, size_t elem_size, size_t capacity);

/* Frees a channel on which no task waits or will call, closed or not, drained or not. Whoever has received the last value,
 * or seen WEFT_CLOSED, may do so at once: what another task's send or close has still to look at on its way out is kept
 * until it is through. Any thread. NULL is allowed. */
void weft_chan_free(struct weft_chan *chan);

/* Sends a copy of the elem_size bytes at value. Parks while the channel is full, or, on a rendezvous, until
 * a receiver took it. WEFT_OK, or WEFT_CLOSED: nothing was sent. A null channel parks for ever. */
enum weft_status weft_send(struct weft_chan *chan, const void *value);

/* Receives into value (NULL discards). Parks while the channel is empty. WEFT_OK, or WEFT_CLOSED: closed and
 * drained, value is zeroed. A null channel parks for ever. */
enum weft_status weft_recv(struct weft_chan *chan, void *value);

/* The same without parking: also WEFT_AGAIN. */
enum weft_status weft_try_send(struct weft_chan *chan, const void *value);
enum weft_status weft_try_recv(struct weft_chan *chan, void *value);

/* The same with an instant of weft_now() after which they give up: also WEFT_TIMEOUT. An operation that can
 * be done at once is done, even if the deadline has passed. */
enum weft_status weft_send_until(struct weft_chan *chan, const void *value, weft_ns deadline);
enum weft_status weft_recv_until(struct weft_chan *chan, void *value, weft_ns deadline);

/* Closes: senders fail from now on, receivers drain what is in it and then see WEFT_CLOSED; all that wait are
 * woken. WEFT_OK, or WEFT_CLOSED if it was closed before. A null channel is a panic. Does not park. */
enum weft_status weft_close(struct weft_chan *chan);

/* Elements in the buffer now (a snapshot), and how many it holds. 0 for a null channel. Any thread. */
size_t weft_chan_len(const struct weft_chan *chan);
size_t weft_chan_cap(const struct weft_chan *chan);

/* --- select ----------------------------------------------------------------------------------------- */

enum weft_op { WEFT_RECV, WEFT_SEND };

struct weft_case {
    struct weft_chan *chan; /* NULL: never ready */
    enum weft_op op;
    void *value;             /* read by a send, written by a receive; NULL discards */
    enum weft_status status; /* out, of the chosen case: OK or CLOSED */
};

/* Waits until one of the cases can be done, does it, and returns its index; among several that are ready
 * each that is ready when it is called is chosen with the same probability. Parks (for ever when no case has a channel). Channels of
 * different variants may be mixed. Allocates only for more than 16 cases; no memory then is a panic. */
int weft_select(struct weft_case *cases, size_t count);

/* The same without parking: -1, Go's default, when no case is ready. */
int weft_try_select(struct weft_case *cases, size_t count);

/* The same with a deadline on the clock of weft_now(): -1 when it passed first. */
int weft_select_until(struct weft_case *cases, size_t count, weft_ns deadline);

/* --- panic ------------------------------------------------------------------------------------------ */

/* Prints "panic: ", the message and the task's name to stderr and ends the process with status 2. Any thread. */
void weft_panic(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif
#endif
