/* Is there an order in which the operations of a history could have been done one at a time?
 *
 * Idea: a history is linearizable if each operation can be given one instant between its invocation and its return at
 * which it took effect, so that the effects follow the sequential model (model.h). Depth-first: of those operations
 * that nothing undone precedes, do one that the model allows, go on, take it back. Pairs of (set of operations done,
 * state) that were left in vain are not entered again.
 * Source: J. Wing, C. Gong, "Testing and verifying concurrent objects" (JPDC 17, 1993); the cache: G. Lowe, "Testing
 * for linearizability" (Concurrency and Computation 29, 2017). Blocking: S. Burckhardt et al., "Line-Up: a complete and
 * automatic linearizability checker" (PLDI 2010), whose stuck histories are KIND_STUCK here; two operations that meet:
 * N. Hemed, N. Rinetzky, V. Vafeiadis, "Modular verification of concurrency-aware linearizability" (DISC 2015).
 *
 * Where precedence is happens-before (history.h, `partial`), looks at several channels have no common order: of two
 * changes on two channels that nothing orders, one task may see the one first and another task the other, as C11 allows
 * for anything weaker than seq_cst (the test IRIW); M. Herlihy and J. Wing's theorem, that what is linearizable object
 * by object is so altogether ("Linearizability", TOPLAS 12, 1990), needs precedence by time. Such a history is judged
 * in views: each channel by itself; all changes together; and these with each default of a select over all channels,
 * one at a time, which saw all of them at one instant if select_atomic is claimed.
 *
 * An operation that changes nothing and is allowed now is done at once, without an alternative: whatever could be done
 * without it can be done behind it, since the state is the same and it holds nobody up any more. (Not while it stands
 * in a queue that counts: there its going is a change.) */
#ifndef LINEAR_CHECKER_H
#define LINEAR_CHECKER_H

#include "history.h"

enum answer { LINEARIZABLE, NOT_LINEARIZABLE, UNDECIDED /* the limit of states was reached */ };

struct verdict {
    enum answer answer;
    size_t states;                 /* that were looked at */
    unsigned explained;            /* the most operations that could be put in an order */
    uint8_t order[OPERATIONS_MAX]; /* that order, by index */
};

struct verdict history_check(const struct history *history);

/* How many views a history has (1: itself), and each of them. */
unsigned history_views(const struct history *history);
struct history history_view(const struct history *history, unsigned index);

/* A smaller history that is not linearizable either, for which the given one must not be: the shortest prefix, less
 * operations that could only have made it easier. */
struct history history_minimise(const struct history *history);

/* Timeline, the order that was found for a part of it, what could not be put behind it, and the rules that hold. */
void verdict_print(FILE *to, const struct history *history, const struct verdict *verdict);

#endif
