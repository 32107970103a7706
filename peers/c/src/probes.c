#include "probes.h"

#include "hash.h"

/* The ids drawn so far, as an open table: a slot holds id + 1, so that 0 is free. */
struct drawn {
    uint64_t *slots;
    size_t mask;
};

static bool draw(struct drawn *set, uint32_t id)
{
    size_t at = (id * (size_t)2654435761U) & set->mask;
    for (; set->slots[at]; at = (at + 1) & set->mask)
        if (set->slots[at] == (uint64_t)id + 1)
            return false;
    set->slots[at] = (uint64_t)id + 1;
    return true;
}

void probes_draw(const uint8_t run_id[8], uint32_t round, uint64_t pool, uint32_t count,
                 uint32_t *ids)
{
    const uint64_t words = UINT64_C(1) << 32;
    const uint64_t skip = words - words % pool;
    struct drawn set = {.mask = 15};
    while (set.mask < (size_t)count * 2)
        set.mask = set.mask * 2 + 1;
    set.slots = need(set.mask + 1, sizeof *set.slots);
    uint32_t have = 0;
    for (uint32_t k = 0; have < count; k++) {
        uint8_t block[DIGEST];
        struct hash h;
        hash_begin(&h);
        hash_text(&h, "TALLY1-PROBES");
        hash_add(&h, run_id, 8);
        hash_u32(&h, round);
        hash_u32(&h, k);
        hash_end(&h, block);
        for (unsigned i = 0; i < 8 && have < count; i++) {
            uint32_t word = read_u32(block + 4 * i);
            if (word >= skip)
                continue;
            uint32_t id = (uint32_t)(word % pool);
            if (draw(&set, id))
                ids[have++] = id;
        }
    }
    free(set.slots);
}
