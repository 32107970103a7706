/* The one form of msgpack that HELLO uses (MAP clauses): strict, bounded, nothing allocated. */
#ifndef MAP_H
#define MAP_H

#include "buf.h"

enum item_kind { I_NIL, I_BOOL, I_INTEGER, I_STRING, I_BINARY, I_ARRAY, I_MAP };

struct item {
    enum item_kind kind;
    bool negative;        /* of an integer; `number` is then its two's complement */
    uint64_t number;      /* value of a boolean or an integer; items of an array or a map */
    const uint8_t *bytes; /* of a string or a binary; the items of an array or a map, undecoded */
    size_t len;
};

/* Whether the bytes are one map in the one form, and nothing after it. */
bool map_valid(const uint8_t *bytes, size_t len);

/* The value of a key of the outermost map. Only for bytes that map_valid has passed. */
bool map_find(const uint8_t *bytes, size_t len, const char *key, struct item *value);

/* The item at *at of valid bytes; *at moves behind it, into its items if it is an array or a map. */
bool map_next(const uint8_t *bytes, size_t len, size_t *at, struct item *item);

void map_write_header(struct buf *b, size_t pairs);
void map_write_string(struct buf *b, const void *text, size_t len);
void map_write_key(struct buf *b, const char *key);
void map_write_binary(struct buf *b, const void *bytes, size_t len);
void map_write_number(struct buf *b, uint64_t number);
void map_write_bool(struct buf *b, bool value);

#endif
