/* A ballot (BALLOT clauses). Its labels stay packed, as they came. */
#ifndef BALLOT_H
#define BALLOT_H

#include "run.h"

struct ballot {
    struct author author;
    uint32_t round;
    uint32_t *ids; /* NULL when ids are derived */
    size_t ids_count;
    uint8_t *votes;
    size_t len;
    bool sealed;
    uint8_t identity[IDENTITY];   /* of its author, in a sealed run */
    uint8_t signature[SIGNATURE]; /* as it came (SEAL-8) */
};

struct ballot *ballot_copy(const struct ballot *from);
void ballot_free(struct ballot *ballot);

/* BALLOT-4, for two of one author and round. */
bool ballot_same(const struct ballot *a, const struct ballot *b);

/* TAG clauses. */
struct tag ballot_tag(const struct run *run, const struct ballot *ballot);

/* What a ballot takes in memory, about. */
size_t ballot_weight(const struct ballot *ballot);

#endif
