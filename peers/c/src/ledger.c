#include "ledger.h"

#include "hash.h"

/* Beyond the text's bounds on authors and rounds: bytes of ballots in all, so that no swarm fills the memory. */
static const size_t WEIGHT = (size_t)512 << 20;

void ledger_init(struct ledger *ledger, const struct run *run)
{
    *ledger = (struct ledger){.run = run};
}

static void slot_clear(struct ledger *ledger, struct slot *slot)
{
    for (size_t i = 0; i < slot->count; i++) {
        struct entry *entry = &slot->entries[i];
        ledger->weight -= ballot_weight(entry->first);
        if (entry->second)
            ledger->weight -= ballot_weight(entry->second);
        ballot_free(entry->first);
        ballot_free(entry->second);
    }
    free(slot->entries);
}

void ledger_free(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++)
        slot_clear(ledger, &ledger->slots[i]);
    free(ledger->slots);
    ledger_init(ledger, ledger->run);
}

/* The first slot that is not before the round. */
static size_t slot_place(const struct ledger *ledger, uint32_t round)
{
    size_t low = 0, high = ledger->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ledger->slots[middle].round < round)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t entry_place(const struct slot *slot, const struct author *author)
{
    size_t low = 0, high = slot->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (author_compare(&slot->entries[middle].author, author) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct slot *ledger_round(const struct ledger *ledger, uint32_t round)
{
    size_t at = slot_place(ledger, round);
    return at < ledger->count && ledger->slots[at].round == round ? &ledger->slots[at] : NULL;
}

static struct entry *entry_in(const struct slot *slot, const struct author *author)
{
    size_t at = entry_place(slot, author);
    bool here = at < slot->count && author_compare(&slot->entries[at].author, author) == 0;
    return here ? &slot->entries[at] : NULL;
}

const struct entry *ledger_find(const struct ledger *ledger, uint32_t round,
                                const struct author *author)
{
    const struct slot *slot = ledger_round(ledger, round);
    return slot ? entry_in(slot, author) : NULL;
}

static struct slot *slot_for(struct ledger *ledger, uint32_t round)
{
    size_t at = slot_place(ledger, round);
    if (at < ledger->count && ledger->slots[at].round == round)
        return &ledger->slots[at];
    if (ledger->count == ledger->room) {
        ledger->room = ledger->room ? ledger->room * 2 : 8;
        ledger->slots = need_more(ledger->slots, ledger->room, sizeof *ledger->slots);
    }
    memmove(&ledger->slots[at + 1], &ledger->slots[at],
            (ledger->count - at) * sizeof *ledger->slots);
    ledger->count++;
    ledger->slots[at] = (struct slot){.round = round};
    return &ledger->slots[at];
}

static void entry_insert(struct slot *slot, struct entry entry)
{
    size_t at = entry_place(slot, &entry.author);
    if (slot->count == slot->room) {
        slot->room = slot->room ? slot->room * 2 : 4;
        slot->entries = need_more(slot->entries, slot->room, sizeof *slot->entries);
    }
    memmove(&slot->entries[at + 1], &slot->entries[at],
            (slot->count - at) * sizeof *slot->entries);
    slot->count++;
    slot->entries[at] = entry;
}

enum outcome ledger_add(struct ledger *ledger, const struct ballot *ballot)
{
    const struct slot *there = ledger_round(ledger, ballot->round);
    struct entry *entry = there ? entry_in(there, &ballot->author) : NULL;
    if (entry && entry->second)
        return LEDGER_ANNULLED;
    if (entry && ballot_same(entry->first, ballot))
        return LEDGER_KNOWN;
    /* The proof against an author is never dropped for want of room: its entry is there already. */
    bool fits = ballot_weight(ballot) <= WEIGHT - (ledger->weight < WEIGHT ? ledger->weight : WEIGHT);
    if (!entry && (!fits || (there && there->count >= LIMIT_MEMBERS)))
        return LEDGER_DROPPED;
    ledger->weight += ballot_weight(ballot);
    if (entry) {
        entry->second = ballot_copy(ballot);
        memset(entry->tag.b, 0xff, TAG);
        return LEDGER_ANNULLED;
    }
    entry_insert(slot_for(ledger, ballot->round),
                 (struct entry){.author = ballot->author,
                                .tag = ballot_tag(ledger->run, ballot),
                                .first = ballot_copy(ballot)});
    return LEDGER_NEW;
}

struct tag ledger_hash(const struct ledger *ledger, uint32_t round, uint32_t count)
{
    const uint32_t step = ledger->run->rounds_per_ballot;
    const uint64_t end = (uint64_t)round + (uint64_t)count * step;
    uint8_t digest[DIGEST];
    struct tag tag;
    struct hash h;
    hash_begin(&h);
    for (size_t i = slot_place(ledger, round); i < ledger->count; i++) {
        const struct slot *slot = &ledger->slots[i];
        if (slot->round >= end)
            break;
        if ((slot->round - round) % step)
            continue;
        for (size_t j = 0; j < slot->count; j++) {
            hash_u32(&h, slot->round);
            hash_add(&h, slot->entries[j].author.b, AUTHOR);
            hash_add(&h, slot->entries[j].tag.b, TAG);
        }
    }
    hash_end(&h, digest);
    memcpy(tag.b, digest, TAG);
    return tag;
}

void ledger_forget(struct ledger *ledger, uint32_t before)
{
    size_t old = slot_place(ledger, before);
    if (!old)
        return;
    for (size_t i = 0; i < old; i++)
        slot_clear(ledger, &ledger->slots[i]);
    ledger->count -= old;
    memmove(ledger->slots, ledger->slots + old, ledger->count * sizeof *ledger->slots);
}
