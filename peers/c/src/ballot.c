#include "ballot.h"

#include "hash.h"

struct ballot *ballot_copy(const struct ballot *from)
{
    struct ballot *copy = need(1, sizeof *copy);
    *copy = *from;
    copy->ids = NULL;
    if (from->ids_count) {
        copy->ids = need(from->ids_count, sizeof *copy->ids);
        memcpy(copy->ids, from->ids, from->ids_count * sizeof *copy->ids);
    }
    copy->votes = need(from->len, 1);
    if (from->len)
        memcpy(copy->votes, from->votes, from->len);
    return copy;
}

void ballot_free(struct ballot *ballot)
{
    if (!ballot)
        return;
    free(ballot->ids);
    free(ballot->votes);
    free(ballot);
}

bool ballot_same(const struct ballot *a, const struct ballot *b)
{
    if (a->len != b->len || a->ids_count != b->ids_count)
        return false;
    if (a->len && memcmp(a->votes, b->votes, a->len) != 0)
        return false;
    return !a->ids_count || memcmp(a->ids, b->ids, a->ids_count * sizeof *a->ids) == 0;
}

struct tag ballot_tag(const struct run *run, const struct ballot *ballot)
{
    static const struct tag ANNULLED = {{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                                         255, 255, 255, 255}};
    uint8_t digest[DIGEST];
    struct tag tag;
    struct hash h;
    hash_begin(&h);
    hash_text(&h, "TALLY1-BALLOT");
    hash_add(&h, run->id, sizeof run->id);
    hash_add(&h, ballot->author.b, AUTHOR);
    hash_u32(&h, ballot->round);
    for (size_t i = 0; i < ballot->ids_count; i++)
        hash_u32(&h, ballot->ids[i]);
    hash_add(&h, ballot->votes, ballot->len);
    hash_end(&h, digest);
    memcpy(tag.b, digest, TAG);
    if (memcmp(tag.b, ANNULLED.b, TAG) == 0)
        tag.b[TAG - 1] = 0xfe;
    return tag;
}

size_t ballot_weight(const struct ballot *ballot)
{
    return sizeof *ballot + ballot->ids_count * sizeof *ballot->ids + ballot->len;
}
