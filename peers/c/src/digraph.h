/* Who sends to whom in a round (DIGRAPH clauses). */
#ifndef DIGRAPH_H
#define DIGRAPH_H

#include "common.h"

/* Puts different authors into the order of the round's ring. */
void digraph_ring(const uint8_t run_id[8], uint32_t round, struct author *authors, size_t count);

/* d of DIGRAPH-3. */
size_t digraph_degree(uint64_t degree, size_t count);

/* The author `step` places after the one at `index`, or before it if `back`. step is less than count. */
const struct author *digraph_neighbour(const struct author *ring, size_t count, size_t index,
                                       size_t step, bool back);

#endif
