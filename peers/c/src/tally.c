#include "tally.h"

#include "bits.h"
#include "hash.h"

struct taking {
    const struct run *run;
    uint32_t round;
    const struct ballot *const *ballots;
    size_t count;
    uint32_t *labels; /* of the probe at hand, one per ballot that names it */
    size_t labels_count;
    struct cell *cells;
    struct hash hash;
    void (*each)(void *context, const struct elected *elected);
    void *context;
};

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* How far a class is from where TIE-1's order starts. */
static uint32_t distance(const struct taking *t, uint32_t id, uint32_t class)
{
    uint32_t start = (uint32_t)(((uint64_t)id + t->round) % t->run->classes);
    return class >= start ? class - start : class + t->run->classes - start;
}

static void probe(struct taking *t, uint32_t id)
{
    struct elected e = {.id = id, .plurality = -1, .cells = t->cells};
    uint32_t best = 0, next = 0;
    if (t->labels_count)
        qsort(t->labels, t->labels_count, sizeof *t->labels, by_number);
    for (size_t i = 0; i < t->labels_count;) {
        uint32_t class = t->labels[i], count = 0;
        for (; i < t->labels_count && t->labels[i] == class; i++)
            count++;
        if (class >= t->run->classes)
            continue; /* "no vote" */
        t->cells[e.cells_count++] = (struct cell){class, count};
        e.voters += count;
        hash_u32(&t->hash, id);
        hash_u32(&t->hash, class);
        hash_u32(&t->hash, count);
        bool ahead = count > best || (count == best && distance(t, id, class) <
                                                           distance(t, id, (uint32_t)e.plurality));
        if (count > best) {
            next = best;
            best = count;
        } else if (count > next) {
            next = count;
        }
        if (ahead)
            e.plurality = class;
    }
    e.margin = best - next;
    if (t->each)
        t->each(t->context, &e);
}

struct placed {
    uint32_t id;
    uint32_t index;
};

static int by_id(const void *a, const void *b)
{
    return by_number(&((const struct placed *)a)->id, &((const struct placed *)b)->id);
}

static void derived(struct taking *t, const uint32_t *ids, size_t count)
{
    struct placed *order = need(count, sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct placed){ids[i], (uint32_t)i};
    if (count)
        qsort(order, count, sizeof *order, by_id);
    for (size_t i = 0; i < count; i++) {
        t->labels_count = 0;
        for (size_t j = 0; j < t->count; j++)
            if (bits_bytes(order[i].index + 1, t->run->bits) <= t->ballots[j]->len)
                t->labels[t->labels_count++] =
                    bits_get(t->ballots[j]->votes, order[i].index, t->run->bits);
        probe(t, order[i].id);
    }
    free(order);
}

/* All ballots at once, each with a finger on its next id. */
static void explicit(struct taking *t)
{
    size_t *next = need(t->count, sizeof *next);
    for (;;) {
        bool any = false;
        uint32_t least = 0;
        for (size_t j = 0; j < t->count; j++) {
            const struct ballot *b = t->ballots[j];
            if (next[j] < b->ids_count && (!any || b->ids[next[j]] < least)) {
                least = b->ids[next[j]];
                any = true;
            }
        }
        if (!any)
            break;
        t->labels_count = 0;
        for (size_t j = 0; j < t->count; j++) {
            const struct ballot *b = t->ballots[j];
            if (next[j] < b->ids_count && b->ids[next[j]] == least) {
                if (bits_bytes(next[j] + 1, t->run->bits) <= b->len)
                    t->labels[t->labels_count++] = bits_get(b->votes, next[j], t->run->bits);
                next[j]++;
            }
        }
        probe(t, least);
    }
    free(next);
}

void tally_take(const struct run *run, uint32_t round, const uint32_t *ids, size_t ids_count,
                const struct ballot *const *ballots, size_t count,
                void (*each)(void *context, const struct elected *elected), void *context,
                uint8_t digest[DIGEST])
{
    struct taking t = {.run = run,
                       .round = round,
                       .ballots = ballots,
                       .count = count,
                       .labels = need(count, sizeof *t.labels),
                       .cells = need(count, sizeof *t.cells),
                       .each = each,
                       .context = context};
    hash_begin(&t.hash);
    hash_text(&t.hash, "TALLY1-TALLY");
    hash_add(&t.hash, run->id, sizeof run->id);
    hash_u32(&t.hash, round);
    if (ids)
        derived(&t, ids, ids_count);
    else
        explicit(&t);
    hash_end(&t.hash, digest);
    free(t.labels);
    free(t.cells);
}
