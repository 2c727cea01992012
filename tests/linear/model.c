#include "model.h"

_Static_assert(sizeof(struct model) == 16 + 2 + QUEUE_MAX + OPERATIONS_MAX + CHANNELS_MAX * (2 + BUFFER_MAX) + 2,
               "no padding but `unused`: states are compared as bytes");

static uint64_t bit(unsigned op)
{
    return (uint64_t)1 << op;
}

static const struct operation *op_of(const struct world *world, unsigned op)
{
    return &world->history->ops[op];
}

static const struct history_case *case_of(const struct world *world, unsigned entry)
{
    return &world->history->ops[entry / CASES_MAX].cases[entry % CASES_MAX];
}

static const struct channel_spec *spec_of(const struct world *world, int chan)
{
    return &world->history->channels[chan];
}

/* Does the order among those that wait on it matter? */
static bool is_ordered(const struct channel_spec *spec)
{
    return !spec->left_out && (spec->fifo_waiters || (spec->hand_off && spec->capacity != 0));
}

/* A null channel, or one that is left out: nothing is to be said of the case. */
static bool is_nothing(const struct world *world, int chan)
{
    return chan < 0 || spec_of(world, chan)->left_out;
}

static bool op_uses(const struct operation *op, int chan)
{
    if (op->kind == KIND_CLOSE || op->kind == KIND_LEN) {
        return op->chan == chan;
    }
    for (unsigned c = 0; op->kind == KIND_SELECT && c < op->count; c++) {
        if (op->cases[c].chan == chan) {
            return true;
        }
    }
    return false;
}

/* --- what does not change --------------------------------------------------------------------------- */

static bool op_overlaps(const struct history *history, unsigned a, unsigned b)
{
    return !history_precedes(history, a, b) && !history_precedes(history, b, a);
}

static uint8_t count_overlaps(const struct history *history, unsigned index, int chan)
{
    uint8_t found = 0;
    for (unsigned other = 0; other < history->count; other++) {
        if (other != index && op_uses(&history->ops[other], chan) && op_overlaps(history, index, other)) {
            found++;
        }
    }
    return found;
}

/* Who waits on several channels, one of which wakes it to try again, stands in no queue meanwhile. */
static bool is_firm(const struct world *world, const struct operation *op)
{
    bool several = false, woken = false;
    for (unsigned c = 0; op->kind == KIND_SELECT && c < op->count; c++) {
        int chan = op->cases[c].chan;
        if (chan >= 0) {
            several = several || op_uses(op, 1 - chan);
            woken = woken || (spec_of(world, chan)->capacity != 0 && !spec_of(world, chan)->hand_off);
        }
    }
    return !several || !woken;
}

static bool firm(const struct world *world, unsigned op)
{
    return (world->firm & bit(op)) != 0;
}

void world_init(struct world *world, const struct history *history)
{
    *world = (struct world){.history = history};
    for (unsigned i = 0; i < history->count; i++) {
        const struct operation *op = &history->ops[i];
        for (unsigned chan = 0; chan < history->channel_count; chan++) {
            world->overlaps[i][chan] = count_overlaps(history, i, (int)chan);
        }
        world->firm |= is_firm(world, op) ? bit(i) : 0;
        for (unsigned other = 0; other < history->count; other++) {
            world->before[i] |= history_precedes(history, other, i) ? bit(other) : 0;
            if (op->kind == KIND_STUCK && (op->who & bit(other)) != 0) {
                world->sat_out[other] |= bit(i); /* it waited, so nothing of it had happened */
            }
        }
    }
}

/* It is under way: all that precedes it is done. */
static bool is_invoked(const struct world *world, const struct model *model, unsigned op)
{
    return ((world->before[op] | bit(op)) & ~model->done) == bit(op);
}

/* ... and may have taken effect. */
static bool may_begin(const struct world *world, const struct model *model, unsigned op)
{
    return is_invoked(world, model, op) && (world->sat_out[op] & ~model->done) == 0;
}

/* --- the queues of those that wait ------------------------------------------------------------------ */

static bool same_side(const struct history_case *a, const struct history_case *b)
{
    return a->chan == b->chan && a->op == b->op;
}

static bool other_side(const struct history_case *a, const struct history_case *b)
{
    return a->chan == b->chan && a->op != b->op;
}

/* The place of an entry in the queue, or the queue's length. */
static unsigned queue_place(const struct model *model, unsigned entry)
{
    unsigned place = 0;
    while (place < model->queued && model->queue[place] != entry) {
        place++;
    }
    return place;
}

/* What stands in the queue for a case. The cases of an operation on one side of a channel, of which any may be the one
 * that is served, stand there as the first of them. */
static uint8_t entry_of(const struct world *world, unsigned op, unsigned c)
{
    const struct history_case *cases = op_of(world, op)->cases;
    unsigned first = 0;
    while (!same_side(&cases[first], &cases[c])) {
        first++;
    }
    return (uint8_t)(op * CASES_MAX + first);
}

static bool is_queued(const struct world *world, const struct model *model, unsigned op, unsigned c)
{
    return queue_place(model, entry_of(world, op, c)) < model->queued;
}

/* The order among those that wait on different channels, or sides, means nothing: they stand in groups, so that states
 * that are the same look the same. */
static void enter(const struct world *world, struct model *model, uint8_t entry)
{
    const struct history_case *mine = case_of(world, entry);
    unsigned place = model->queued++;
    for (; place > 0; place--) {
        const struct history_case *other = case_of(world, model->queue[place - 1]);
        if (other->chan < mine->chan || (other->chan == mine->chan && other->op <= mine->op)) {
            break;
        }
        model->queue[place] = model->queue[place - 1];
    }
    model->queue[place] = entry;
}

static bool queue_holds(const struct model *model, unsigned op)
{
    for (unsigned place = 0; place < model->queued; place++) {
        if (model->queue[place] / CASES_MAX == op) {
            return true;
        }
    }
    return false;
}

/* The first in the queue of the given side of a channel, not counting an operation's own cases; NOBODY. */
static uint8_t queue_first(const struct world *world, const struct model *model, int chan, enum weft_op side,
                           unsigned but_for)
{
    struct history_case wanted = {.chan = (int8_t)chan, .op = (uint8_t)side};
    for (unsigned place = 0; place < model->queued; place++) {
        uint8_t entry = model->queue[place];
        if (entry / CASES_MAX != but_for && same_side(case_of(world, entry), &wanted)) {
            return entry;
        }
    }
    return NOBODY;
}

/* Must somebody else on its side of the channel be served first? */
static bool queue_ahead(const struct world *world, const struct model *model, unsigned op, unsigned c)
{
    const struct history_case *mine = &op_of(world, op)->cases[c];
    if (!spec_of(world, mine->chan)->fifo_waiters || !firm(world, op)) {
        return false;
    }
    unsigned own = queue_place(model, entry_of(world, op, c));
    uint8_t first = queue_first(world, model, mine->chan, mine->op, op);
    return first != NOBODY && queue_place(model, first) < own;
}

static void leave(struct model *model, unsigned op)
{
    unsigned kept = 0;
    for (unsigned place = 0; place < model->queued; place++) {
        if (model->queue[place] / CASES_MAX != op) {
            model->queue[kept++] = model->queue[place];
        }
    }
    memset(model->queue + kept, 0, (size_t)(model->queued - kept));
    model->queued = (uint8_t)kept;
    model->done |= bit(op);
    model->waiting &= ~bit(op);
    model->seen[op] = 0;
}

/* --- what is impossible ----------------------------------------------------------------------------- */

static bool has_case(const struct operation *op, int chan, enum weft_op side)
{
    for (unsigned c = 0; op->kind == KIND_SELECT && c < op->count; c++) {
        if (op->cases[c].chan == chan && op->cases[c].op == side) {
            return true;
        }
    }
    return false;
}

static enum weft_op opposite(unsigned side)
{
    return side == WEFT_RECV ? WEFT_SEND : WEFT_RECV;
}

/* Of a rendezvous: is one of these operations, but for `op`, a partner for the case? */
static bool partner_among(const struct world *world, uint64_t ops, unsigned op, const struct history_case *mine)
{
    for (unsigned other = 0; other < world->history->count; other++) {
        if (other != op && (ops & bit(other)) != 0 && has_case(op_of(world, other), mine->chan, opposite(mine->op))) {
            return true;
        }
    }
    return false;
}

static bool buffer_refuses(const struct world *world, const struct model *model, const struct history_case *mine)
{
    const struct model_channel *chan = &model->channels[mine->chan];
    return mine->op == WEFT_SEND ? chan->count >= spec_of(world, mine->chan)->capacity : chan->count == 0;
}

static bool case_impossible(const struct world *world, const struct model *model, unsigned op, unsigned c)
{
    const struct history_case *mine = &op_of(world, op)->cases[c];
    if (is_nothing(world, mine->chan)) {
        return true;
    }
    if (model->channels[mine->chan].closed) {
        return false;
    }
    const struct channel_spec *spec = spec_of(world, mine->chan);
    if (spec->capacity != 0) {
        return queue_ahead(world, model, op, c) || buffer_refuses(world, model, mine);
    }
    return is_ordered(spec) ? queue_first(world, model, mine->chan, opposite(mine->op), op) == NOBODY
                            : !partner_among(world, model->waiting, op, mine);
}

/* May an attempt at the case fail now? */
static bool case_fails(const struct world *world, const struct model *model, unsigned op, unsigned c)
{
    int chan = op_of(world, op)->cases[c].chan;
    return case_impossible(world, model, op, c) || (!spec_of(world, chan)->try_exact && world->overlaps[op][chan] != 0);
}

static bool is_atomic(const struct world *world, const struct operation *op)
{
    for (unsigned c = 0; c < op->count; c++) {
        if (op->cases[c].chan >= 0 && !spec_of(world, op->cases[c].chan)->select_atomic) {
            return false;
        }
    }
    return true;
}

/* Nothing was chosen: notes what could not be done now; true: that is enough. */
static bool may_have_failed(const struct world *world, struct model *model, unsigned index)
{
    const struct operation *op = op_of(world, index);
    uint8_t now = model->canceled ? SEEN_CANCELED : 0;
    uint8_t all = op->mode == MODE_CTX ? SEEN_CANCELED : 0;
    for (unsigned c = 0; c < op->count; c++) {
        now |= (uint8_t)(case_fails(world, model, index, c) << c);
        all |= (uint8_t)(1 << c);
    }
    model->seen[index] |= now & all;
    bool at_once = op->mode == MODE_TRY && is_atomic(world, op);
    return at_once ? (now & all) == all : model->seen[index] == all;
}

/* --- what changes nothing --------------------------------------------------------------------------- */

static bool len_allowed(const struct world *world, const struct model *model, unsigned index)
{
    const struct operation *op = op_of(world, index);
    const struct channel_spec *spec = spec_of(world, op->chan);
    int off = (int)op->value - (int)model->channels[op->chan].count;
    int excused = spec->capacity_exact && spec->try_exact ? 0 : world->overlaps[index][op->chan];
    return (off < 0 ? -off : off) <= excused;
}

static bool closed_allowed(const struct model *model, const struct operation *op)
{
    const struct history_case *mine = &op->cases[op->chosen];
    const struct model_channel *chan = &model->channels[mine->chan];
    return chan->closed && (mine->op == WEFT_SEND || (chan->count == 0 && op->value == 0));
}

/* Had no effect, and may have had none now. */
static bool harmless_now(const struct world *world, struct model *model, unsigned index)
{
    const struct operation *op = op_of(world, index);
    if (op->returned == NEVER) {
        return false;
    }
    switch ((enum kind)op->kind) {
    case KIND_SELECT:
        if (op->chosen == CHOSE_NONE) {
            return may_have_failed(world, model, index);
        }
        return is_nothing(world, op->cases[op->chosen].chan) ||
               (op->status == WEFT_CLOSED && closed_allowed(model, op));
    case KIND_CLOSE:
        return is_nothing(world, op->chan) || (op->status == WEFT_CLOSED && model->channels[op->chan].closed);
    case KIND_LEN: return is_nothing(world, op->chan) || len_allowed(world, model, index);
    case KIND_CANCEL:
    case KIND_SEEN:
    case KIND_STUCK: return false;
    }
    return false;
}

void model_settle(const struct world *world, struct model *model)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (unsigned op = 0; op < world->history->count; op++) {
            if (may_begin(world, model, op) && harmless_now(world, model, op) && !queue_holds(model, op)) {
                leave(model, op);
                changed = true;
            }
        }
    }
}

/* --- what else can be done -------------------------------------------------------------------------- */

struct list {
    struct move *moves;
    unsigned count;
};

static void list_add(struct list *list, struct move move)
{
    if (list->count == MOVES_MAX) {
        abort(); /* there are never that many operations under way */
    }
    list->moves[list->count++] = move;
}

/* Could this case have been the operation's outcome? */
static bool outcome_fits(const struct operation *op, unsigned c)
{
    return op->returned == NEVER || (op->chosen == (int)c && op->status == WEFT_OK);
}

static bool value_fits(const struct operation *receiver, unsigned c, uint8_t value)
{
    return outcome_fits(receiver, c) && (receiver->returned == NEVER || receiver->value == value);
}

/* Gives the value of a send to an operation that waits, by each of its cases that it could be. */
static void add_hand_over(const struct world *world, unsigned op, unsigned c, unsigned to, struct list *list)
{
    const struct history_case *mine = &op_of(world, op)->cases[c];
    const struct operation *receiver = op_of(world, to);
    for (unsigned d = 0; d < receiver->count; d++) {
        if (other_side(&receiver->cases[d], mine) && value_fits(receiver, d, mine->value)) {
            list_add(list, (struct move){MOVE_DO, (uint8_t)op, (uint8_t)c, (uint8_t)to, (uint8_t)d});
        }
    }
}

/* The value of a send goes to the first that waits, or to any of them, or to one that may have waited. */
static void add_hand_overs(const struct world *world, const struct model *model, unsigned op, unsigned c,
                           struct list *list)
{
    const struct history_case *mine = &op_of(world, op)->cases[c];
    bool first_only = spec_of(world, mine->chan)->fifo_waiters;
    bool found = false;
    for (unsigned place = 0; place < model->queued && !(found && first_only); place++) {
        uint8_t entry = model->queue[place];
        if (entry / CASES_MAX != op && other_side(case_of(world, entry), mine)) {
            add_hand_over(world, op, c, entry / CASES_MAX, list);
            found = true;
        }
    }
    for (unsigned other = 0; other < world->history->count; other++) {
        if (!firm(world, other) && other != op && may_begin(world, model, other)) {
            add_hand_over(world, op, c, other, list);
        }
    }
}

static void add_buffered(const struct world *world, const struct model *model, unsigned op, unsigned c,
                         struct list *list)
{
    const struct history_case *mine = &op_of(world, op)->cases[c];
    const struct channel_spec *spec = spec_of(world, mine->chan);
    const struct model_channel *chan = &model->channels[mine->chan];
    struct move move = {MOVE_DO, (uint8_t)op, (uint8_t)c, NOBODY, 0};
    if (mine->op == WEFT_RECV) {
        if (chan->count != 0 && !queue_ahead(world, model, op, c) && value_fits(op_of(world, op), c, chan->values[0])) {
            list_add(list, move);
        }
        return;
    }
    if (chan->closed) {
        return;
    }
    if (spec->hand_off && chan->count == 0 && queue_first(world, model, mine->chan, WEFT_RECV, op) != NOBODY) {
        add_hand_overs(world, model, op, c, list);
        return;
    }
    bool room = chan->count < spec->capacity || (!spec->capacity_exact && world->overlaps[op][mine->chan] != 0);
    if (room && chan->count < BUFFER_MAX && !queue_ahead(world, model, op, c)) {
        list_add(list, move);
    }
}

/* On a channel whose queue counts: one of the two has waited, and is the first that did. */
static bool meets_in_order(const struct world *world, const struct model *model, unsigned sender, unsigned receiver)
{
    int chan = case_of(world, sender)->chan;
    if (!firm(world, sender / CASES_MAX) || !firm(world, receiver / CASES_MAX)) {
        return true;
    }
    bool sender_waits = queue_place(model, sender) < model->queued;
    bool receiver_waits = queue_place(model, receiver) < model->queued;
    if (sender_waits == receiver_waits) {
        return false;
    }
    return sender_waits ? queue_first(world, model, chan, WEFT_SEND, receiver / CASES_MAX) == sender
                        : queue_first(world, model, chan, WEFT_RECV, sender / CASES_MAX) == receiver;
}

/* The meetings of a send with all receives of a rendezvous. */
static void add_meetings(const struct world *world, const struct model *model, unsigned op, unsigned c,
                         struct list *list)
{
    const struct operation *sender = op_of(world, op);
    const struct history_case *mine = &sender->cases[c];
    if (mine->op != WEFT_SEND || model->channels[mine->chan].closed) {
        return; /* a receive is found from the other side */
    }
    for (unsigned other = 0; other < world->history->count; other++) {
        const struct operation *receiver = op_of(world, other);
        if (other == op || receiver->kind != KIND_SELECT || !may_begin(world, model, other) ||
            (sender->mode == MODE_TRY && receiver->mode == MODE_TRY)) {
            continue;
        }
        for (unsigned d = 0; d < receiver->count; d++) {
            bool fits = other_side(&receiver->cases[d], mine) && value_fits(receiver, d, mine->value);
            if (fits && (!is_ordered(spec_of(world, mine->chan)) ||
                         meets_in_order(world, model, entry_of(world, op, c), entry_of(world, other, d)))) {
                list_add(list, (struct move){MOVE_MEET, (uint8_t)op, (uint8_t)c, (uint8_t)other, (uint8_t)d});
            }
        }
    }
}

/* A case may enter the queue of its channel; on a rendezvous, where it would have met a partner that waits, only if
 * there is none. */
static void add_entry(const struct world *world, const struct model *model, unsigned op, unsigned c, struct list *list)
{
    const struct history_case *mine = &op_of(world, op)->cases[c];
    const struct channel_spec *spec = spec_of(world, mine->chan);
    if (op_of(world, op)->mode == MODE_TRY || !is_ordered(spec) || !firm(world, op) || model->queued == QUEUE_MAX ||
        model->channels[mine->chan].closed || is_queued(world, model, op, c) ||
        (spec->capacity == 0 && queue_first(world, model, mine->chan, opposite(mine->op), op) != NOBODY)) {
        return;
    }
    list_add(list, (struct move){MOVE_ENTER, (uint8_t)op, (uint8_t)c, NOBODY, 0});
}

/* Before a KIND_STUCK too: who sat it out waited. */
static void add_entries(const struct world *world, const struct model *model, unsigned index, struct list *list)
{
    for (unsigned c = 0; c < op_of(world, index)->count; c++) {
        if (op_of(world, index)->cases[c].chan >= 0) {
            add_entry(world, model, index, c, list);
        }
    }
}

static void add_select(const struct world *world, const struct model *model, unsigned index, struct list *list)
{
    const struct operation *op = op_of(world, index);
    struct model copy = *model; /* harmless_now notes what it sees; model_settle has noted that already */
    if (queue_holds(model, index) && harmless_now(world, &copy, index)) {
        list_add(list, (struct move){MOVE_DO, (uint8_t)index, 0, NOBODY, 0});
    }
    for (unsigned c = 0; c < op->count; c++) {
        if (is_nothing(world, op->cases[c].chan)) {
            continue;
        }
        if (outcome_fits(op, c)) {
            bool buffered = spec_of(world, op->cases[c].chan)->capacity != 0;
            (buffered ? add_buffered : add_meetings)(world, model, index, c, list);
        }
    }
}

/* Of an operation that was seen to wait and is not done: it stands in all queues that count. */
static bool has_entered(const struct world *world, const struct model *model, unsigned index)
{
    const struct operation *op = op_of(world, index);
    for (unsigned c = 0; firm(world, index) && c < op->count; c++) {
        if (op->cases[c].chan >= 0 && is_ordered(spec_of(world, op->cases[c].chan)) &&
            !is_queued(world, model, index, c)) {
            return false;
        }
    }
    return true;
}

/* Nothing moves: is it true of this operation that it has to wait? */
static bool is_stuck(const struct world *world, const struct model *model, unsigned index, uint64_t all)
{
    const struct operation *op = op_of(world, index);
    if (op->mode == MODE_CTX && model->canceled) {
        return false;
    }
    for (unsigned c = 0; c < op->count; c++) {
        const struct history_case *mine = &op->cases[c];
        if (is_nothing(world, mine->chan)) {
            continue;
        }
        bool possible = spec_of(world, mine->chan)->capacity == 0 ? partner_among(world, all, index, mine)
                                                                  : !buffer_refuses(world, model, mine);
        if (possible || model->channels[mine->chan].closed) {
            return false;
        }
    }
    return true;
}

/* What somebody has seen: KIND_SEEN, KIND_STUCK. */
static bool sight_allowed(const struct world *world, const struct model *model, const struct operation *sight)
{
    for (unsigned op = 0; op < world->history->count; op++) {
        if ((sight->who & bit(op)) == 0) {
            continue;
        }
        bool done = (model->done & bit(op)) != 0;
        if (!done && !has_entered(world, model, op)) {
            return false;
        }
        if (sight->kind == KIND_STUCK && (done || !is_stuck(world, model, op, sight->who))) {
            return false;
        }
    }
    return true;
}

unsigned model_moves(const struct world *world, const struct model *model, struct move *moves)
{
    struct list list = {.moves = moves};
    for (unsigned index = 0; index < world->history->count; index++) {
        const struct operation *op = op_of(world, index);
        if (op->kind == KIND_SELECT && is_invoked(world, model, index)) {
            add_entries(world, model, index, &list);
        }
        if (!may_begin(world, model, index)) {
            continue;
        }
        bool allowed = op->kind == KIND_CANCEL;
        switch ((enum kind)op->kind) {
        case KIND_SELECT: add_select(world, model, index, &list); break;
        case KIND_CLOSE:
            allowed = !model->channels[op->chan].closed && (op->returned == NEVER || op->status == WEFT_OK);
            break;
        case KIND_SEEN:
        case KIND_STUCK: allowed = sight_allowed(world, model, op); break;
        case KIND_LEN:
        case KIND_CANCEL: break;
        }
        if (allowed) {
            list_add(&list, (struct move){MOVE_DO, (uint8_t)index, 0, NOBODY, 0});
        }
    }
    return list.count;
}

/* --- doing it --------------------------------------------------------------------------------------- */

static void buffer_change(struct model_channel *chan, const struct history_case *mine)
{
    if (mine->op == WEFT_SEND) {
        chan->values[chan->count++] = mine->value;
        return;
    }
    chan->count--;
    memmove(chan->values, chan->values + 1, chan->count);
    chan->values[chan->count] = 0;
}

static void apply_select(const struct world *world, struct model *model, const struct move *move)
{
    const struct operation *op = op_of(world, move->op);
    bool changes = op->returned == NEVER || (op->chosen != CHOSE_NONE && op->status == WEFT_OK &&
                                             !is_nothing(world, op->cases[op->chosen].chan));
    if (move->partner != NOBODY) {
        leave(model, move->partner);
    } else if (changes) {
        buffer_change(&model->channels[op->cases[move->c].chan], &op->cases[move->c]);
    }
}

void model_apply(const struct world *world, struct model *model, const struct move *move)
{
    const struct operation *op = op_of(world, move->op);
    if (move->kind == MOVE_ENTER) {
        enter(world, model, entry_of(world, move->op, move->c));
        return;
    }
    switch ((enum kind)op->kind) {
    case KIND_SELECT: apply_select(world, model, move); break;
    case KIND_CLOSE: model->channels[op->chan].closed = 1; break;
    case KIND_CANCEL: model->canceled = 1; break;
    case KIND_SEEN:
    case KIND_STUCK: model->waiting |= op->who & ~model->done & world->firm; break;
    case KIND_LEN: break;
    }
    leave(model, move->op);
}

bool model_finished(const struct world *world, const struct model *model)
{
    for (unsigned op = 0; op < world->history->count; op++) {
        if ((model->done & bit(op)) == 0 && op_of(world, op)->returned != NEVER) {
            return false;
        }
    }
    return true;
}
