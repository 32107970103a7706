#include "digraph.h"

#include "hash.h"

struct place {
    uint8_t digest[DIGEST];
    struct author author;
};

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = memcmp(x->digest, y->digest, DIGEST);
    return order ? order : author_compare(&x->author, &y->author);
}

void digraph_ring(const uint8_t run_id[8], uint32_t round, struct author *authors, size_t count)
{
    struct place *places = need(count, sizeof *places);
    for (size_t i = 0; i < count; i++) {
        struct hash h;
        hash_begin(&h);
        hash_text(&h, "TALLY1-DIGRAPH");
        hash_add(&h, run_id, 8);
        hash_u32(&h, round);
        hash_add(&h, authors[i].b, AUTHOR);
        hash_end(&h, places[i].digest);
        places[i].author = authors[i];
    }
    if (count)
        qsort(places, count, sizeof *places, by_place);
    for (size_t i = 0; i < count; i++)
        authors[i] = places[i].author;
    free(places);
}

size_t digraph_degree(uint64_t degree, size_t count)
{
    if (count == 0)
        return 0;
    return degree < count - 1 ? (size_t)degree : count - 1;
}

const struct author *digraph_neighbour(const struct author *ring, size_t count, size_t index,
                                       size_t step, bool back)
{
    return &ring[(back ? index + count - step : index + step) % count];
}
