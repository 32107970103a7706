/* Probe ids that travel (IDS clauses). */
#ifndef IDS_H
#define IDS_H

#include "buf.h"

/*
 * Reads ids from the start of `bytes`. On ACCEPTED, *ids is allocated (the caller frees it), *count is 1 to
 * `votes`, and *used is what they took. Refusals: IDS, and LENGTH where the bytes break off.
 */
enum reason ids_read(const uint8_t *bytes, size_t len, uint64_t pool, uint32_t votes,
                     uint32_t **ids, size_t *count, size_t *used);

/* Writes ascending ids in the form that IDS-2 asks for. */
void ids_write(struct buf *b, const uint32_t *ids, size_t count);

#endif
