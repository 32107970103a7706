/* SHA-256, of pieces in order. */
#ifndef HASH_H
#define HASH_H

#include "common.h"

struct hash {
    void *state;
};

void hash_begin(struct hash *h);
void hash_add(struct hash *h, const void *bytes, size_t len);
void hash_text(struct hash *h, const char *text); /* without its final zero */
void hash_u32(struct hash *h, uint32_t v);
void hash_end(struct hash *h, uint8_t out[DIGEST]);

void hash_of(const void *bytes, size_t len, uint8_t out[DIGEST]);

/* NAME-2. */
struct author author_of(const uint8_t identity[IDENTITY]);

#endif
