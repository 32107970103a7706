#include "buf.h"

void buf_init(struct buf *b, size_t limit)
{
    *b = (struct buf){.limit = limit};
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_put(struct buf *b, const void *bytes, size_t len)
{
    if (b->full || len > b->limit - b->len) {
        b->full = true;
        return;
    }
    if (len == 0)
        return;
    if (b->len + len > b->cap) {
        size_t cap = b->cap ? b->cap : 64;
        while (cap < b->len + len)
            cap *= 2;
        b->data = need_more(b->data, cap, 1);
        b->cap = cap;
    }
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
}

void buf_u8(struct buf *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;
    buf_put(b, &byte, 1);
}

void buf_u16(struct buf *b, unsigned v)
{
    uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    buf_put(b, bytes, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
    uint8_t bytes[4];
    write_u32(bytes, v);
    buf_put(b, bytes, 4);
}
