#include "map.h"

#include "utf8.h"

enum { DEEP = 4, ITEMS = 64 };

/* A big-endian number of `size` bytes at *at. */
static bool take(const uint8_t *bytes, size_t len, size_t *at, size_t size, uint64_t *value)
{
    if (len - *at < size)
        return false;
    *value = 0;
    for (size_t i = 0; i < size; i++)
        *value = *value << 8 | bytes[(*at)++];
    return true;
}

/* An integer of 1, 2, 4 or 8 bytes that no shorter form holds. */
static bool take_unsigned(const uint8_t *bytes, size_t len, size_t *at, size_t size,
                          struct item *item)
{
    static const uint64_t LEAST[] = {[1] = 0x80, [2] = 0x100, [4] = 0x10000, [8] = 0x100000000};
    item->kind = I_INTEGER;
    return take(bytes, len, at, size, &item->number) && item->number >= LEAST[size];
}

/* A negative one. Those that are not negative have unsigned forms. */
static bool take_signed(const uint8_t *bytes, size_t len, size_t *at, size_t size,
                        struct item *item)
{
    static const uint64_t MOST[] = {[1] = 32, [2] = 0x80, [4] = 0x8000, [8] = 0x80000000};
    uint64_t raw;
    if (!take(bytes, len, at, size, &raw) || !(raw >> (size * 8 - 1)))
        return false;
    uint64_t full = size == 8 ? raw : raw | ~(uint64_t)0 << (size * 8);
    item->kind = I_INTEGER;
    item->negative = true;
    item->number = full;
    return ~full + 1 > MOST[size]; /* its distance from 0 */
}

/* A length of `size` bytes that no shorter header holds. */
static bool take_length(const uint8_t *bytes, size_t len, size_t *at, size_t size, uint64_t least,
                        uint64_t *length)
{
    return take(bytes, len, at, size, length) && *length >= least;
}

static bool body(const uint8_t *bytes, size_t len, size_t *at, uint64_t size, struct item *item)
{
    if (len - *at < size)
        return false;
    item->bytes = bytes + *at;
    item->len = (size_t)size;
    *at += (size_t)size;
    return item->kind != I_STRING || utf8_valid(item->bytes, item->len);
}

static bool string_of(const uint8_t *bytes, size_t len, size_t *at, size_t size, uint64_t least,
                      struct item *item)
{
    uint64_t length;
    item->kind = I_STRING;
    return take_length(bytes, len, at, size, least, &length) && body(bytes, len, at, length, item);
}

static bool binary_of(const uint8_t *bytes, size_t len, size_t *at, size_t size, uint64_t least,
                      struct item *item)
{
    uint64_t length;
    item->kind = I_BINARY;
    return take_length(bytes, len, at, size, least, &length) && body(bytes, len, at, length, item);
}

static bool container(const uint8_t *bytes, size_t len, const size_t *at, enum item_kind kind,
                      uint64_t count, struct item *item)
{
    item->kind = kind;
    item->number = count;
    item->bytes = bytes + *at;
    item->len = len - *at;
    return count <= ITEMS;
}

bool map_next(const uint8_t *bytes, size_t len, size_t *at, struct item *item)
{
    uint64_t count;
    *item = (struct item){0};
    if (*at >= len)
        return false;
    uint8_t first = bytes[(*at)++];
    if (first <= 0x7f) {
        item->kind = I_INTEGER;
        item->number = first;
        return true;
    }
    if (first >= 0xe0) {
        item->kind = I_INTEGER;
        item->negative = true;
        item->number = ~(uint64_t)0xff | first;
        return true;
    }
    if (first <= 0x8f)
        return container(bytes, len, at, I_MAP, first & 0x0fU, item);
    if (first <= 0x9f)
        return container(bytes, len, at, I_ARRAY, first & 0x0fU, item);
    if (first <= 0xbf) {
        item->kind = I_STRING;
        return body(bytes, len, at, first & 0x1fU, item);
    }
    switch (first) {
    case 0xc0:
        return true;
    case 0xc2:
    case 0xc3:
        item->kind = I_BOOL;
        item->number = first & 1U;
        return true;
    case 0xc4: return binary_of(bytes, len, at, 1, 0, item);
    case 0xc5: return binary_of(bytes, len, at, 2, 0x100, item);
    case 0xc6: return binary_of(bytes, len, at, 4, 0x10000, item);
    case 0xcc: return take_unsigned(bytes, len, at, 1, item);
    case 0xcd: return take_unsigned(bytes, len, at, 2, item);
    case 0xce: return take_unsigned(bytes, len, at, 4, item);
    case 0xcf: return take_unsigned(bytes, len, at, 8, item);
    case 0xd0: return take_signed(bytes, len, at, 1, item);
    case 0xd1: return take_signed(bytes, len, at, 2, item);
    case 0xd2: return take_signed(bytes, len, at, 4, item);
    case 0xd3: return take_signed(bytes, len, at, 8, item);
    case 0xd9: return string_of(bytes, len, at, 1, 0x20, item);
    case 0xda: return string_of(bytes, len, at, 2, 0x100, item);
    case 0xdb: return string_of(bytes, len, at, 4, 0x10000, item);
    case 0xdc:
        return take_length(bytes, len, at, 2, 0x10, &count) &&
               container(bytes, len, at, I_ARRAY, count, item);
    case 0xde:
        return take_length(bytes, len, at, 2, 0x10, &count) &&
               container(bytes, len, at, I_MAP, count, item);
    default: /* floating point, extensions, longer containers than MAP-2 allows, c1 */
        return false;
    }
}

static bool after(const struct item *key, const struct item *before)
{
    size_t common = key->len < before->len ? key->len : before->len;
    int order = memcmp(key->bytes, before->bytes, common);
    return order > 0 || (order == 0 && key->len > before->len);
}

/* Walks over one value; `deep` containers are around it. */
static bool walk(const uint8_t *bytes, size_t len, size_t *at, unsigned deep)
{
    struct item item, key, before = {0};
    if (!map_next(bytes, len, at, &item))
        return false;
    if (item.kind != I_ARRAY && item.kind != I_MAP)
        return true;
    if (deep >= DEEP)
        return false;
    for (uint64_t i = 0; i < item.number; i++) {
        if (item.kind == I_MAP) {
            if (!map_next(bytes, len, at, &key) || key.kind != I_STRING)
                return false;
            if (i > 0 && !after(&key, &before))
                return false;
            before = key;
        }
        if (!walk(bytes, len, at, deep + 1))
            return false;
    }
    return true;
}

bool map_valid(const uint8_t *bytes, size_t len)
{
    size_t at = 0;
    struct item item;
    if (!map_next(bytes, len, &at, &item) || item.kind != I_MAP)
        return false;
    at = 0;
    return walk(bytes, len, &at, 0) && at == len;
}

bool map_find(const uint8_t *bytes, size_t len, const char *key, struct item *value)
{
    size_t at = 0;
    struct item map, name;
    if (!map_next(bytes, len, &at, &map) || map.kind != I_MAP)
        return false;
    for (uint64_t i = 0; i < map.number; i++) {
        if (!map_next(bytes, len, &at, &name))
            return false;
        if (name.len == strlen(key) && memcmp(name.bytes, key, name.len) == 0)
            return map_next(bytes, len, &at, value);
        if (!walk(bytes, len, &at, 1))
            return false;
    }
    return false;
}

void map_write_header(struct buf *b, size_t pairs)
{
    if (pairs < 0x10) {
        buf_u8(b, 0x80U | (unsigned)pairs);
    } else {
        buf_u8(b, 0xde);
        buf_u16(b, (unsigned)pairs);
    }
}

void map_write_string(struct buf *b, const void *text, size_t len)
{
    if (len < 0x20) {
        buf_u8(b, 0xa0U | (unsigned)len);
    } else if (len < 0x100) {
        buf_u8(b, 0xd9);
        buf_u8(b, (unsigned)len);
    } else {
        buf_u8(b, 0xda);
        buf_u16(b, (unsigned)len);
    }
    buf_put(b, text, len);
}

void map_write_key(struct buf *b, const char *key)
{
    map_write_string(b, key, strlen(key));
}

void map_write_binary(struct buf *b, const void *bytes, size_t len)
{
    buf_u8(b, 0xc4);
    buf_u8(b, (unsigned)len);
    buf_put(b, bytes, len);
}

void map_write_number(struct buf *b, uint64_t number)
{
    if (number < 0x80) {
        buf_u8(b, (unsigned)number);
    } else if (number < 0x100) {
        buf_u8(b, 0xcc);
        buf_u8(b, (unsigned)number);
    } else if (number < 0x10000) {
        buf_u8(b, 0xcd);
        buf_u16(b, (unsigned)number);
    } else if (number <= UINT32_MAX) {
        buf_u8(b, 0xce);
        buf_u32(b, (uint32_t)number);
    } else {
        buf_u8(b, 0xcf);
        buf_u32(b, (uint32_t)(number >> 32));
        buf_u32(b, (uint32_t)number);
    }
}

void map_write_bool(struct buf *b, bool value)
{
    buf_u8(b, value ? 0xc3 : 0xc2);
}
