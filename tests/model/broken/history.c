/* A channel with two elements says that it has none.
 * The checker must say: a history is not linearizable */
#include "tests/litmus/channel.h"

#define weft_chan_len(chan) (weft_chan_len(chan) % 2)
#include "tests/model/channel_history.c"
