/* All ballots that a peer holds (LEDGER clauses): a set, bounded, merged by union. */
#ifndef LEDGER_H
#define LEDGER_H

#include "ballot.h"

struct entry {
    struct author author;
    struct tag tag;        /* sixteen ff: annulled */
    struct ballot *first;
    struct ballot *second; /* of an annulled entry; NULL otherwise */
};

struct slot {
    uint32_t round;
    size_t count, room;
    struct entry *entries; /* authors ascending */
};

struct ledger {
    const struct run *run;
    size_t count, room;
    struct slot *slots; /* rounds ascending */
    size_t weight;      /* bytes of all ballots */
};

enum outcome {
    LEDGER_NEW,
    LEDGER_KNOWN,
    LEDGER_ANNULLED, /* the entry is annulled now, or was before */
    LEDGER_DROPPED,  /* no room (LEDGER-7); nobody's fault */
};

void ledger_init(struct ledger *ledger, const struct run *run);
void ledger_free(struct ledger *ledger);

/* Keeps a copy. */
enum outcome ledger_add(struct ledger *ledger, const struct ballot *ballot);

/* The entry of an author and round, or NULL. Valid until the ledger changes. */
const struct entry *ledger_find(const struct ledger *ledger, uint32_t round,
                                const struct author *author);

/* All entries of a round, or NULL where there are none. Valid until the ledger changes. */
const struct slot *ledger_round(const struct ledger *ledger, uint32_t round);

/* LEDGER-6. */
struct tag ledger_hash(const struct ledger *ledger, uint32_t round, uint32_t count);

/* Drops all rounds before this one. */
void ledger_forget(struct ledger *ledger, uint32_t before);

#endif
