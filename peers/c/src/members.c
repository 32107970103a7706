/* Who is there (MEMBER clauses). */
#include "peer.h"

struct member *member_find(const struct machine *m, const struct author *author)
{
    for (size_t i = 0; i < m->members_count; i++)
        if (author_compare(&m->members[i].author, author) == 0)
            return &m->members[i];
    return NULL;
}

struct member *member_at(const struct machine *m, const char *endpoint)
{
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state != GONE && strcmp(m->members[i].endpoint, endpoint) == 0)
            return &m->members[i];
    return NULL;
}

size_t members_present(const struct machine *m)
{
    size_t count = 0;
    for (size_t i = 0; i < m->members_count; i++)
        count += m->members[i].state != GONE;
    return count;
}

/* MEMBER-1. Any message is an answer. */
void member_lives(struct machine *m, struct member *member, when now)
{
    member->heard = now;
    member->owes = member->ping_at = NEVER;
    if (member->state == GONE && member->bye && !member->finished)
        return;
    bool back = member->state == GONE;
    member->state = ALIVE;
    struct line *line = line_find(m, member->endpoint);
    if (!line && back)
        line_open(m, member->endpoint, now);
    else if (line && line->open) {
        line->answered = true;
        line->hello_at = NEVER;
    }
}

void member_owes(struct machine *m, struct member *member, when now)
{
    if (member->owes == NEVER)
        member->owes = now;
    member->ping_at = later(now, m->timing.patience);
}

/* MEMBER-5. */
void member_gone(struct machine *m, struct member *member)
{
    member->state = GONE;
    member->owes = member->ping_at = NEVER;
    line_close(m, member->endpoint);
}

/* MEMBER-8. */
void member_seen(struct machine *m, struct member *member, uint32_t round)
{
    (void)m;
    if (newer(round, member->seen))
        member->seen = round;
}

static void ping(struct machine *m, struct member *member, when now)
{
    struct buf b;
    uint32_t nonce = (uint32_t)chance_next(m);
    buf_init(&b, 64);
    codec_ping(&b, nonce ? nonce : 1, roster_sum(m));
    say(m, member, &b, now);
    buf_free(&b);
    member_owes(m, member, now);
    if (m->self.plain || chance_below(m, 8)) /* GREASE-2 */
        return;
    static const uint8_t KINDS[] = {0x8a, 0x9a, 0xaa, 0xba, 0xca, 0xda, 0xea, 0xfa};
    buf_init(&b, 64);
    buf_u8(&b, KINDS[chance_below(m, sizeof KINDS)]);
    buf_u8(&b, 0);
    for (size_t n = chance_below(m, 17); n; n--)
        buf_u8(&b, (unsigned)chance_below(m, 256));
    say(m, member, &b, now);
    buf_free(&b);
}

static bool quiet(const struct machine *m, const struct member *member, when now)
{
    return member->state != GONE && member->owes == NEVER &&
           now >= later(member->heard, m->timing.probe_interval);
}

/* MEMBER-2: one of the quiet, each once before any twice. */
static void ping_one(struct machine *m, when now)
{
    for (unsigned turn = 0; turn < 2; turn++) {
        size_t count = 0;
        for (size_t i = 0; i < m->members_count; i++)
            count += quiet(m, &m->members[i], now) && !m->members[i].pinged;
        if (count) {
            size_t pick = chance_below(m, count);
            for (size_t i = 0; i < m->members_count; i++) {
                struct member *member = &m->members[i];
                if (quiet(m, member, now) && !member->pinged && pick-- == 0) {
                    member->pinged = true;
                    ping(m, member, now);
                    return;
                }
            }
        }
        for (size_t i = 0; i < m->members_count; i++)
            m->members[i].pinged = false;
    }
}

/* JOIN-2: PING to somebody at once; the answer names who is lacking here. */
void who_else(struct machine *m, when now)
{
    size_t count = 0;
    for (size_t i = 0; i < m->members_count; i++)
        count += m->members[i].state == ALIVE;
    if (!count)
        return;
    size_t pick = chance_below(m, count);
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state == ALIVE && pick-- == 0) {
            ping(m, &m->members[i], now);
            return;
        }
}

void members_tick(struct machine *m, when now)
{
    for (size_t i = 0; i < m->members_count; i++) {
        struct member *member = &m->members[i];
        if (member->state == ALIVE && member->owes != NEVER &&
            now >= later(member->owes, m->timing.suspect_after)) {
            member->state = SUSPECT;
            member->suspect_since = now;
        }
        if (member->state == SUSPECT &&
            now >= later(member->suspect_since, m->timing.gone_after))
            member_gone(m, member);
        if (member->state != GONE && now >= member->ping_at)
            ping(m, member, now);
    }
    if (now >= m->ping_at) {
        ping_one(m, now);
        m->ping_at = later(now, m->timing.probe_interval);
    }
}

when members_next(const struct machine *m)
{
    when next = m->ping_at;
    for (size_t i = 0; i < m->members_count; i++) {
        const struct member *member = &m->members[i];
        if (member->state == GONE)
            continue;
        if (member->state == SUSPECT)
            next = sooner(next, later(member->suspect_since, m->timing.gone_after));
        else if (member->owes != NEVER)
            next = sooner(next, later(member->owes, m->timing.suspect_after));
        next = sooner(next, member->ping_at);
    }
    return next;
}

static uint32_t summand(const struct author *author, uint32_t start)
{
    return read_u32(author->b) ^ (start == NO_ROUND ? 0 : (start + 1) * 2654435761U);
}

/* MEMBER-7. */
uint32_t roster_sum(const struct machine *m)
{
    uint32_t sum = summand(&m->author, m->start);
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state != GONE)
            sum ^= summand(&m->members[i].author, m->members[i].start);
    return sum;
}

/* MEMBER-6. `authors` has room for all members and the peer itself. */
size_t roster_of(const struct machine *m, uint32_t round, struct author *authors)
{
    size_t count = 0;
    authors[count++] = m->author;
    for (size_t i = 0; i < m->members_count; i++) {
        const struct member *member = &m->members[i];
        if (member->start == NO_ROUND || member->start > round)
            continue;
        uint32_t last = member->bye ? member->last : member->seen;
        bool there = member->bye || member->state == GONE ? last != NO_ROUND && last >= round : true;
        if (there)
            authors[count++] = member->author;
    }
    return count;
}

void compare_rosters(struct machine *m, struct member *member, uint32_t theirs, when now)
{
    if (theirs == roster_sum(m) || now < later(member->synced, m->timing.patience) ||
        member->state == GONE)
        return;
    member->synced = now;
    struct line *line = line_find(m, member->endpoint);
    if (line && line->open)
        say_hello(m, line, now);
    else
        line_open(m, member->endpoint, now);
    say_peers(m, member, now);
}
