/* skynet: what does a tree of a million short-lived tasks cost, each with a message to its parent?
 *
 *   root - 10 nodes - 100 nodes - ... - `size` leaves        (size: a power of ten)
 *
 * A node makes a rendezvous channel, spawns 10 children, receives 10 numbers, sends their sum to its parent; a leaf
 * sends its own number. Source of the shape: A. Temerev's "skynet" benchmark (2016).
 * Values: cold_ns, from just before weft_run() in a fresh process until the main task has the sum: workers, stacks and
 * descriptors are made in it. (The twin's is from the start of main: Go's runtime has started by then.) first_ns: the
 * same from the main task's first line. warm_ns: the median of the runs after the first. Wall time of the whole tree.
 * Checked: the sum of each run. */
#include "bench/scale/tools.h"

enum { CHILDREN = 10, WARM_RUNS = 3 };

struct skynet_node {
    struct weft_chan *parent;
    uint64_t first, leaves;
};

struct skynet {
    struct scale_sample *sample;
    weft_ns start;
};

static void skynet_node(void *arg);

static uint64_t skynet_children(uint64_t first, uint64_t leaves)
{
    struct skynet_node children[CHILDREN];
    struct weft_chan *chan = scale_chan(0);
    for (uint64_t i = 0; i < CHILDREN; i++) {
        children[i] =
            (struct skynet_node){.parent = chan, .first = first + i * leaves / CHILDREN, .leaves = leaves / CHILDREN};
        scale_go(skynet_node, &children[i]);
    }
    uint64_t sum = 0;
    for (int i = 0; i < CHILDREN; i++) {
        uint64_t part = 0;
        weft_recv(chan, &part);
        sum += part;
    }
    weft_chan_free(chan);
    return sum;
}

static void skynet_node(void *arg)
{
    struct skynet_node *node = arg; /* in the parent's frame, which is gone once the parent has received */
    struct weft_chan *parent = node->parent;
    uint64_t sum = node->leaves == 1 ? node->first : skynet_children(node->first, node->leaves);
    weft_send(parent, &sum);
}

static void skynet_once(uint64_t leaves)
{
    struct weft_chan *chan = scale_chan(0);
    struct skynet_node root = {.parent = chan, .leaves = leaves};
    scale_go(skynet_node, &root);
    uint64_t sum = 0;
    weft_recv(chan, &sum);
    weft_chan_free(chan);
    scale_check(sum == leaves * (leaves - 1) / 2, "skynet: the sum of %" PRIu64 " leaves is %" PRIu64, leaves, sum);
}

static void skynet_main(void *arg)
{
    struct skynet *skynet = arg;
    weft_ns begin = scale_now();
    skynet_once(skynet->sample->size);
    weft_ns end = scale_now();
    scale_value(skynet->sample, (double)(end - skynet->start), "cold_ns");
    scale_value(skynet->sample, (double)(end - begin), "first_ns");
    double warm[WARM_RUNS];
    for (int i = 0; i < WARM_RUNS; i++) {
        begin = scale_now();
        skynet_once(skynet->sample->size);
        warm[i] = (double)(scale_now() - begin);
    }
    scale_value(skynet->sample, scale_median(warm, WARM_RUNS), "warm_ns");
}

static void skynet_measure(struct scale_sample *sample)
{
    uint64_t leaves = sample->size;
    while (leaves % CHILDREN == 0) {
        leaves /= CHILDREN;
    }
    scale_check(leaves == 1, "skynet: %" PRIu64 " leaves are no power of ten", sample->size);
    struct skynet skynet = {.sample = sample, .start = scale_now()};
    scale_run(sample->workers, skynet_main, &skynet);
}

const struct scale_figure scale_skynet = {
    .name = "skynet",
    .question = "a tree of tasks, each with a message to its parent?",
    .size_of = "leaves",
    .size = 1000000,
    .size_min = 10,
    .size_max = 100000000,
    .measure = skynet_measure,
};
