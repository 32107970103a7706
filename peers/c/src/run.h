/* Run parameters and their descriptor (README, RUN clauses). */
#ifndef RUN_H
#define RUN_H

#include "common.h"

enum { DESCRIPTOR = 512 }; /* a descriptor has fewer bytes: eleven lines of bounded values */

struct run {
    uint64_t seed;
    uint32_t classes;
    bool abstain;
    uint64_t pool; /* up to 2^32 - 1 */
    char pool_digest[65];
    uint32_t probes;
    uint32_t rounds_per_ballot;
    bool broadcast;
    uint64_t degree;
    bool explicit_ids;
    bool sealed;

    /* What follows from them; run_finish fills it in. */
    uint32_t votes;
    uint32_t highest;
    unsigned bits;
    char descriptor[DESCRIPTOR];
    uint8_t digest[DIGEST];
    uint8_t id[8];
};

void run_defaults(struct run *run);

/* Sets one parameter by name from its text in the descriptor's form. NULL, or what is wrong with it. */
const char *run_set(struct run *run, const char *name, const char *value);

/* Checks what parameters say together, and derives the rest. NULL, or what is wrong. */
const char *run_finish(struct run *run);

/* Reads a descriptor in its one form (RUN-1). NULL, or what is wrong. */
const char *run_parse(struct run *run, const uint8_t *text, size_t len);

#endif
