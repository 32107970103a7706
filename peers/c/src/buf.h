/* Bytes being written: grows up to a limit, and remembers that it was too small instead of writing beyond. */
#ifndef BUF_H
#define BUF_H

#include "common.h"

struct buf {
    uint8_t *data;
    size_t len, cap, limit;
    bool full; /* something did not fit; what is in `data` is not to be used */
};

void buf_init(struct buf *b, size_t limit);
void buf_free(struct buf *b);
void buf_put(struct buf *b, const void *bytes, size_t len);
void buf_u8(struct buf *b, unsigned v);
void buf_u16(struct buf *b, unsigned v);
void buf_u32(struct buf *b, uint32_t v);

#endif
