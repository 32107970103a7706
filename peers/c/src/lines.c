/* Outbound lines, and what is said first on them (CONTACT clauses). */
#include "peer.h"

#include <stdio.h>

static const char AGENT[] = "tally-peer/1 (C)";

struct line *line_find(const struct machine *m, const char *endpoint)
{
    for (size_t i = 0; i < m->lines_count; i++)
        if (strcmp(m->lines[i].endpoint, endpoint) == 0)
            return &m->lines[i];
    return NULL;
}

static void line_remove(struct machine *m, struct line *line)
{
    if (line->open)
        m->sink.close(m->sink.context, line->endpoint);
    *line = m->lines[--m->lines_count];
}

void line_close(struct machine *m, const char *endpoint)
{
    struct line *line = line_find(m, endpoint);
    if (line)
        line_remove(m, line);
}

/* CONTACT-9: a line to nobody makes room for one to a member. */
static bool make_room(struct machine *m)
{
    if (m->lines_count < LIMIT_MEMBERS)
        return true;
    for (size_t i = 0; i < m->lines_count; i++) {
        if (!m->lines[i].answered && !member_at(m, m->lines[i].endpoint)) {
            line_remove(m, &m->lines[i]);
            return true;
        }
    }
    return false;
}

static bool dial(struct machine *m, struct line *line, when now)
{
    line->open = m->sink.open(m->sink.context, line->endpoint);
    if (line->open)
        say_hello(m, line, now);
    return line->open;
}

bool line_open(struct machine *m, const char *endpoint, when now)
{
    if (strcmp(endpoint, m->self.endpoint) == 0 || !make_room(m))
        return false;
    struct line *line = &m->lines[m->lines_count++];
    *line = (struct line){.opened = now, .hello_gap = m->timing.patience};
    memcpy(line->endpoint, endpoint, strlen(endpoint) + 1);
    line->hello_at = later(now, m->timing.patience);
    if (dial(m, line, now))
        return true;
    m->lines_count--;
    return false;
}

static uint32_t held_of(const struct machine *m, const struct author *author)
{
    for (size_t i = m->ledger.count; i-- > 0;)
        if (ledger_find(&m->ledger, m->ledger.slots[i].round, author))
            return m->ledger.slots[i].round;
    return NO_ROUND;
}

void say_hello(struct machine *m, struct line *line, when now)
{
    const struct member *there = member_at(m, line->endpoint);
    struct hello hello = {
        .agent = {(const uint8_t *)AGENT, sizeof AGENT - 1},
        .known = (uint32_t)m->lines_count + 1,
        .met = there != NULL,
        .lowest = 1,
        .highest = 1,
        .held = there ? held_of(m, &there->author) : NO_ROUND,
        .round = m->round,
        .start = m->start,
    };
    char grease[16];
    struct buf b;
    memcpy(hello.endpoint, m->self.endpoint, sizeof hello.endpoint);
    memcpy(hello.identity, m->self.identity, IDENTITY);
    memcpy(hello.instance, m->self.instance, INSTANCE);
    memcpy(hello.run, m->run.digest, DIGEST);
    bool greased = !m->self.plain && chance_below(m, 8) == 0; /* GREASE-2 */
    snprintf(grease, sizeof grease, "grease-%04x", (unsigned)chance_below(m, 0x10000));
    buf_init(&b, LIMIT_HELLO);
    codec_hello(&b, &m->run, &hello, greased ? grease : NULL, m->self.secret);
    if (!b.full)
        m->sink.send(m->sink.context, line->endpoint, b.data, b.len);
    buf_free(&b);
    if (m->phase == STAYING && there) /* whoever comes late is told as well (ROUND-9) */
        say_bye(m, there, BYE_FINISHED, now);
}

void say_hello_to_all(struct machine *m, when now)
{
    for (size_t i = 0; i < m->lines_count; i++)
        if (m->lines[i].open)
            say_hello(m, &m->lines[i], now);
}

void say(struct machine *m, const struct member *member, const struct buf *frame, when now)
{
    if (frame->full || member->state == GONE)
        return;
    struct line *line = line_find(m, member->endpoint);
    if (!line && !line_open(m, member->endpoint, now))
        return;
    if (line && !line->open && !dial(m, line, now))
        return;
    m->sink.send(m->sink.context, member->endpoint, frame->data, frame->len);
}

void say_bye(struct machine *m, const struct member *member, unsigned code, when now)
{
    struct buf b;
    buf_init(&b, LIMIT_HELLO);
    codec_bye(&b, &m->run, code, m->last, code == BYE_FINISHED ? "finished" : "leaving",
              m->self.instance, m->self.secret);
    /* Not by say(): nobody is dialled to be told that one leaves. */
    struct line *line = line_find(m, member->endpoint);
    if (line && line->open && !b.full)
        m->sink.send(m->sink.context, line->endpoint, b.data, b.len);
    (void)now;
    buf_free(&b);
}

static void send_peers(struct machine *m, const struct member *to, unsigned n,
                       const struct buf *endpoints, when now)
{
    struct buf b;
    buf_init(&b, LIMIT_FRAME);
    buf_u8(&b, PEERS);
    buf_u8(&b, 0);
    buf_u8(&b, n);
    buf_put(&b, endpoints->data, endpoints->len);
    say(m, to, &b, now);
    buf_free(&b);
}

void say_peers(struct machine *m, const struct member *to, when now)
{
    struct buf b;
    unsigned n = 0;
    buf_init(&b, LIMIT_FRAME);
    for (size_t i = 0; i < m->members_count; i++) {
        const struct member *other = &m->members[i];
        if (other == to || other->state != ALIVE)
            continue;
        size_t len = strlen(other->endpoint);
        buf_u8(&b, (unsigned)len);
        buf_put(&b, other->endpoint, len);
        if (++n == LIMIT_PEERS) {
            send_peers(m, to, n, &b, now);
            n = 0;
            b.len = 0;
        }
    }
    if (n)
        send_peers(m, to, n, &b, now);
    buf_free(&b);
}

/* VERDICT-4. */
static bool may_send_error(struct machine *m, when now)
{
    if (now < m->error_at)
        return false;
    m->error_at = later(now, 1000000);
    return true;
}

void say_error(struct machine *m, const struct member *member, enum reason reason, when now)
{
    if (member->state == GONE || !may_send_error(m, now))
        return;
    struct buf b;
    buf_init(&b, LIMIT_HELLO);
    codec_error(&b, reason, reason_name(reason));
    say(m, member, &b, now);
    buf_free(&b);
}

/* CONTACT-3: a line of one message, unless there is one already. */
void refuse_stranger(struct machine *m, const char *endpoint, enum reason reason, const char *text,
                     when now)
{
    if (!*endpoint || strcmp(endpoint, m->self.endpoint) == 0 || !may_send_error(m, now))
        return;
    struct line *line = line_find(m, endpoint);
    struct buf b;
    buf_init(&b, LIMIT_HELLO);
    codec_error(&b, reason, text);
    if (!b.full && ((line && line->open) || m->sink.open(m->sink.context, endpoint))) {
        m->sink.send(m->sink.context, endpoint, b.data, b.len);
        if (!line || !line->open)
            m->sink.close(m->sink.context, endpoint);
    }
    buf_free(&b);
}

/* CONTACT-11. A line to a member stays until the member is gone. */
void lines_tick(struct machine *m, when now)
{
    for (size_t i = 0; i < m->lines_count;) {
        struct line *line = &m->lines[i];
        if (!line->answered && now >= later(line->opened, m->timing.join_deadline) &&
            !member_at(m, line->endpoint)) {
            line_remove(m, line);
            continue;
        }
        if (now >= line->hello_at) {
            if (line->open)
                say_hello(m, line, now);
            else
                dial(m, line, now);
            when gap = line->hello_gap * 2;
            line->hello_gap = sooner(gap, m->timing.probe_interval);
            line->hello_at = later(now, line->hello_gap);
        }
        i++;
    }
}

when lines_next(const struct machine *m)
{
    when next = NEVER;
    for (size_t i = 0; i < m->lines_count; i++) {
        const struct line *line = &m->lines[i];
        next = sooner(next, line->hello_at);
        if (!line->answered && !member_at(m, line->endpoint))
            next = sooner(next, later(line->opened, m->timing.join_deadline));
    }
    return next;
}
