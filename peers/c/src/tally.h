/* What a round's ballots say together (TALLY clauses). */
#ifndef TALLY_H
#define TALLY_H

#include "ballot.h"

struct cell {
    uint32_t class;
    uint32_t count;
};

struct elected {
    uint32_t id;
    uint32_t voters;
    int64_t plurality; /* -1: nobody voted */
    uint32_t margin;
    const struct cell *cells; /* classes ascending; valid during the call */
    size_t cells_count;
};

/*
 * Counts ballots that count (LEDGER-2) on `ids`, in the order of their labels, or with ids NULL on those that
 * the ballots name. `each` (may be NULL) is told every probe, ids ascending. `digest` is TALLY-6's.
 */
void tally_take(const struct run *run, uint32_t round, const uint32_t *ids, size_t ids_count,
                const struct ballot *const *ballots, size_t count,
                void (*each)(void *context, const struct elected *elected), void *context,
                uint8_t digest[DIGEST]);

#endif
