/* When a round opens, closes, and is the last (ROUND clauses). */
#include "peer.h"

#include "digraph.h"
#include "probes.h"
#include "tally.h"

static void awaited_drop(struct machine *m, size_t index)
{
    free(m->awaited[index].list);
    m->awaited_count--;
    memmove(&m->awaited[index], &m->awaited[index + 1],
            (m->awaited_count - index) * sizeof *m->awaited);
}

/* Only a bounded peer looks back at rounds that are closed, and no further than it keeps ballots. */
static void awaited_trim(struct machine *m)
{
    while (m->awaited_count &&
           (m->timing.pace != BOUNDED || m->awaited_count > m->timing.retain ||
            m->awaited[0].round < kept_from(m)))
        awaited_drop(m, 0);
    for (size_t i = m->awaited_count; i-- > 0;) {
        const struct awaited *a = &m->awaited[i];
        size_t heard = 0;
        while (heard < a->count && ledger_find(&m->ledger, a->round, &a->list[heard].author))
            heard++;
        if (heard == a->count)
            awaited_drop(m, i);
    }
}

static void expect(struct machine *m, struct awaited *a, const struct author *author, when now)
{
    a->list[a->count++] = (struct expected){.author = *author,
                                            .want_at = later(now, m->timing.patience),
                                            .want_gap = m->timing.patience,
                                            .wanted = now};
}

static void deliver(struct machine *m, const struct author *author, const struct entry *own,
                    when now)
{
    struct member *member = member_find(m, author);
    if (!member)
        return;
    send_entry(m, member, own, now);
    member->asked = NO_ROUND;
}

/* ROUND-2: the receivers get the ballot, the expected are noted. */
static void spread(struct machine *m, const struct entry *own, struct awaited *a, when now)
{
    struct author *ring = need(m->members_count + 1, sizeof *ring);
    size_t count = roster_of(m, m->round, ring), me = 0;
    a->list = need(count, sizeof *a->list);
    if (!m->run.broadcast)
        digraph_ring(m->run.id, m->round, ring, count);
    while (author_compare(&ring[me], &m->author) != 0)
        me++;
    size_t degree = digraph_degree(m->run.broadcast ? count : m->run.degree, count);
    for (size_t step = 1; step <= degree; step++) {
        deliver(m, digraph_neighbour(ring, count, me, step, false), own, now);
        expect(m, a, digraph_neighbour(ring, count, me, step, true), now);
    }
    free(ring);
    for (size_t i = 0; i < m->members_count; i++) { /* ROUND-5 */
        struct member *member = &m->members[i];
        if (member->asked == m->round && member->state != GONE)
            send_entry(m, member, own, now);
        if (member->asked != NO_ROUND && member->asked <= m->round)
            member->asked = NO_ROUND;
    }
}

void round_open(struct machine *m, uint32_t round, when now)
{
    m->phase = OPEN;
    m->round = round;
    ledger_forget(&m->ledger, kept_from(m));
    awaited_trim(m);
    own_ballot(m, round);
    const struct entry *own = ledger_find(&m->ledger, round, &m->author);
    m->last = round;
    m->close_at = later(now, m->timing.deadline);
    struct awaited *a = &m->awaited[m->awaited_count++];
    *a = (struct awaited){.round = round, .until = m->close_at};
    spread(m, own, a, now);
}

/* Whether this author's ballot of the round need not be waited for (any longer). */
static bool settled(const struct machine *m, uint32_t round, const struct expected *e)
{
    if (e->excused || ledger_find(&m->ledger, round, &e->author))
        return true;
    const struct member *member = member_find(m, &e->author);
    return !member || member->state != ALIVE ||
           (member->start != NO_ROUND && member->start > round) ||
           (member->bye && (member->last == NO_ROUND || member->last < round));
}

/* ROUND-3. */
static bool may_close(const struct machine *m)
{
    if (m->timing.pace == FREE)
        return true;
    uint64_t slack = m->timing.pace == LOCKSTEP ? 0 : m->timing.staleness;
    for (size_t i = 0; i < m->awaited_count; i++) {
        const struct awaited *a = &m->awaited[i];
        if (a->round + slack * m->run.rounds_per_ballot > m->round)
            continue;
        for (size_t j = 0; j < a->count; j++)
            if (!settled(m, a->round, &a->list[j]))
                return false;
    }
    return true;
}

static void take_tally(struct machine *m)
{
    const struct slot *slot = ledger_round(&m->ledger, m->round);
    size_t count = 0;
    const struct ballot **ballots = need(slot ? slot->count : 0, sizeof *ballots);
    for (size_t i = 0; slot && i < slot->count; i++)
        if (!slot->entries[i].second)
            ballots[count++] = slot->entries[i].first;
    uint32_t *ids = NULL;
    if (!m->run.explicit_ids) {
        ids = need(m->run.votes, sizeof *ids);
        probes_draw(m->run.id, m->round, m->run.pool, m->run.votes, ids);
    }
    uint8_t digest[DIGEST];
    tally_take(&m->run, m->round, ids, m->run.votes, ballots, count, NULL, NULL, digest);
    m->sink.tally(m->sink.context, m->round, count, digest);
    free(ids);
    free(ballots);
}

static int by_round(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* ROUND-8: the round to open instead of `next`. */
static uint64_t leap(const struct machine *m, uint64_t next)
{
    uint32_t *seen = need(m->members_count, sizeof *seen);
    size_t n = 0;
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state == ALIVE && m->members[i].seen != NO_ROUND)
            seen[n++] = m->members[i].seen;
    if (n && m->timing.pace != FREE) {
        qsort(seen, n, sizeof *seen, by_round);
        uint64_t median = seen[(n - 1) / 2], slack = 3, step = m->run.rounds_per_ballot;
        for (size_t i = n; i > 1; i /= 2)
            slack++;
        if (m->timing.pace == BOUNDED)
            slack += m->timing.staleness;
        /* What others claim must not end a run: never past the last round, nor far at once. */
        if (median > next + slack * step && median < m->timing.rounds) {
            uint64_t most = next + (uint64_t)m->timing.ahead * step;
            next = median - median % step < most ? median - median % step : most;
        }
    }
    free(seen);
    return next;
}

/* ROUND-9. */
static void stay(struct machine *m, when now)
{
    m->phase = STAYING;
    m->close_at = later(now, m->timing.deadline);
    for (size_t i = 0; i < m->members_count; i++)
        say_bye(m, &m->members[i], BYE_FINISHED, now);
}

/* What a closing round has waited for, it and the next wait for no longer. */
static void let_go(struct machine *m)
{
    uint64_t slack = m->timing.pace == BOUNDED ? m->timing.staleness : 0;
    for (size_t i = m->awaited_count; i-- > 0;)
        if (m->awaited[i].round + slack * m->run.rounds_per_ballot <= m->round)
            awaited_drop(m, i);
}

static void close_round(struct machine *m, when now)
{
    let_go(m);
    take_tally(m);
    m->rounds += m->run.rounds_per_ballot;
    uint64_t next = leap(m, (uint64_t)m->round + m->run.rounds_per_ballot);
    if (next >= m->timing.rounds)
        stay(m, now);
    else
        round_open(m, (uint32_t)next, now);
    m->again = true;
    m->again_at = now;
}

/* ROUND-10. */
void give_up(struct machine *m, bool completed, when now)
{
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state != GONE)
            say_bye(m, &m->members[i], BYE_LEAVES, now);
    m->phase = DONE;
    while (m->awaited_count)
        awaited_drop(m, m->awaited_count - 1);
    while (m->lines_count)
        line_close(m, m->lines[0].endpoint);
    m->sink.finished(m->sink.context, completed, m->rounds);
}

/* ROUND-4: every `patience` while the author is silent, at distances that double while it answers. */
static void ask(struct machine *m, struct awaited *a, struct expected *e, when now)
{
    struct member *member = member_find(m, &e->author);
    uint8_t entry[WANT_ENTRY];
    if (e->asked && !e->put_off && member->heard >= e->wanted) {
        e->put_off = true;
        e->want_gap = sooner(later(e->want_gap, e->want_gap), m->timing.deadline);
        e->want_at = later(e->wanted, e->want_gap);
        if (e->want_at > now)
            return;
    }
    if (!e->put_off)
        e->want_gap = m->timing.patience;
    e->asked = true;
    e->put_off = false;
    e->wanted = now;
    e->want_at = later(now, m->timing.patience);
    memcpy(entry, e->author.b, AUTHOR);
    write_u32(entry + AUTHOR, a->round);
    send_want(m, member, entry, 1, now);
}

static bool all_finished(const struct machine *m)
{
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state == ALIVE && !m->members[i].bye)
            return false;
    return true;
}

void rounds_tick(struct machine *m, when now)
{
    m->again = false;
    if (m->phase == STAYING && (all_finished(m) || now >= m->close_at))
        give_up(m, true, now);
    if (m->phase != OPEN)
        return;
    for (size_t i = m->awaited_count; i-- > 0;)
        if (now >= m->awaited[i].until)
            awaited_drop(m, i);
    if (may_close(m) || now >= m->close_at) {
        close_round(m, now);
        return;
    }
    for (size_t i = 0; i < m->awaited_count; i++)
        for (size_t j = 0; j < m->awaited[i].count; j++) {
            struct expected *e = &m->awaited[i].list[j];
            if (now >= e->want_at && !settled(m, m->awaited[i].round, e))
                ask(m, &m->awaited[i], e, now);
        }
}

when rounds_next(const struct machine *m)
{
    when next = m->again ? m->again_at : NEVER;
    if (m->phase == OPEN || m->phase == STAYING)
        next = sooner(next, m->close_at);
    if (m->phase != OPEN)
        return next;
    for (size_t i = 0; i < m->awaited_count; i++) {
        next = sooner(next, m->awaited[i].until);
        for (size_t j = 0; j < m->awaited[i].count; j++)
            if (!settled(m, m->awaited[i].round, &m->awaited[i].list[j]))
                next = sooner(next, m->awaited[i].list[j].want_at);
    }
    return next;
}
