/* VOTE, WANT and PONG: ballots cast, sent, asked for and heard (ROUND-1, ROUND-5 to ROUND-7). */
#include "peer.h"

#include "bits.h"
#include "probes.h"

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/*
 * Casts the own ballot of a round, unless the ledger has one from an earlier life of this author: two different
 * ones would annul each other (ROUND-1).
 */
const struct ballot *own_ballot(struct machine *m, uint32_t round)
{
    const struct entry *entry = ledger_find(&m->ledger, round, &m->author);
    if (entry)
        return entry->first;
    const struct run *run = &m->run;
    uint32_t *ids = need(run->votes, sizeof *ids);
    if (run->explicit_ids) {
        for (uint32_t i = 0; i < run->votes; i++)
            ids[i] = (uint32_t)(((uint64_t)round + i) % run->pool);
        qsort(ids, run->votes, sizeof *ids, ascending);
    } else {
        probes_draw(run->id, round, run->pool, run->votes, ids);
    }
    struct ballot ballot = {.author = m->author, .round = round,
                            .len = bits_bytes(run->votes, run->bits)};
    ballot.votes = need(ballot.len, 1);
    memcpy(ballot.identity, m->self.identity, IDENTITY);
    for (uint32_t i = 0; i < run->votes; i++) {
        uint32_t label = m->sink.label(m->sink.context, ids[i]);
        bits_put(ballot.votes, i, run->bits, label > run->highest ? run->highest : label);
    }
    if (run->explicit_ids) {
        ballot.ids = ids;
        ballot.ids_count = run->votes;
    }
    if (run->sealed)
        codec_seal(run, &ballot, m->self.secret);
    ledger_add(&m->ledger, &ballot);
    free(ballot.votes);
    free(ids);
    entry = ledger_find(&m->ledger, round, &m->author);
    return entry ? entry->first : NULL;
}

static void send_ballot(struct machine *m, const struct member *to, const struct ballot *ballot,
                        when now)
{
    struct buf b;
    buf_init(&b, LIMIT_FRAME);
    codec_vote(&b, &m->run, ballot, author_compare(&ballot->author, &m->author) != 0);
    say(m, to, &b, now);
    buf_free(&b);
}

void send_entry(struct machine *m, const struct member *to, const struct entry *entry, when now)
{
    if (!entry)
        return;
    send_ballot(m, to, entry->first, now);
    if (entry->second)
        send_ballot(m, to, entry->second, now);
}

void send_want(struct machine *m, struct member *to, const uint8_t *entries, size_t count, when now)
{
    struct buf b;
    buf_init(&b, LIMIT_FRAME);
    buf_u8(&b, WANT);
    buf_u8(&b, 0);
    buf_put(&b, entries, count * WANT_ENTRY);
    say(m, to, &b, now);
    buf_free(&b);
    member_owes(m, to, now);
}

/* REPAIR-2: what is older is not kept. */
uint32_t kept_from(const struct machine *m)
{
    uint32_t floor = repair_floor(m);
    uint64_t quarter = m->timing.retain / 4 ? m->timing.retain / 4 : 1;
    uint64_t step = quarter * m->run.rounds_per_ballot;
    return floor > step ? (uint32_t)(floor - step) : 0;
}

/* ROUND-7. */
static uint32_t present(const struct machine *m)
{
    if (m->round != NO_ROUND)
        return m->round;
    if (m->start != NO_ROUND)
        return m->start;
    return m->told != NO_ROUND ? m->told - m->told % m->run.rounds_per_ballot : 0;
}

bool in_window(const struct machine *m, uint32_t round)
{
    uint64_t ahead = (uint64_t)m->timing.ahead * m->run.rounds_per_ballot;
    return round >= kept_from(m) && round <= present(m) + ahead;
}

uint32_t repair_floor(const struct machine *m)
{
    uint64_t i = present(m) / m->run.rounds_per_ballot, retain = m->timing.retain;
    uint64_t q = retain / 4 ? retain / 4 : 1;
    uint64_t floor = i > retain ? (i - retain) / q * q * m->run.rounds_per_ballot : 0;
    return (uint32_t)floor;
}

enum reason hear_vote(struct machine *m, struct member *from, const struct message *message)
{
    const struct ballot *ballot = &message->ballot;
    if (!message->relayed) /* MEMBER-8 */
        member_seen(m, from, ballot->round);
    if (!in_window(m, ballot->round))
        return R_ROUND;
    const struct entry *held = ledger_find(&m->ledger, ballot->round, &ballot->author);
    const struct slot *slot = ledger_round(&m->ledger, ballot->round);
    if (!held && slot && slot->count >= LIMIT_MEMBERS - 1 &&
        author_compare(&ballot->author, &m->author) != 0 &&
        !ledger_find(&m->ledger, ballot->round, &m->author))
        return ACCEPTED; /* dropped: the last place is for the own one, and nobody is blamed (LEDGER-7) */
    return ledger_add(&m->ledger, ballot) == LEDGER_ANNULLED ? R_EQUIVOCATION : ACCEPTED;
}

/* PING-2: the answer to WANT also tells a first round that is still to come. */
void say_pong(struct machine *m, const struct member *to, uint32_t nonce, when now)
{
    struct buf b;
    uint32_t round = nonce || m->round != NO_ROUND ? m->round : m->start;
    buf_init(&b, 64);
    codec_pong(&b, nonce, roster_sum(m), round);
    say(m, to, &b, now);
    buf_free(&b);
}

/* ROUND-5. */
void hear_want(struct machine *m, struct member *from, const struct message *message, when now)
{
    bool lacking = false;
    for (size_t i = 0; i < message->count; i++) {
        struct author author = author_at(message->entries + i * WANT_ENTRY);
        uint32_t round = read_u32(message->entries + i * WANT_ENTRY + AUTHOR);
        const struct entry *entry = ledger_find(&m->ledger, round, &author);
        bool own = author_compare(&author, &m->author) == 0;
        if (entry)
            send_entry(m, from, entry, now);
        if (entry || !own)
            continue;
        lacking = true;
        if (round == NO_ROUND || round % m->run.rounds_per_ballot)
            continue;
        member_seen(m, from, round); /* MEMBER-8 */
        if (in_window(m, round) && (m->round == NO_ROUND || round > m->round))
            from->asked = round;
    }
    if (lacking)
        say_pong(m, from, 0, now);
}

void hear_pong(struct machine *m, struct member *from, const struct message *message)
{
    if (message->nonce) {
        member_seen(m, from, message->round);
        return;
    }
    for (size_t i = 0; i < m->awaited_count; i++) { /* ROUND-6 */
        struct awaited *a = &m->awaited[i];
        for (size_t j = 0; j < a->count; j++)
            if (author_compare(&a->list[j].author, &from->author) == 0 &&
                (message->round == NO_ROUND || message->round > a->round))
                a->list[j].excused = true;
    }
}
