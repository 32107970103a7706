/* Vectors of chapter 5: probes, digraph, ledger, tally. */
#include "conform.h"
#include "digraph.h"
#include "ledger.h"
#include "probes.h"
#include "tally.h"

#include <stdio.h>

static cJSON *numbers_json(const uint32_t *numbers, size_t count)
{
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateNumber(numbers[i]));
    return array;
}

static cJSON *author_json(const struct author *author)
{
    return json_hex(author->b, AUTHOR);
}

cJSON *answer_probes(const cJSON *input, const char **why)
{
    uint8_t run_id[8];
    uint64_t round, pool, count;
    (void)why;
    if (!json_fixed(json_get(input, "run_id"), run_id, 8) ||
        !json_number(json_get(input, "round"), NO_ROUND - 1, &round) ||
        !json_number(json_get(input, "pool"), UINT32_MAX, &pool) ||
        !json_number(json_get(input, "count"), LIMIT_PROBES, &count) || count > pool)
        return NULL;
    uint32_t *ids = need((size_t)count, sizeof *ids);
    probes_draw(run_id, (uint32_t)round, pool, (uint32_t)count, ids);
    cJSON *result = cJSON_CreateObject();
    cJSON_AddItemToObject(result, "ids", numbers_json(ids, (size_t)count));
    free(ids);
    return result;
}

static cJSON *neighbours(const struct author *ring, size_t count, uint64_t degree, bool back)
{
    cJSON *all = cJSON_CreateObject();
    for (size_t i = 0; i < count; i++) {
        cJSON *list = cJSON_CreateArray();
        for (size_t step = 1; step <= digraph_degree(degree, count); step++)
            cJSON_AddItemToArray(list,
                                 author_json(digraph_neighbour(ring, count, i, step, back)));
        cJSON *name = author_json(&ring[i]);
        cJSON_AddItemToObject(all, name->valuestring, list);
        cJSON_Delete(name);
    }
    return all;
}

cJSON *answer_digraph(const cJSON *input, const char **why)
{
    uint8_t run_id[8];
    uint64_t round, degree;
    const cJSON *members = json_get(input, "members"), *item;
    (void)why;
    if (!json_fixed(json_get(input, "run_id"), run_id, 8) ||
        !json_number(json_get(input, "round"), NO_ROUND - 1, &round) ||
        !json_number(json_get(input, "degree"), UINT64_MAX, &degree))
        return NULL;
    size_t count = (size_t)cJSON_GetArraySize(members), at = 0;
    struct author *ring = need(count, sizeof *ring);
    cJSON_ArrayForEach(item, members) {
        if (!json_fixed(item, ring[at++].b, AUTHOR)) {
            free(ring);
            return NULL;
        }
    }
    digraph_ring(run_id, (uint32_t)round, ring, count);
    cJSON *result = cJSON_CreateObject();
    cJSON *order = cJSON_AddArrayToObject(result, "ring");
    for (size_t i = 0; i < count; i++)
        cJSON_AddItemToArray(order, author_json(&ring[i]));
    cJSON_AddItemToObject(result, "receivers", neighbours(ring, count, degree, false));
    cJSON_AddItemToObject(result, "senders", neighbours(ring, count, degree, true));
    free(ring);
    return result;
}

static cJSON *pair(const struct author *author, cJSON *second)
{
    cJSON *array = cJSON_CreateArray();
    cJSON_AddItemToArray(array, author_json(author));
    cJSON_AddItemToArray(array, second);
    return array;
}

/* Everything that a ledger holds: ballots and listings of each round, hashes of each round and of all. */
static void ledger_json(const struct ledger *ledger, cJSON *result)
{
    cJSON *ballots = cJSON_AddObjectToObject(result, "ballots");
    cJSON *listings = cJSON_AddObjectToObject(result, "listings");
    for (size_t i = 0; i < ledger->count; i++) {
        const struct slot *slot = &ledger->slots[i];
        cJSON *count = cJSON_CreateArray(), *listing = cJSON_CreateArray();
        char name[16];
        snprintf(name, sizeof name, "%lu", (unsigned long)slot->round);
        for (size_t j = 0; j < slot->count; j++) {
            const struct entry *e = &slot->entries[j];
            cJSON_AddItemToArray(listing, pair(&e->author, json_hex(e->tag.b, TAG)));
            if (!e->second)
                cJSON_AddItemToArray(count,
                                     pair(&e->author, json_hex(e->first->votes, e->first->len)));
        }
        cJSON_AddItemToObject(ballots, name, count);
        cJSON_AddItemToObject(listings, name, listing);
    }
}

static cJSON *range_json(const struct ledger *ledger, uint32_t round, uint32_t count)
{
    struct tag hash = ledger_hash(ledger, round, count);
    cJSON *range = cJSON_CreateArray();
    cJSON_AddItemToArray(range, cJSON_CreateNumber(round));
    cJSON_AddItemToArray(range, cJSON_CreateNumber(count));
    cJSON_AddItemToArray(range, json_hex(hash.b, TAG));
    return range;
}

/* The hashes of the ranges [round, count] that are asked for. */
static cJSON *ranges_json(const struct ledger *ledger, const cJSON *asked)
{
    cJSON *ranges = cJSON_CreateArray();
    const cJSON *item;
    cJSON_ArrayForEach(item, asked) {
        uint64_t round, count;
        if (json_number(cJSON_GetArrayItem(item, 0), NO_ROUND, &round) &&
            json_number(cJSON_GetArrayItem(item, 1), UINT16_MAX, &count))
            cJSON_AddItemToArray(ranges, range_json(ledger, (uint32_t)round, (uint32_t)count));
    }
    return ranges;
}

cJSON *answer_ledger(const cJSON *input, const char **why)
{
    static const char *OUTCOMES[] = {"new", "known", "annulled", "full"};
    struct run run;
    struct ledger ledger;
    const cJSON *item, *one = json_get(input, "ballot");
    const char *wrong = json_run(json_get(input, "run"), &run);
    cJSON *result = cJSON_CreateObject();
    if (wrong)
        *why = wrong;
    struct ballot *ballot = one && !wrong ? json_ballot(one, 0) : NULL;
    if (wrong || (one && !ballot)) {
        cJSON_Delete(result);
        return NULL;
    }
    if (ballot) {
        struct tag tag = ballot_tag(&run, ballot);
        cJSON_AddItemToObject(result, "tag", json_hex(tag.b, TAG));
        ballot_free(ballot);
        return result;
    }
    ledger_init(&ledger, &run);
    cJSON *outcomes = cJSON_AddArrayToObject(result, "outcomes");
    cJSON_ArrayForEach(item, json_get(input, "add")) {
        ballot = json_ballot(item, 0);
        if (!ballot)
            continue;
        enum outcome outcome = ledger_add(&ledger, ballot);
        cJSON_AddItemToArray(outcomes, cJSON_CreateString(OUTCOMES[outcome]));
        ballot_free(ballot);
    }
    ledger_json(&ledger, result);
    cJSON_AddItemToObject(result, "ranges", ranges_json(&ledger, json_get(input, "ranges")));
    ledger_free(&ledger);
    return result;
}

/* Results of one tally, by place in the order of `ids`. */
struct collected {
    cJSON *cells;
    struct elected *all;
    size_t count, room;
};

static void collect(void *context, const struct elected *e)
{
    struct collected *c = context;
    if (c->count == c->room) {
        c->room = c->room ? 2 * c->room : 64;
        c->all = need_more(c->all, c->room, sizeof *c->all);
    }
    c->all[c->count++] = *e;
    for (size_t i = 0; i < e->cells_count; i++) {
        cJSON *cell = cJSON_CreateArray();
        cJSON_AddItemToArray(cell, cJSON_CreateNumber(e->id));
        cJSON_AddItemToArray(cell, cJSON_CreateNumber(e->cells[i].class));
        cJSON_AddItemToArray(cell, cJSON_CreateNumber(e->cells[i].count));
        cJSON_AddItemToArray(c->cells, cell);
    }
}

static const struct elected *elected_on(const struct collected *c, uint32_t id)
{
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->all[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < c->count && c->all[low].id == id ? &c->all[low] : NULL;
}

/* The ids to count on: given, derived, or NULL for those in the ballots. */
static uint32_t *ids_of(const cJSON *input, const struct run *run, uint32_t round, size_t *count)
{
    const cJSON *given = json_get(input, "ids"), *item;
    uint32_t *ids;
    *count = run->votes;
    if (given) {
        *count = 0;
        ids = need((size_t)cJSON_GetArraySize(given), sizeof *ids);
        cJSON_ArrayForEach(item, given) {
            uint64_t id = 0;
            json_number(item, UINT32_MAX, &id);
            ids[(*count)++] = (uint32_t)id;
        }
        return ids;
    }
    if (run->explicit_ids)
        return NULL;
    ids = need(run->votes, sizeof *ids);
    probes_draw(run->id, round, run->pool, run->votes, ids);
    return ids;
}

cJSON *answer_tally(const cJSON *input, const char **why)
{
    struct run run;
    uint64_t round;
    uint8_t digest[DIGEST];
    const cJSON *item, *list = json_get(input, "ballots");
    const char *wrong = json_run(json_get(input, "run"), &run);
    if (wrong)
        *why = wrong;
    if (wrong || !json_number(json_get(input, "round"), NO_ROUND - 1, &round))
        return NULL;
    struct ballot **ballots = need((size_t)cJSON_GetArraySize(list), sizeof *ballots);
    size_t count = 0, ids_count;
    cJSON_ArrayForEach(item, list)
        if ((ballots[count] = json_ballot(item, (uint32_t)round)))
            count++;
    uint32_t *ids = ids_of(input, &run, (uint32_t)round, &ids_count);
    cJSON *result = cJSON_CreateObject();
    struct collected c = {.cells = cJSON_AddArrayToObject(result, "cells")};
    tally_take(&run, (uint32_t)round, ids, ids_count, (const struct ballot *const *)ballots, count,
               collect, &c, digest);
    cJSON *order = cJSON_AddArrayToObject(result, "ids");
    cJSON *voters = cJSON_AddArrayToObject(result, "voters");
    cJSON *plurality = cJSON_AddArrayToObject(result, "plurality");
    cJSON *margin = cJSON_AddArrayToObject(result, "margin");
    for (size_t i = 0; i < (ids ? ids_count : c.count); i++) {
        const struct elected *e = ids ? elected_on(&c, ids[i]) : &c.all[i];
        if (!e)
            continue;
        cJSON_AddItemToArray(order, cJSON_CreateNumber(e->id));
        cJSON_AddItemToArray(voters, cJSON_CreateNumber(e->voters));
        cJSON_AddItemToArray(plurality, cJSON_CreateNumber((double)e->plurality));
        cJSON_AddItemToArray(margin, cJSON_CreateNumber(e->margin));
    }
    cJSON_AddItemToObject(result, "digest", json_hex(digest, DIGEST));
    for (size_t i = 0; i < count; i++)
        ballot_free(ballots[i]);
    free(ballots);
    free(ids);
    free(c.all);
    return result;
}
