/* Packed votes (BITS clauses). */
#ifndef BITS_H
#define BITS_H

#include "common.h"

/* Bits of a label when `highest` is the highest one (RUN-5). */
unsigned bits_for(uint32_t highest);

/* Bytes of `count` labels of `bits` bits (BITS-2). */
size_t bits_bytes(size_t count, unsigned bits);

/* Label number `index`; the caller has checked that the bytes hold it. */
uint32_t bits_get(const uint8_t *packed, size_t index, unsigned bits);

/* Puts a label into bytes that are zero there. */
void bits_put(uint8_t *packed, size_t index, unsigned bits, uint32_t label);

/* Whether bytes are `count` labels up to `highest`: LENGTH, PADDING or LABEL if not. */
enum reason bits_check(const uint8_t *packed, size_t len, size_t count, unsigned bits,
                       uint32_t highest);

#endif
