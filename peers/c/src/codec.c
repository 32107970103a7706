#include "codec.h"

#include "bits.h"
#include "endpoint.h"
#include "hash.h"
#include "hello.h"
#include "ids.h"
#include "seal.h"
#include "utf8.h"

enum { F_AUTHOR = 1, F_IDS = 2, F_SEAL = 4 };

static const char SEAL_HELLO[] = "TALLY1-SEAL-HELLO";
static const char SEAL_BYE[] = "TALLY1-SEAL-BYE";
static const char SEAL_VOTE[] = "TALLY1-SEAL-VOTE";

/* A frame while it is read: header taken off, signature too where there is one. */
struct reading {
    const struct run *run;
    const struct sender *sender;
    const uint8_t *frame;
    const uint8_t *body;
    size_t len; /* of the body */
    unsigned flags;
    const uint8_t *signature; /* NULL without flag 04 */
};

/* LIMIT-2. A ballot without its author leaves room for one, so that it can be relayed. */
static size_t limit_of(const struct run *run, unsigned kind, unsigned flags)
{
    if (kind == HELLO || kind == BYE || kind == ERROR)
        return LIMIT_HELLO;
    if (kind == VOTE && !(flags & F_AUTHOR))
        return LIMIT_FRAME - (run->sealed ? IDENTITY : AUTHOR);
    return LIMIT_FRAME;
}

static bool known_kind(unsigned kind)
{
    return (kind >= HELLO && kind <= PEERS) || (kind >= VOTE && kind <= WANT);
}

static bool sealed_kind(unsigned kind)
{
    return kind == HELLO || kind == BYE || kind == VOTE;
}

static unsigned flags_of(unsigned kind)
{
    return (kind == VOTE ? (unsigned)(F_AUTHOR | F_IDS) : 0U) | (sealed_kind(kind) ? F_SEAL : 0U);
}

static enum reason read_text(const uint8_t *bytes, size_t len, struct span *text)
{
    if (len > LIMIT_TEXT)
        return R_LIMIT;
    if (!utf8_valid(bytes, len))
        return R_MALFORMED;
    *text = (struct span){bytes, len};
    return ACCEPTED;
}

static enum reason read_hello(const struct reading *r, struct hello *hello)
{
    enum reason reason = hello_read(r->body, r->len, hello);
    if (reason)
        return reason;
    if (r->flags & ~(unsigned)F_SEAL)
        return R_MALFORMED;
    if (memcmp(hello->run, r->run->digest, DIGEST) != 0)
        return R_RUN;
    if (!r->run->sealed != !r->signature)
        return R_SEAL;
    if (!r->signature)
        return ACCEPTED;
    struct sealed_text text = {SEAL_HELLO, {{r->frame, 2 + r->len}}};
    return seal_good(hello->identity, &text, r->signature) ? ACCEPTED : R_SEAL;
}

static enum reason read_bye(const struct reading *r, struct message *m)
{
    if (r->len < 5)
        return R_LENGTH;
    m->code = r->body[0];
    m->last = read_u32(r->body + 1);
    enum reason reason = read_text(r->body + 5, r->len - 5, &m->text);
    if (reason || !r->signature || !r->sender)
        return reason;
    uint8_t names[DIGEST + INSTANCE];
    memcpy(names, r->run->digest, DIGEST);
    memcpy(names + DIGEST, r->sender->instance, INSTANCE);
    struct sealed_text text = {SEAL_BYE, {{names, sizeof names}, {r->frame, 2 + r->len}}};
    return seal_good(r->sender->identity, &text, r->signature) ? ACCEPTED : R_SEAL;
}

static enum reason read_error(const struct reading *r, struct message *m)
{
    if (r->len < 1)
        return R_LENGTH;
    m->code = r->body[0];
    return read_text(r->body + 1, r->len - 1, &m->text);
}

static enum reason read_peers(const struct reading *r, struct message *m)
{
    if (r->len < 1)
        return R_LENGTH;
    size_t at = 1;
    if (r->body[0] > LIMIT_PEERS)
        return R_LIMIT;
    for (m->count = 0; m->count < r->body[0]; m->count++) {
        if (at >= r->len || r->len - at - 1 < r->body[at])
            return R_LENGTH;
        struct span *endpoint = &m->endpoints[m->count];
        *endpoint = (struct span){r->body + at + 1, r->body[at]};
        if (!endpoint_valid(endpoint->bytes, endpoint->len))
            return R_MALFORMED;
        at += 1U + endpoint->len;
    }
    return at == r->len ? ACCEPTED : R_LENGTH;
}

static enum reason read_entries(const struct reading *r, size_t before, size_t size, size_t limit,
                                struct message *m)
{
    if (r->len < before)
        return R_LENGTH;
    if (r->len - before > size * limit)
        return R_LIMIT;
    if ((r->len - before) % size)
        return R_LENGTH;
    m->entries = r->body + before;
    m->count = (r->len - before) / size;
    return ACCEPTED;
}

static enum reason read_have(const struct reading *r, struct message *m)
{
    enum reason reason = read_entries(r, 4, HAVE_ENTRY, LIMIT_HAVE, m);
    if (reason)
        return reason;
    m->round = read_u32(r->body);
    for (size_t i = 1; i < m->count; i++)
        if (memcmp(m->entries + (i - 1) * HAVE_ENTRY, m->entries + i * HAVE_ENTRY, AUTHOR) >= 0)
            return R_MALFORMED;
    return ACCEPTED;
}

/* VOTE-1, SEAL-4. */
static enum reason read_author(const struct reading *r, size_t *at, struct message *m)
{
    struct ballot *ballot = &m->ballot;
    size_t size = r->run->sealed ? IDENTITY : AUTHOR;
    m->relayed = (r->flags & F_AUTHOR) != 0;
    if (!m->relayed) {
        ballot->author = r->sender->author;
        memcpy(ballot->identity, r->sender->identity, IDENTITY);
        return ACCEPTED;
    }
    if (r->len - *at < size)
        return R_LENGTH;
    if (r->run->sealed) {
        memcpy(ballot->identity, r->body + *at, IDENTITY);
        ballot->author = author_of(ballot->identity);
    } else {
        ballot->author = author_at(r->body + *at);
    }
    *at += size;
    return author_compare(&ballot->author, &r->sender->author) == 0 ? R_AUTHOR : ACCEPTED;
}

static enum reason read_vote(const struct reading *r, struct message *m)
{
    struct ballot *ballot = &m->ballot;
    size_t at = 4, labels = r->run->votes;
    if (r->len < 4)
        return R_LENGTH;
    ballot->round = read_u32(r->body);
    enum reason reason = read_author(r, &at, m);
    if (reason)
        return reason;
    if (!(r->flags & F_IDS) != !r->run->explicit_ids)
        return R_IDS;
    if (ballot->round == NO_ROUND || ballot->round % r->run->rounds_per_ballot)
        return R_ROUND;
    size_t voted = at; /* ids and votes begin here */
    if (r->flags & F_IDS) {
        size_t used;
        reason = ids_read(r->body + at, r->len - at, r->run->pool, r->run->votes, &ballot->ids,
                          &ballot->ids_count, &used);
        if (reason)
            return reason;
        at += used;
        labels = ballot->ids_count;
    }
    reason = bits_check(r->body + at, r->len - at, labels, r->run->bits, r->run->highest);
    if (reason)
        return reason;
    ballot->len = r->len - at;
    /* Read only: whoever keeps a ballot copies it. */
    ballot->votes = (uint8_t *)(uintptr_t)(r->body + at);
    if (!r->signature)
        return ACCEPTED;
    ballot->sealed = true;
    memcpy(ballot->signature, r->signature, SIGNATURE);
    struct sealed_text text = {
        SEAL_VOTE, {{r->run->digest, DIGEST}, {r->body, 4}, {r->body + voted, r->len - voted}}};
    return seal_good(ballot->identity, &text, r->signature) ? ACCEPTED : R_SEAL;
}

/* PING, PONG: numbers of four bytes and nothing else. */
static enum reason read_numbers(const struct reading *r, struct message *m)
{
    if (r->len != (m->kind == PONG ? 12U : 8U))
        return R_LENGTH;
    m->nonce = read_u32(r->body);
    m->roster = read_u32(r->body + 4);
    if (m->kind == PONG)
        m->round = read_u32(r->body + 8);
    return ACCEPTED;
}

static enum reason read_kind(const struct reading *r, struct message *m)
{
    switch (m->kind) {
    case BYE: return read_bye(r, m);
    case ERROR: return read_error(r, m);
    case PING:
    case PONG: return read_numbers(r, m);
    case PEERS: return read_peers(r, m);
    case VOTE: return read_vote(r, m);
    case DIGESTS: return read_entries(r, 0, DIGEST_ENTRY, LIMIT_DIGEST, m);
    case HAVE: return read_have(r, m);
    case WANT: return read_entries(r, 0, WANT_ENTRY, LIMIT_WANT, m);
    default: return R_TYPE;
    }
}

enum reason codec_read(const struct run *run, const struct sender *sender, const uint8_t *frame,
                       size_t len, struct message *m)
{
    memset(m, 0, sizeof *m);
    if (len < 2)
        return R_MALFORMED;
    m->kind = frame[0];
    struct reading r = {.run = run, .sender = sender, .frame = frame, .body = frame + 2,
                        .len = len - 2, .flags = frame[1]};
    if (len > limit_of(run, m->kind, r.flags))
        return R_LIMIT;
    if (!known_kind(m->kind))
        return R_TYPE;
    if (!sender && m->kind != HELLO && m->kind != BYE && m->kind != ERROR)
        return R_EARLY;
    if (m->kind != HELLO && (r.flags & ~flags_of(m->kind)))
        return R_MALFORMED; /* HELLO of another version may have others: its versions come first */
    if (sealed_kind(m->kind) && (r.flags & F_SEAL)) {
        if (r.len < SIGNATURE)
            return R_LENGTH;
        r.len -= SIGNATURE;
        r.signature = frame + len - SIGNATURE;
    }
    if (m->kind == HELLO)
        return read_hello(&r, &m->hello);
    if (sealed_kind(m->kind) && !run->sealed != !r.signature)
        return R_SEAL;
    return read_kind(&r, m);
}

void message_free(struct message *m)
{
    free(m->ballot.ids);
    m->ballot.ids = NULL;
}

static void sign(struct buf *b, const uint8_t secret[IDENTITY], const struct sealed_text *text)
{
    uint8_t signature[SIGNATURE];
    if (!seal_sign(secret, text, signature))
        b->full = true;
    buf_put(b, signature, SIGNATURE);
}

void codec_hello(struct buf *b, const struct run *run, const struct hello *hello,
                 const char *grease, const uint8_t secret[IDENTITY])
{
    buf_u8(b, HELLO);
    buf_u8(b, run->sealed ? F_SEAL : 0);
    hello_write(b, hello, grease);
    if (run->sealed && !b->full)
        sign(b, secret, &(struct sealed_text){SEAL_HELLO, {{b->data, b->len}}});
}

void codec_bye(struct buf *b, const struct run *run, unsigned code, uint32_t last, const char *text,
               const uint8_t instance[INSTANCE], const uint8_t secret[IDENTITY])
{
    buf_u8(b, BYE);
    buf_u8(b, run->sealed ? F_SEAL : 0);
    buf_u8(b, code);
    buf_u32(b, last);
    buf_put(b, text, strlen(text));
    if (!run->sealed || b->full)
        return;
    uint8_t names[DIGEST + INSTANCE];
    memcpy(names, run->digest, DIGEST);
    memcpy(names + DIGEST, instance, INSTANCE);
    sign(b, secret, &(struct sealed_text){SEAL_BYE, {{names, sizeof names}, {b->data, b->len}}});
}

void codec_error(struct buf *b, unsigned code, const char *text)
{
    buf_u8(b, ERROR);
    buf_u8(b, 0);
    buf_u8(b, code);
    buf_put(b, text, strlen(text));
}

void codec_ping(struct buf *b, uint32_t nonce, uint32_t roster)
{
    buf_u8(b, PING);
    buf_u8(b, 0);
    buf_u32(b, nonce);
    buf_u32(b, roster);
}

void codec_pong(struct buf *b, uint32_t nonce, uint32_t roster, uint32_t round)
{
    buf_u8(b, PONG);
    buf_u8(b, 0);
    buf_u32(b, nonce);
    buf_u32(b, roster);
    buf_u32(b, round);
}

static void write_voted(struct buf *b, const struct ballot *ballot)
{
    if (ballot->ids)
        ids_write(b, ballot->ids, ballot->ids_count);
    buf_put(b, ballot->votes, ballot->len);
}

void codec_vote(struct buf *b, const struct run *run, const struct ballot *ballot, bool relayed)
{
    buf_u8(b, VOTE);
    buf_u8(b, (relayed ? (unsigned)F_AUTHOR : 0U) | (ballot->ids ? (unsigned)F_IDS : 0U) |
                  (run->sealed ? (unsigned)F_SEAL : 0U));
    buf_u32(b, ballot->round);
    if (relayed && run->sealed)
        buf_put(b, ballot->identity, IDENTITY);
    else if (relayed)
        buf_put(b, ballot->author.b, AUTHOR);
    write_voted(b, ballot);
    if (run->sealed)
        buf_put(b, ballot->signature, SIGNATURE);
}

void codec_seal(const struct run *run, struct ballot *ballot, const uint8_t secret[IDENTITY])
{
    struct buf b;
    buf_init(&b, LIMIT_FRAME);
    buf_u32(&b, ballot->round);
    write_voted(&b, ballot);
    struct sealed_text text = {SEAL_VOTE, {{run->digest, DIGEST}, {b.data, b.len}}};
    ballot->sealed = seal_sign(secret, &text, ballot->signature) && !b.full;
    buf_free(&b);
}
