#include "bits.h"

unsigned bits_for(uint32_t highest)
{
    unsigned bits = 1;
    while (bits < 32 && highest >> bits)
        bits++;
    return bits;
}

size_t bits_bytes(size_t count, unsigned bits)
{
    return (count * bits + 7) / 8;
}

uint32_t bits_get(const uint8_t *packed, size_t index, unsigned bits)
{
    size_t at = index * bits;
    uint32_t label = 0;
    for (unsigned i = 0; i < bits; i++, at++)
        label = label << 1 | ((unsigned)packed[at / 8] >> (7 - at % 8) & 1U);
    return label;
}

void bits_put(uint8_t *packed, size_t index, unsigned bits, uint32_t label)
{
    size_t at = index * bits;
    for (unsigned i = 0; i < bits; i++, at++)
        if (label >> (bits - 1 - i) & 1U)
            packed[at / 8] = (uint8_t)(packed[at / 8] | 0x80U >> at % 8);
}

enum reason bits_check(const uint8_t *packed, size_t len, size_t count, unsigned bits,
                       uint32_t highest)
{
    if (len != bits_bytes(count, bits))
        return R_LENGTH;
    unsigned used = (unsigned)(count * bits % 8);
    if (used && (packed[len - 1] & (0xffU >> used)))
        return R_PADDING;
    for (size_t i = 0; i < count; i++)
        if (bits_get(packed, i, bits) > highest)
            return R_LABEL;
    return ACCEPTED;
}
