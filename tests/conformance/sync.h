/* What the tests of the synchronisation objects share. */
#ifndef TESTS_CONFORMANCE_SYNC_H
#define TESTS_CONFORMANCE_SYNC_H

#include "conformance.h"

enum { CROWD = 12 };

/* Who came when: each writes its letter while it keeps the others out. */
struct letters {
    char written[64];
    _Atomic(unsigned) count;
};

static inline void letters_add(struct letters *letters, char letter)
{
    letters->written[load_relaxed(&letters->count)] = letter;
    add_release(&letters->count, 1u);
}

/* Deferred: stops a panic that must be there. */
static inline void recover_quietly(void *unused)
{
    (void)unused;
    CHECK(weft_recover() != NULL);
}

#endif
