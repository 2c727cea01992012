/* Linked into each client: where its atomic operations are listed. */
#include "client.h"

extern const struct model_site __start_model_sites[], __stop_model_sites[];
extern const struct model_site *const model_sites[2];
const struct model_site *const model_sites[2] = {__start_model_sites, __stop_model_sites};
