/* Vectors of chapters 2, 3 and 7: bits, codec, seal. */
#include "bits.h"
#include "codec.h"
#include "conform.h"
#include "hash.h"
#include "seal.h"

cJSON *verdict_json(enum reason reason)
{
    cJSON *result = cJSON_CreateObject();
    cJSON_AddStringToObject(result, "verdict", reason_verdict(reason));
    if (reason)
        cJSON_AddStringToObject(result, "reason", reason_name(reason));
    return result;
}

static cJSON *pack(const cJSON *labels, unsigned bits)
{
    size_t count = (size_t)cJSON_GetArraySize(labels), at = 0, len = bits_bytes(count, bits);
    uint8_t *packed = need(len, 1);
    const cJSON *item;
    cJSON *result = cJSON_CreateObject();
    cJSON_ArrayForEach(item, labels) {
        uint64_t label = 0;
        json_number(item, UINT32_MAX, &label);
        bits_put(packed, at++, bits, (uint32_t)label);
    }
    cJSON_AddItemToObject(result, "packed", json_hex(packed, len));
    free(packed);
    return result;
}

cJSON *answer_bits(const cJSON *input, const char **why)
{
    uint64_t bits, count, highest;
    size_t len;
    (void)why;
    if (!json_number(json_get(input, "bits"), 32, &bits) || bits < 1)
        return NULL;
    if (json_get(input, "labels"))
        return pack(json_get(input, "labels"), (unsigned)bits);
    if (!json_number(json_get(input, "count"), 1U << 24, &count) ||
        !json_number(json_get(input, "highest"), UINT32_MAX, &highest))
        return NULL;
    uint8_t *packed = json_bytes(json_get(input, "packed"), &len);
    if (!packed)
        return NULL;
    enum reason reason =
        bits_check(packed, len, (size_t)count, (unsigned)bits, (uint32_t)highest);
    cJSON *result = verdict_json(reason);
    if (!reason) {
        cJSON *labels = cJSON_AddArrayToObject(result, "labels");
        for (size_t i = 0; i < count; i++)
            cJSON_AddItemToArray(labels,
                                 cJSON_CreateNumber(bits_get(packed, i, (unsigned)bits)));
    }
    free(packed);
    return result;
}

static void add_round(cJSON *object, const char *key, uint32_t round)
{
    if (round != NO_ROUND)
        json_add_number(object, key, round);
}

static void add_hello(cJSON *o, const struct hello *h)
{
    cJSON_AddItemToObject(o, "agent", json_text(h->agent.bytes, h->agent.len));
    cJSON_AddStringToObject(o, "endpoint", h->endpoint);
    cJSON_AddItemToObject(o, "identity", json_hex(h->identity, IDENTITY));
    cJSON_AddItemToObject(o, "instance", json_hex(h->instance, INSTANCE));
    json_add_number(o, "known", h->known);
    cJSON_AddBoolToObject(o, "met", h->met);
    cJSON_AddItemToObject(o, "run", json_hex(h->run, DIGEST));
    cJSON *versions = cJSON_AddArrayToObject(o, "versions");
    cJSON_AddItemToArray(versions, cJSON_CreateNumber(h->lowest));
    cJSON_AddItemToArray(versions, cJSON_CreateNumber(h->highest));
    add_round(o, "held", h->held);
    add_round(o, "round", h->round);
    add_round(o, "start", h->start);
}

static void add_vote(cJSON *o, const struct run *run, const struct message *m)
{
    const struct ballot *b = &m->ballot;
    cJSON_AddItemToObject(o, "author", json_hex(b->author.b, AUTHOR));
    json_add_number(o, "round", b->round);
    cJSON_AddItemToObject(o, "votes", json_hex(b->votes, b->len));
    if (!run->explicit_ids)
        return;
    cJSON *ids = cJSON_AddArrayToObject(o, "ids");
    for (size_t i = 0; i < b->ids_count; i++)
        cJSON_AddItemToArray(ids, cJSON_CreateNumber(b->ids[i]));
}

static cJSON *entry_json(unsigned kind, const uint8_t *e)
{
    cJSON *entry = cJSON_CreateArray();
    if (kind == DIGESTS) {
        cJSON_AddItemToArray(entry, cJSON_CreateNumber(read_u32(e)));
        cJSON_AddItemToArray(entry, cJSON_CreateNumber(read_u16(e + 4)));
        cJSON_AddItemToArray(entry, json_hex(e + 6, TAG));
    } else {
        cJSON_AddItemToArray(entry, json_hex(e, AUTHOR));
        cJSON_AddItemToArray(entry, kind == HAVE ? json_hex(e + AUTHOR, TAG)
                                                 : cJSON_CreateNumber(read_u32(e + AUTHOR)));
    }
    return entry;
}

static void add_entries(cJSON *o, const struct message *m)
{
    size_t size = m->kind == DIGESTS ? DIGEST_ENTRY : m->kind == HAVE ? HAVE_ENTRY : WANT_ENTRY;
    cJSON *entries = cJSON_AddArrayToObject(o, "entries");
    for (size_t i = 0; i < m->count; i++)
        cJSON_AddItemToArray(entries, entry_json(m->kind, m->entries + i * size));
}

static const char *kind_name(unsigned kind)
{
    static const struct {
        unsigned kind;
        const char *name;
    } NAMES[] = {{HELLO, "HELLO"}, {BYE, "BYE"},     {ERROR, "ERROR"},    {PING, "PING"},
                 {PONG, "PONG"},   {PEERS, "PEERS"}, {VOTE, "VOTE"},      {DIGESTS, "DIGEST"},
                 {HAVE, "HAVE"},   {WANT, "WANT"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (NAMES[i].kind == kind)
            return NAMES[i].name;
    return "?";
}

cJSON *message_json(const struct run *run, const struct message *m)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "kind", kind_name(m->kind));
    if (m->kind == HELLO)
        add_hello(o, &m->hello);
    if (m->kind == BYE || m->kind == ERROR) {
        json_add_number(o, "code", m->code);
        if (m->kind == BYE)
            add_round(o, "last", m->last);
        cJSON_AddItemToObject(o, "text", json_text(m->text.bytes, m->text.len));
    }
    if (m->kind == PING || m->kind == PONG) {
        json_add_number(o, "nonce", m->nonce);
        json_add_number(o, "roster", m->roster);
        if (m->kind == PONG)
            add_round(o, "round", m->round);
    }
    if (m->kind == PEERS) {
        cJSON *endpoints = cJSON_AddArrayToObject(o, "endpoints");
        for (size_t i = 0; i < m->count; i++)
            cJSON_AddItemToArray(endpoints,
                                 json_text(m->endpoints[i].bytes, m->endpoints[i].len));
    }
    if (m->kind == VOTE)
        add_vote(o, run, m);
    if (m->kind == HAVE)
        json_add_number(o, "round", m->round);
    if (m->kind == DIGESTS || m->kind == HAVE || m->kind == WANT)
        add_entries(o, m);
    return o;
}

cJSON *answer_codec(const cJSON *input, const char **why)
{
    struct run run;
    struct sender sender;
    struct message m;
    const cJSON *from = json_get(input, "sender");
    size_t len;
    const char *wrong = json_run(json_get(input, "run"), &run);
    if (wrong) {
        *why = wrong;
        return NULL;
    }
    if (from) {
        if (!json_fixed(json_get(from, "identity"), sender.identity, IDENTITY) ||
            !json_fixed(json_get(from, "instance"), sender.instance, INSTANCE))
            return NULL;
        sender.author = author_of(sender.identity);
    }
    uint8_t *frame = json_bytes(json_get(input, "frame"), &len);
    if (!frame)
        return NULL;
    enum reason reason = codec_read(&run, from ? &sender : NULL, frame, len, &m);
    cJSON *result = verdict_json(reason);
    if (!reason)
        cJSON_AddItemToObject(result, "message", message_json(&run, &m));
    message_free(&m);
    free(frame);
    return result;
}

cJSON *answer_seal(const cJSON *input, const char **why)
{
    uint8_t secret[IDENTITY], identity[IDENTITY], signature[SIGNATURE];
    size_t len;
    cJSON *result = NULL;
    (void)why;
    uint8_t *bytes = json_bytes(json_get(input, "text"), &len);
    if (!bytes)
        return NULL;
    struct sealed_text text = {NULL, {{bytes, len}}};
    if (json_fixed(json_get(input, "secret"), secret, IDENTITY)) {
        if (seal_identity(secret, identity) && seal_sign(secret, &text, signature)) {
            result = cJSON_CreateObject();
            cJSON_AddItemToObject(result, "identity", json_hex(identity, IDENTITY));
            cJSON_AddItemToObject(result, "signature", json_hex(signature, SIGNATURE));
        }
    } else {
        bool whole = json_fixed(json_get(input, "identity"), identity, IDENTITY) &&
                     json_fixed(json_get(input, "signature"), signature, SIGNATURE);
        result = verdict_json(whole && seal_good(identity, &text, signature) ? ACCEPTED : R_SEAL);
    }
    free(bytes);
    return result;
}
