/* HELLO and PEERS that come in (CONTACT clauses). */
#include "peer.h"

#include "hash.h"

struct link *link_find(const struct machine *m, const uint8_t *id, size_t len)
{
    for (size_t i = 0; i < m->links_count; i++)
        if (m->links[i].len == len && memcmp(m->links[i].id, id, len) == 0)
            return &m->links[i];
    return NULL;
}

/* LIMIT-3: the binding that was said longest ago makes room. */
static struct link *link_room(struct machine *m)
{
    if (m->links_count < LIMIT_LINKS)
        return &m->links[m->links_count++];
    struct link *oldest = &m->links[0];
    for (size_t i = 1; i < m->links_count; i++)
        if (m->links[i].said < oldest->said)
            oldest = &m->links[i];
    return oldest;
}

static void link_bind(struct machine *m, const uint8_t *id, size_t len, const struct hello *hello,
                      const struct author *author)
{
    struct link *link = link_find(m, id, len);
    if (!link)
        link = link_room(m);
    if (len)
        memcpy(link->id, id, len);
    link->len = len;
    link->said = ++m->links_said;
    memcpy(link->sender.identity, hello->identity, IDENTITY);
    memcpy(link->sender.instance, hello->instance, INSTANCE);
    link->sender.author = *author;
}

/* What is still under way from a process that has ended is nobody's word any more. */
static void links_forget(struct machine *m, const struct author *author,
                         const uint8_t instance[INSTANCE])
{
    for (size_t i = 0; i < m->links_count;) {
        const struct sender *sender = &m->links[i].sender;
        if (author_compare(&sender->author, author) == 0 &&
            memcmp(sender->instance, instance, INSTANCE) != 0)
            m->links[i] = m->links[--m->links_count];
        else
            i++;
    }
}

/* LIMIT-3: a new member, if need be in the place of one that is gone. NULL: there is no place. */
static struct member *member_room(struct machine *m)
{
    if (m->members_count < LIMIT_MEMBERS)
        return &m->members[m->members_count++];
    for (size_t i = 0; i < m->members_count; i++)
        if (m->members[i].state == GONE)
            return &m->members[i];
    return NULL;
}

static void member_reset(struct member *member, const struct hello *hello, when now)
{
    memcpy(member->identity, hello->identity, IDENTITY);
    memcpy(member->instance, hello->instance, INSTANCE);
    memcpy(member->endpoint, hello->endpoint, sizeof member->endpoint);
    member->state = ALIVE;
    member->seen = member->last = member->asked = NO_ROUND;
    member->bye = member->finished = member->pinged = false;
    member->heard = now;
    member->owes = member->ping_at = NEVER;
}

static struct member *member_new(struct machine *m, const struct author *author,
                                 const struct hello *hello, when now)
{
    struct member *member = member_room(m);
    if (!member)
        return NULL;
    *member = (struct member){.author = *author, .synced = INT64_MIN / 2};
    member_reset(member, hello, now);
    return member;
}

/* CONTACT-7: the own identity, perhaps the own process (somebody told its endpoint). */
static enum reason hear_oneself(struct machine *m, const struct hello *hello, when now)
{
    if (memcmp(hello->instance, m->self.instance, INSTANCE) == 0)
        return ACCEPTED;
    refuse_stranger(m, hello->endpoint, R_AUTHOR, "this identity is mine", now);
    return R_AUTHOR;
}

/* CONTACT-6: what another instance replaces now does not come back. */
static void remember_instance(struct member *member)
{
    if (member->formers == FORMER)
        memmove(member->former[0], member->former[1], (FORMER - 1) * INSTANCE);
    else
        member->formers++;
    memcpy(member->former[member->formers - 1], member->instance, INSTANCE);
}

enum reason hear_hello(struct machine *m, const uint8_t *id, size_t len,
                       const struct hello *hello, when now)
{
    struct author author = author_of(hello->identity);
    if (memcmp(hello->identity, m->self.identity, IDENTITY) == 0)
        return hear_oneself(m, hello, now);
    struct member *member = member_find(m, &author);
    bool another = /* CONTACT-7 */
        author_compare(&author, &m->author) == 0 ||
        (member && memcmp(member->identity, hello->identity, IDENTITY) != 0);
    if (another) {
        refuse_stranger(m, hello->endpoint, R_AUTHOR, "another author", now);
        return R_AUTHOR;
    }
    bool known = member != NULL, first = !known, replaced = false;
    for (size_t i = 0; known && i < member->formers; i++) /* CONTACT-6: late, or repeated */
        if (memcmp(member->former[i], hello->instance, INSTANCE) == 0)
            return R_EARLY;
    if (known) {
        bool moved = strcmp(member->endpoint, hello->endpoint) != 0, finished = member->finished;
        uint32_t last = member->last;
        first = memcmp(member->instance, hello->instance, INSTANCE) != 0;
        replaced = first || moved;
        if (first)
            remember_instance(member);
        if (replaced) { /* CONTACT-6 */
            line_close(m, member->endpoint);
            line_close(m, hello->endpoint);
            links_forget(m, &author, hello->instance);
        }
        if (replaced || (member->state == GONE && !member->finished))
            member_reset(member, hello, now);
        else if (member->state == GONE)
            member->seen = NO_ROUND;
        if (!first && finished) { /* MEMBER-1: only another process takes that back */
            member->bye = member->finished = true;
            member->last = last;
        }
    } else {
        member = member_new(m, &author, hello, now);
        if (!member) {
            refuse_stranger(m, hello->endpoint, R_LIMIT, "no more members", now);
            return R_LIMIT;
        }
    }
    member->state = ALIVE;
    member->heard = now;
    member->owes = member->ping_at = NEVER;
    member->start = hello->start;
    member_seen(m, member, hello->round);
    link_bind(m, id, len, hello, &author);
    struct line *line = line_find(m, hello->endpoint);
    if (line && line->open) {
        line->answered = true;
        line->hello_at = NEVER;
        if (known && !hello->met) /* CONTACT-5 */
            say_hello(m, line, now);
    } else {
        line_close(m, hello->endpoint);
        if (line_open(m, hello->endpoint, now)) {
            line = line_find(m, hello->endpoint);
            line->answered = true;
            line->hello_at = NEVER;
        }
    }
    if (hello->known < m->lines_count + 1) /* CONTACT-8 */
        say_peers(m, member, now);
    joining_hear(m, hello, first, now);
    return ACCEPTED;
}

/* CONTACT-9. Who is gone says HELLO when it is back. */
void hear_peers(struct machine *m, const struct message *message, when now)
{
    for (size_t i = 0; i < message->count; i++) {
        char endpoint[LIMIT_ENDPOINT + 1];
        memcpy(endpoint, message->endpoints[i].bytes, message->endpoints[i].len);
        endpoint[message->endpoints[i].len] = 0;
        bool gone = false;
        for (size_t j = 0; j < m->members_count; j++)
            gone = gone || (m->members[j].state == GONE &&
                            strcmp(m->members[j].endpoint, endpoint) == 0);
        if (!gone && !line_find(m, endpoint) && m->lines_count < LIMIT_MEMBERS)
            line_open(m, endpoint, now);
    }
}
