/* The door: events in, and what falls due. */
#include "peer.h"

#include "hash.h"

#include <stdio.h>

static const when SECOND = 1000000;

void timing_defaults(struct timing *timing)
{
    *timing = (struct timing){.rounds = 560, .pace = LOCKSTEP, .staleness = 1, .quorum = 2,
                              .deadline = 30 * SECOND, .patience = SECOND,
                              .suspect_after = 5 * SECOND, .gone_after = 60 * SECOND,
                              .probe_interval = 5 * SECOND, .gossip_interval = 2 * SECOND,
                              .join_deadline = 60 * SECOND, .retain = 64, .ahead = 64};
}

/* splitmix64: chance for whom to ping, not for anything secret. */
uint64_t chance_next(struct machine *m)
{
    uint64_t z = m->chance += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t chance_below(struct machine *m, size_t n)
{
    return (size_t)(chance_next(m) % n);
}

struct machine *machine_new(const struct run *run, const struct timing *timing,
                            const struct self *self, const struct sink *sink, uint64_t chance)
{
    struct machine *m = need(1, sizeof *m);
    m->run = *run;
    m->timing = *timing;
    m->self = *self;
    m->sink = *sink;
    m->chance = chance;
    m->author = author_of(self->identity);
    m->phase = JOINING;
    m->start = m->round = m->last = m->told = m->held = NO_ROUND;
    m->answered_at = m->join_at = m->close_at = m->ping_at = m->gossip_at = NEVER;
    m->error_at = INT64_MIN;
    m->members = need(LIMIT_MEMBERS, sizeof *m->members);
    m->lines = need(LIMIT_MEMBERS, sizeof *m->lines);
    m->links = need(LIMIT_LINKS, sizeof *m->links);
    m->awaited = need((size_t)timing->retain + 2, sizeof *m->awaited);
    ledger_init(&m->ledger, &m->run);
    return m;
}

void machine_free(struct machine *m)
{
    for (size_t i = 0; i < m->awaited_count; i++)
        free(m->awaited[i].list);
    free(m->awaited);
    free(m->members);
    free(m->lines);
    free(m->links);
    ledger_free(&m->ledger);
    free(m);
}

void machine_start(struct machine *m, const char *const *seeds, size_t count, bool fresh, when now)
{
    m->join_at = later(now, m->timing.join_deadline);
    m->ping_at = later(now, m->timing.probe_interval);
    m->gossip_at = later(now, m->timing.gossip_interval);
    size_t others = 0; /* somebody may name the peer to itself */
    for (size_t i = 0; i < count; i++)
        others += strcmp(seeds[i], m->self.endpoint) != 0;
    if (fresh || others == 0) /* JOIN-1 */
        m->start = 0;
    for (size_t i = 0; i < count; i++)
        if (!line_find(m, seeds[i]))
            line_open(m, seeds[i], now);
    joining_tick(m, now);
    rounds_tick(m, now);
}

static enum reason dispatch(struct machine *m, struct member *from, const struct message *message,
                            when now)
{
    switch (message->kind) {
    case BYE:
        from->bye = true;
        from->finished = message->code == BYE_FINISHED;
        from->last = message->last;
        if (!from->finished)
            member_gone(m, from);
        return ACCEPTED;
    case PING:
        say_pong(m, from, message->nonce, now);
        compare_rosters(m, from, message->roster, now);
        return ACCEPTED;
    case PONG:
        hear_pong(m, from, message);
        compare_rosters(m, from, message->roster, now);
        return ACCEPTED;
    case PEERS:
        hear_peers(m, message, now);
        return ACCEPTED;
    case VOTE: return hear_vote(m, from, message);
    case DIGESTS:
        hear_digest(m, from, message, now);
        return ACCEPTED;
    case HAVE:
        hear_have(m, from, message, now);
        return ACCEPTED;
    case WANT:
        hear_want(m, from, message, now);
        return ACCEPTED;
    default: return ACCEPTED;
    }
}

/* HELLO with 32 zero bytes as run: a question (1.4), not a mistake. */
static bool asks_for_the_run(const struct message *message, enum reason reason)
{
    static const uint8_t NONE[DIGEST] = {0};
    return message->kind == HELLO && reason == R_RUN && memcmp(message->hello.run, NONE, DIGEST) == 0;
}

/* VERDICT-2 and VERDICT-3: who is told of a refusal. */
static void answer(struct machine *m, const struct member *from, const struct message *message,
                   enum reason reason, when now)
{
    char text[128];
    if (message->kind == HELLO && reason == R_RUN) {
        refuse_stranger(m, message->hello.endpoint, reason, m->run.descriptor, now);
    } else if (message->kind == HELLO && reason == R_VERSION) {
        snprintf(text, sizeof text, "no common version: 1 to 1 here, %u to %u there",
                 message->hello.lowest, message->hello.highest);
        refuse_stranger(m, message->hello.endpoint, reason, text, now);
    } else if (from && message->kind != ERROR && reason != R_EQUIVOCATION) { /* ERROR-2 */
        bool told = strcmp(reason_verdict(reason), "reject") == 0 ||
                    (reason == R_TYPE && message->kind < 0x80); /* FRAME-10 */
        if (told && !(message->kind == HELLO && (reason == R_AUTHOR || reason == R_LIMIT)))
            say_error(m, from, reason, now);
    }
    if (!asks_for_the_run(message, reason))
        m->sink.refused(m->sink.context, reason, NULL, 0, false);
}

static enum reason receive(struct machine *m, const uint8_t *id, size_t id_len,
                           const struct sender *sender, struct member *from,
                           const struct message *message, when now)
{
    if (message->kind == HELLO)
        return hear_hello(m, id, id_len, &message->hello, now);
    if (message->kind == ERROR) /* ERROR-3 */
        m->sink.refused(m->sink.context, message->code, message->text.bytes, message->text.len,
                        true);
    if (!sender || !from) /* CONTACT-10 */
        return message->kind == ERROR ? ACCEPTED : R_EARLY;
    member_lives(m, from, now);
    return dispatch(m, from, message, now);
}

enum reason machine_receive(struct machine *m, const uint8_t *id, size_t id_len, size_t parts,
                            const uint8_t *frame, size_t len, when now)
{
    struct message message = {0};
    if (m->phase == DONE || id_len > sizeof m->links[0].id)
        return R_EARLY;
    struct link *link = link_find(m, id, id_len);
    struct sender sender;
    if (link)
        sender = link->sender;
    struct member *from = link ? member_find(m, &sender.author) : NULL;
    enum reason reason = parts == 1 ? codec_read(&m->run, link ? &sender : NULL, frame, len, &message)
                                    : R_MALFORMED;
    if (!reason)
        reason = receive(m, id, id_len, link ? &sender : NULL, from, &message, now);
    else if (from)
        member_lives(m, from, now); /* VERDICT-1: a sign of life all the same */
    if (reason)
        answer(m, from, &message, reason, now);
    message_free(&message);
    joining_tick(m, now);
    rounds_tick(m, now);
    return reason;
}

void machine_lost(struct machine *m, const char *endpoint, when now)
{
    struct line *line = line_find(m, endpoint);
    if (!line || !line->open || m->phase == DONE)
        return;
    struct member *member = member_at(m, endpoint);
    line->open = line->answered = false;
    m->sink.close(m->sink.context, endpoint);
    line->hello_gap = m->timing.patience;
    line->hello_at = later(now, m->timing.patience);
    line->opened = now;
    if (member && member->finished) { /* MEMBER-5 */
        member_gone(m, member);
    } else if (member && member->state == ALIVE) { /* MEMBER-4 */
        member->state = SUSPECT;
        member->suspect_since = now;
        member_owes(m, member, now);
    }
    joining_tick(m, now);
    rounds_tick(m, now);
}

/* MEMBER-4: who was late itself blames nobody for that time. */
static void put_off(struct machine *m, when now)
{
    when late = now - members_next(m);
    if (late <= m->timing.suspect_after / 2)
        return;
    for (size_t i = 0; i < m->members_count; i++) {
        struct member *member = &m->members[i];
        if (member->owes != NEVER)
            member->owes = later(member->owes, late);
        if (member->state == SUSPECT)
            member->suspect_since = later(member->suspect_since, late);
    }
}

void machine_tick(struct machine *m, when now)
{
    if (m->phase == DONE)
        return;
    put_off(m, now);
    joining_tick(m, now);
    rounds_tick(m, now);
    if (m->phase == DONE)
        return;
    lines_tick(m, now);
    members_tick(m, now);
    repair_tick(m, now);
    joining_tick(m, now); /* a member that is suspect now is waited for no longer */
    if (!m->again)
        rounds_tick(m, now);
}

when machine_next(const struct machine *m)
{
    if (m->phase == DONE)
        return NEVER;
    when next = sooner(sooner(lines_next(m), members_next(m)), sooner(joining_next(m), rounds_next(m)));
    return m->run.broadcast ? sooner(next, m->gossip_at) : next;
}

void machine_stop(struct machine *m, when now)
{
    if (m->phase != DONE)
        give_up(m, m->phase == STAYING, now);
}

bool machine_done(const struct machine *m)
{
    return m->phase == DONE;
}

void machine_members(const struct machine *m,
                     void (*each)(void *context, const struct author *author, const char *state),
                     void *context)
{
    static const char *STATES[] = {"alive", "suspect", "gone"};
    for (size_t i = 0; i < m->members_count; i++)
        each(context, &m->members[i].author, STATES[m->members[i].state]);
}
