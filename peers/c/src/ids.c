#include "ids.h"

enum { RANGE = 1, GAPS = 2 };

/* One LEB128 number of at most 32 bits in its shortest form (IDS-3). */
static enum reason leb_read(const uint8_t *bytes, size_t len, size_t *at, uint32_t *value)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < 5; i++) {
        if (*at >= len)
            return R_LENGTH;
        uint8_t byte = bytes[(*at)++];
        sum |= (uint64_t)(byte & 0x7fU) << (7 * i);
        if (byte & 0x80U)
            continue;
        if ((byte == 0 && i > 0) || sum > UINT32_MAX)
            return R_IDS;
        *value = (uint32_t)sum;
        return ACCEPTED;
    }
    return R_IDS;
}

static void leb_write(struct buf *b, uint32_t value)
{
    while (value >= 0x80U) {
        buf_u8(b, 0x80U | (value & 0x7fU));
        value >>= 7;
    }
    buf_u8(b, value);
}

static enum reason read_range(const uint8_t *bytes, size_t len, uint64_t pool, uint32_t votes,
                              uint32_t **ids, size_t *count, size_t *used)
{
    if (len < 7)
        return R_LENGTH;
    uint32_t start = read_u32(bytes + 1);
    size_t n = read_u16(bytes + 5);
    if (n < 1 || n > votes || (uint64_t)start + n > pool)
        return R_IDS;
    *ids = need(n, sizeof **ids);
    for (size_t i = 0; i < n; i++)
        (*ids)[i] = start + (uint32_t)i;
    *count = n;
    *used = 7;
    return ACCEPTED;
}

static enum reason read_gaps(const uint8_t *bytes, size_t len, uint64_t pool, uint32_t votes,
                             uint32_t **ids, size_t *count, size_t *used)
{
    if (len < 3)
        return R_LENGTH;
    size_t n = read_u16(bytes + 1);
    if (n < 2 || n > votes) /* a single id is a range */
        return R_IDS;
    if (len - 3 < n) /* each takes a byte at least: nothing is allocated for what cannot be there */
        return R_LENGTH;
    uint32_t *list = need(n, sizeof *list);
    enum reason reason = ACCEPTED;
    size_t at = 3;
    uint64_t next = 0;
    bool gap = false;
    for (size_t i = 0; i < n && !reason; i++) {
        uint32_t step = 0;
        reason = leb_read(bytes, len, &at, &step);
        uint64_t id = next + step;
        if (!reason && id >= pool)
            reason = R_IDS;
        if (i > 0 && step > 0)
            gap = true;
        list[i] = (uint32_t)id;
        next = id + 1;
    }
    if (!reason && !gap)
        reason = R_IDS;
    if (reason) {
        free(list);
        return reason;
    }
    *ids = list;
    *count = n;
    *used = at;
    return ACCEPTED;
}

enum reason ids_read(const uint8_t *bytes, size_t len, uint64_t pool, uint32_t votes,
                     uint32_t **ids, size_t *count, size_t *used)
{
    if (len < 1)
        return R_LENGTH;
    if (bytes[0] == RANGE)
        return read_range(bytes, len, pool, votes, ids, count, used);
    if (bytes[0] == GAPS)
        return read_gaps(bytes, len, pool, votes, ids, count, used);
    return R_IDS;
}

void ids_write(struct buf *b, const uint32_t *ids, size_t count)
{
    if (count == 0) { /* nothing has no form */
        b->full = true;
        return;
    }
    if (ids[count - 1] - ids[0] == count - 1) {
        buf_u8(b, RANGE);
        buf_u32(b, ids[0]);
        buf_u16(b, (unsigned)count);
        return;
    }
    buf_u8(b, GAPS);
    buf_u16(b, (unsigned)count);
    leb_write(b, ids[0]);
    for (size_t i = 1; i < count; i++)
        leb_write(b, ids[i] - ids[i - 1] - 1);
}
