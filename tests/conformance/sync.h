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

/* What a hog does with a lock that it will take again at once: others come, and the moment in which it is free is short
 * against this. */
static inline void hog(void)
{
    for (int i = 0; i < 20; i++) {
        weft_yield();
    }
    for (volatile unsigned i = 0; i < 20000; i++) {
    }
    weft_poll(); /* a turn that is due to others they have now, when it is of no use to them */
}

/* Deferred: stops a panic that must be there. */
static inline void recover_quietly(void *unused)
{
    (void)unused;
    CHECK(weft_recover() != NULL);
}

#endif
