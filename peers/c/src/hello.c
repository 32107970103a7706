#include "hello.h"

#include "endpoint.h"
#include "map.h"

static const char MAGIC[5] = {'T', 'A', 'L', 'L', 'Y'};

struct reading {
    const uint8_t *map;
    size_t len;
    bool wrong;
};

static bool find(struct reading *r, const char *key, enum item_kind kind, struct item *item)
{
    if (map_find(r->map, r->len, key, item) && item->kind == kind)
        return true;
    r->wrong = true;
    return false;
}

static void fixed(struct reading *r, const char *key, uint8_t *out, size_t size)
{
    struct item item;
    if (!find(r, key, I_BINARY, &item))
        return;
    if (item.len == size)
        memcpy(out, item.bytes, size);
    else
        r->wrong = true;
}

static uint32_t number(struct reading *r, const struct item *item, uint32_t most)
{
    if (item->negative || item->number > most) {
        r->wrong = true;
        return most;
    }
    return (uint32_t)item->number;
}

/* An optional round; NO_ROUND where the key is absent. */
static uint32_t round_of(struct reading *r, const char *key)
{
    struct item item;
    if (!map_find(r->map, r->len, key, &item))
        return NO_ROUND;
    if (item.kind != I_INTEGER) {
        r->wrong = true;
        return NO_ROUND;
    }
    return number(r, &item, UINT32_MAX - 1);
}

static void read_versions(struct reading *r, struct hello *hello)
{
    struct item array, low, high;
    size_t at = 0;
    if (!find(r, "versions", I_ARRAY, &array))
        return;
    if (array.number != 2 || !map_next(array.bytes, array.len, &at, &low) ||
        !map_next(array.bytes, array.len, &at, &high) || low.kind != I_INTEGER ||
        high.kind != I_INTEGER) {
        r->wrong = true;
        return;
    }
    hello->lowest = (uint16_t)number(r, &low, UINT16_MAX);
    hello->highest = (uint16_t)number(r, &high, UINT16_MAX);
    if (hello->lowest < 1 || hello->highest < hello->lowest)
        r->wrong = true;
}

static void read_endpoint(struct reading *r, struct hello *hello)
{
    struct item item;
    if (!find(r, "endpoint", I_STRING, &item))
        return;
    if (!endpoint_valid(item.bytes, item.len)) {
        r->wrong = true;
        return;
    }
    memcpy(hello->endpoint, item.bytes, item.len);
    hello->endpoint[item.len] = 0;
}

enum reason hello_read(const uint8_t *body, size_t len, struct hello *hello)
{
    struct reading r = {0};
    struct item item;
    *hello = (struct hello){0};
    if (len < sizeof MAGIC || memcmp(body, MAGIC, sizeof MAGIC) != 0)
        return R_VERSION;
    r.map = body + sizeof MAGIC;
    r.len = len - sizeof MAGIC;
    if (!map_valid(r.map, r.len))
        return R_MAP;
    /* FIXED-1: these two are in HELLO of every version; the rest may mean something else there. */
    read_endpoint(&r, hello);
    bool reachable = !r.wrong;
    r.wrong = false;
    read_versions(&r, hello);
    if (r.wrong)
        return R_MAP;
    if (hello->lowest > 1)
        return R_VERSION;
    if (!reachable)
        return R_MAP;
    if (find(&r, "agent", I_STRING, &item)) {
        hello->agent = (struct span){item.bytes, item.len};
        if (item.len > LIMIT_TEXT)
            r.wrong = true;
    }
    fixed(&r, "identity", hello->identity, IDENTITY);
    fixed(&r, "instance", hello->instance, INSTANCE);
    fixed(&r, "run", hello->run, DIGEST);
    if (find(&r, "known", I_INTEGER, &item))
        hello->known = number(&r, &item, UINT32_MAX);
    if (find(&r, "met", I_BOOL, &item))
        hello->met = item.number != 0;
    hello->held = round_of(&r, "held");
    hello->round = round_of(&r, "round");
    hello->start = round_of(&r, "start");
    return r.wrong ? R_MAP : ACCEPTED;
}

static void write_round(struct buf *b, const char *key, uint32_t round)
{
    if (round == NO_ROUND)
        return;
    map_write_key(b, key);
    map_write_number(b, round);
}

void hello_write(struct buf *b, const struct hello *hello, const char *grease)
{
    size_t pairs = 8U + (hello->held != NO_ROUND) + (hello->round != NO_ROUND) +
                   (hello->start != NO_ROUND) + (grease != NULL);
    buf_put(b, MAGIC, sizeof MAGIC);
    map_write_header(b, pairs);
    map_write_key(b, "agent");
    map_write_string(b, hello->agent.bytes, hello->agent.len);
    map_write_key(b, "endpoint");
    map_write_string(b, hello->endpoint, strlen(hello->endpoint));
    if (grease) { /* "grease-..." comes after "endpoint" and before "held" */
        map_write_key(b, grease);
        map_write_number(b, 1);
    }
    write_round(b, "held", hello->held);
    map_write_key(b, "identity");
    map_write_binary(b, hello->identity, IDENTITY);
    map_write_key(b, "instance");
    map_write_binary(b, hello->instance, INSTANCE);
    map_write_key(b, "known");
    map_write_number(b, hello->known);
    map_write_key(b, "met");
    map_write_bool(b, hello->met);
    write_round(b, "round", hello->round);
    map_write_key(b, "run");
    map_write_binary(b, hello->run, DIGEST);
    write_round(b, "start", hello->start);
    map_write_key(b, "versions");
    buf_u8(b, 0x92);
    map_write_number(b, hello->lowest);
    map_write_number(b, hello->highest);
}
