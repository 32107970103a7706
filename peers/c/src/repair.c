/* What is missing, found out with somebody else (REPAIR clauses; broadcast only). */
#include "peer.h"

static void put_range(const struct machine *m, struct buf *b, uint32_t round, uint32_t count)
{
    struct tag hash = ledger_hash(&m->ledger, round, count);
    buf_u32(b, round);
    buf_u16(b, count);
    buf_put(b, hash.b, TAG);
}

static void begin_digest(struct buf *b)
{
    b->len = 0;
    buf_u8(b, DIGESTS);
    buf_u8(b, 0);
}

/* REPAIR-1. */
void repair_tick(struct machine *m, when now)
{
    if (!m->run.broadcast || now < m->gossip_at)
        return;
    m->gossip_at = later(now, m->timing.gossip_interval);
    size_t alive = 0;
    for (size_t i = 0; i < m->members_count; i++)
        alive += m->members[i].state == ALIVE;
    if (!alive || m->round == NO_ROUND)
        return;
    size_t pick = chance_below(m, alive), i = 0;
    for (;; i++)
        if (m->members[i].state == ALIVE && pick-- == 0)
            break;
    const uint32_t step = m->run.rounds_per_ballot, floor = repair_floor(m);
    uint32_t newest = m->round;
    if (m->ledger.count && m->ledger.slots[m->ledger.count - 1].round > newest)
        newest = m->ledger.slots[m->ledger.count - 1].round;
    struct buf b;
    buf_init(&b, LIMIT_FRAME);
    begin_digest(&b);
    if (newest >= 2 * (uint64_t)step && newest - 2 * step >= floor)
        put_range(m, &b, floor, (newest - 2 * step - floor) / step + 1);
    if (newest >= step && newest - step >= floor)
        put_range(m, &b, newest - step, 1);
    put_range(m, &b, newest, 1);
    say(m, &m->members[i], &b, now);
    buf_free(&b);
}

static void send_have(struct machine *m, const struct member *to, uint32_t round, when now)
{
    const struct slot *slot = ledger_round(&m->ledger, round);
    struct buf b;
    buf_init(&b, LIMIT_FRAME);
    buf_u8(&b, HAVE);
    buf_u8(&b, 0);
    buf_u32(&b, round);
    for (size_t i = 0; slot && i < slot->count; i++) {
        buf_put(&b, slot->entries[i].author.b, AUTHOR);
        buf_put(&b, slot->entries[i].tag.b, TAG);
    }
    say(m, to, &b, now);
    buf_free(&b);
}

/* The range in at most eight parts of nearly the same size. */
static void put_parts(const struct machine *m, struct buf *b, uint32_t round, uint32_t count)
{
    uint32_t parts = count < 8 ? count : 8;
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t size = count / parts + (i < count % parts);
        put_range(m, b, round, size);
        round += size * m->run.rounds_per_ballot;
    }
}

/* REPAIR-3. */
void hear_digest(struct machine *m, const struct member *from, const struct message *message,
                 when now)
{
    const uint32_t step = m->run.rounds_per_ballot;
    struct buf b;
    if (!m->run.broadcast)
        return;
    buf_init(&b, LIMIT_FRAME);
    begin_digest(&b);
    for (size_t i = 0; i < message->count; i++) {
        const uint8_t *entry = message->entries + i * DIGEST_ENTRY;
        uint32_t round = read_u32(entry), count = read_u16(entry + 4);
        uint64_t newest = round + ((uint64_t)count - 1) * step;
        if (count == 0 || round == NO_ROUND || round % step || newest >= NO_ROUND)
            continue;
        if (round < repair_floor(m) || !in_window(m, (uint32_t)newest))
            continue;
        struct tag hash = ledger_hash(&m->ledger, round, count);
        if (memcmp(hash.b, entry + 6, TAG) == 0)
            continue;
        if (count == 1) {
            send_have(m, from, round, now);
            continue;
        }
        if ((b.len - 2) / DIGEST_ENTRY + 8 > LIMIT_DIGEST) {
            say(m, from, &b, now);
            begin_digest(&b);
        }
        put_parts(m, &b, round, count);
    }
    if (b.len > 2)
        say(m, from, &b, now);
    buf_free(&b);
}

/* REPAIR-4. */
void hear_have(struct machine *m, struct member *from, const struct message *message, when now)
{
    static const uint8_t ANNULLED[TAG] = {255, 255, 255, 255, 255, 255, 255, 255,
                                          255, 255, 255, 255, 255, 255, 255, 255};
    if (!m->run.broadcast || message->round == NO_ROUND ||
        message->round % m->run.rounds_per_ballot || !in_window(m, message->round))
        return;
    struct buf wants;
    size_t asked = 0, sent = 0;
    buf_init(&wants, LIMIT_FRAME);
    for (size_t i = 0; i < message->count && asked < LIMIT_WANT; i++) {
        const uint8_t *listed = message->entries + i * HAVE_ENTRY;
        struct author author = author_at(listed);
        const struct entry *own = ledger_find(&m->ledger, message->round, &author);
        if (own && (own->second || memcmp(own->tag.b, listed + AUTHOR, TAG) == 0))
            continue;
        buf_put(&wants, author.b, AUTHOR);
        buf_u32(&wants, message->round);
        asked++;
    }
    if (asked)
        send_want(m, from, wants.data, asked, now);
    buf_free(&wants);
    const struct slot *slot = ledger_round(&m->ledger, message->round);
    for (size_t i = 0, at = 0; slot && i < slot->count && sent < LIMIT_WANT; i++) {
        const struct entry *own = &slot->entries[i];
        while (at < message->count &&
               memcmp(message->entries + at * HAVE_ENTRY, own->author.b, AUTHOR) < 0)
            at++; /* both ascend (HAVE-2) */
        const uint8_t *listed = message->entries + at * HAVE_ENTRY;
        bool there = at < message->count && memcmp(listed, own->author.b, AUTHOR) == 0;
        if (there && (memcmp(listed + AUTHOR, own->tag.b, TAG) == 0 ||
                      memcmp(listed + AUTHOR, ANNULLED, TAG) == 0))
            continue;
        send_entry(m, from, own, now);
        sent += own->second ? 2 : 1;
    }
}
