#include "fuzz.h"

#include "codec.h"
#include "endpoint.h"
#include "hash.h"
#include "machine.h"
#include "seal.h"

#include <stdio.h>

/*
 * Small swarms of machines in virtual time, one for each sort of run. What they say to one another is delivered
 * whole, mutated, cut, doubled, under a wrong name, or not at all, and nonsense comes in between.
 */

enum { PEERS_IN_SWARM = 3, QUEUE = 64, SWARMS = 5, MOST = 4096 };

struct queued {
    size_t from, to, len;
    uint8_t *bytes;
};

struct swarm;

struct seat {
    struct swarm *swarm;
    size_t index;
    struct machine *machine;
    char endpoint[32];
    struct self self;
};

struct swarm {
    struct run run;
    struct timing timing;
    struct seat seats[PEERS_IN_SWARM];
    struct queued queue[QUEUE];
    size_t count;
    when now;
};

struct totals {
    unsigned long frames, accepted, refused, tallies, restarts;
};

static struct totals totals;
static uint64_t state = 1;

static uint64_t chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t n)
{
    return (size_t)(chance() >> 11) % n;
}

static bool fuzz_open(void *context, const char *endpoint)
{
    (void)context;
    (void)endpoint;
    return below(50) != 0;
}

static void fuzz_close(void *context, const char *endpoint)
{
    (void)context;
    (void)endpoint;
}

static void fuzz_send(void *context, const char *endpoint, const uint8_t *frame, size_t len)
{
    struct seat *seat = context;
    struct swarm *swarm = seat->swarm;
    for (size_t i = 0; i < PEERS_IN_SWARM; i++) {
        if (strcmp(swarm->seats[i].endpoint, endpoint) != 0)
            continue;
        if (swarm->count == QUEUE)
            free(swarm->queue[--swarm->count].bytes);
        struct queued *q = &swarm->queue[swarm->count++];
        *q = (struct queued){seat->index, i, len, need(len, 1)};
        memcpy(q->bytes, frame, len);
    }
}

static uint32_t fuzz_label(void *context, uint32_t id)
{
    const struct seat *seat = context;
    return (uint32_t)(id + seat->index) % (seat->swarm->run.highest + 1);
}

static void fuzz_tally(void *context, uint32_t round, size_t ballots, const uint8_t digest[DIGEST])
{
    (void)context;
    (void)round;
    (void)ballots;
    (void)digest;
    totals.tallies++;
}

static void fuzz_refused(void *context, unsigned code, const uint8_t *text, size_t len, bool by_them)
{
    (void)context;
    (void)code;
    (void)text;
    (void)len;
    (void)by_them;
}

static void fuzz_finished(void *context, bool completed, uint32_t rounds)
{
    (void)context;
    (void)completed;
    (void)rounds;
}

static void sit_down(struct seat *seat)
{
    const struct sink sink = {seat,       fuzz_open,  fuzz_send,    fuzz_close,
                              fuzz_label, fuzz_tally, fuzz_refused, fuzz_finished};
    const char *seeds[PEERS_IN_SWARM];
    size_t count = 0;
    if (seat->machine)
        machine_free(seat->machine);
    for (size_t i = 0; i < INSTANCE; i++)
        seat->self.instance[i] = (uint8_t)chance();
    for (size_t i = 0; i < PEERS_IN_SWARM; i++)
        if (i != seat->index)
            seeds[count++] = seat->swarm->seats[i].endpoint;
    seat->machine =
        machine_new(&seat->swarm->run, &seat->swarm->timing, &seat->self, &sink, chance());
    machine_start(seat->machine, seeds, count, below(2) == 0, seat->swarm->now);
    totals.restarts++;
}

static void set_up(struct swarm *swarm, size_t sort)
{
    run_defaults(&swarm->run);
    timing_defaults(&swarm->timing);
    swarm->timing.rounds = 40000;
    swarm->timing.quorum = 2;
    swarm->timing.retain = 4 + (uint32_t)sort;
    swarm->timing.pace = sort == 3 ? BOUNDED : LOCKSTEP;
    swarm->run.probes = 4;
    swarm->run.rounds_per_ballot = 2;
    swarm->run.broadcast = sort >= 2;
    swarm->run.explicit_ids = sort == 1 || sort == 3;
    swarm->run.sealed = sort == 4;
    swarm->run.classes = sort == 1 ? 100 : 10;
    if (run_finish(&swarm->run))
        abort();
    for (size_t i = 0; i < PEERS_IN_SWARM; i++) {
        struct seat *seat = &swarm->seats[i];
        seat->swarm = swarm;
        seat->index = i;
        snprintf(seat->endpoint, sizeof seat->endpoint, "tcp://10.0.0.%u:%u", (unsigned)i + 1,
                 (unsigned)sort + 1);
        memcpy(seat->self.endpoint, seat->endpoint, sizeof seat->endpoint);
        memset(seat->self.secret, (int)(i + 1), IDENTITY);
        if (!swarm->run.sealed)
            memset(seat->self.identity, (int)(i + 1), IDENTITY);
        else if (!seal_identity(seat->self.secret, seat->self.identity))
            abort();
    }
    for (size_t i = 0; i < PEERS_IN_SWARM; i++)
        sit_down(&swarm->seats[i]);
}

/* A ballot that was accepted is written again as the same bytes (FRAME-11). */
static void check_one_form(const struct swarm *swarm, const struct sender *sender,
                           const uint8_t *frame, size_t len)
{
    struct message m;
    struct buf b;
    if (codec_read(&swarm->run, sender, frame, len, &m) == ACCEPTED && m.kind == VOTE) {
        buf_init(&b, LIMIT_FRAME);
        codec_vote(&b, &swarm->run, &m.ballot, m.relayed);
        if (b.full || b.len != len || memcmp(b.data, frame, len) != 0) {
            fputs("tally-peer: an accepted ballot has two forms\n", stderr);
            abort();
        }
        buf_free(&b);
    }
    message_free(&m);
}

/* Exactly as long as the frame, so that a sanitizer sees a read beyond it. */
static void deliver(struct swarm *swarm, size_t from, size_t to, const uint8_t *frame, size_t len)
{
    struct seat *seat = &swarm->seats[to];
    uint8_t link[9] = {1, (uint8_t)from};
    uint8_t *exact = malloc(len ? len : 1);
    struct sender sender;
    if (!exact)
        abort();
    if (len)
        memcpy(exact, frame, len);
    if (below(50) == 0)
        link[2] = (uint8_t)chance();
    memcpy(sender.identity, swarm->seats[from % PEERS_IN_SWARM].self.identity, IDENTITY);
    memcpy(sender.instance, swarm->seats[from % PEERS_IN_SWARM].self.instance, INSTANCE);
    sender.author = author_of(sender.identity);
    check_one_form(swarm, below(10) ? &sender : NULL, exact, len);
    size_t parts = below(500) ? 1 : below(3);
    enum reason reason = machine_receive(seat->machine, link, sizeof link, parts,
                                         parts ? exact : NULL, parts ? len : 0, swarm->now);
    totals.frames++;
    if (reason)
        totals.refused++;
    else
        totals.accepted++;
    free(exact);
}

static size_t mutate(uint8_t *bytes, size_t len)
{
    static const uint8_t NASTY[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xc0, 0xd9, 0xdc, 0xde, 0xdf, 0x9f};
    for (size_t n = 1 + below(3); n; n--) {
        size_t at = below(len ? len : 1);
        switch (below(7)) {
        case 0:
            if (len)
                bytes[at] = (uint8_t)(bytes[at] ^ 1U << below(8));
            break;
        case 1:
            if (len)
                bytes[at] = NASTY[below(sizeof NASTY)];
            break;
        case 2: len = below(len + 1); break;
        case 3:
            for (size_t more = below(40); more && len < MOST; more--)
                bytes[len++] = (uint8_t)chance();
            break;
        case 4: /* a byte out */
            if (len) {
                memmove(bytes + at, bytes + at + 1, len - at - 1);
                len--;
            }
            break;
        case 5: /* a byte in */
            if (len && len < MOST) {
                memmove(bytes + at + 1, bytes + at, len - at);
                bytes[at] = (uint8_t)chance();
                len++;
            }
            break;
        default: /* a number of four bytes */
            if (len >= at + 4)
                write_u32(bytes + at, below(2) ? UINT32_MAX - (uint32_t)below(3)
                                               : (uint32_t)below(64));
        }
    }
    return len;
}

static size_t nonsense(uint8_t *bytes)
{
    static const uint8_t KINDS[] = {1, 2, 3, 4, 5, 6, 0x10, 0x11, 0x12, 0x13, 0x07, 0x8a, 0xff};
    size_t len = below(below(20) ? 80 : MOST);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)chance();
    if (len > 1 && below(4)) {
        bytes[0] = KINDS[below(sizeof KINDS)];
        bytes[1] = (uint8_t)below(8);
    }
    return len;
}

static void let_time_pass(struct swarm *swarm)
{
    swarm->now += (when)below(300000);
    for (size_t i = 0; i < PEERS_IN_SWARM; i++) {
        struct seat *seat = &swarm->seats[i];
        if (machine_next(seat->machine) <= swarm->now)
            machine_tick(seat->machine, swarm->now);
        if (below(5000) == 0)
            machine_lost(seat->machine, swarm->seats[(i + 1) % PEERS_IN_SWARM].endpoint, swarm->now);
        if (below(20000) == 0)
            machine_stop(seat->machine, swarm->now);
        if (machine_done(seat->machine))
            sit_down(seat);
    }
}

/* The other bytes that strangers write: run descriptors (in ERROR) and endpoints. */
static void texts(const struct swarm *swarm)
{
    static const char *ENDPOINTS[] = {"tcp://10.0.0.7:5555", "tcp://[fe80::1:2]:80",
                                      "tcp://[::ffff:1.2.3.4]:1", "tcp://a-b.c:65535", "ipc:///tmp/a"};
    uint8_t bytes[MOST];
    const char *text = below(2) ? swarm->run.descriptor : ENDPOINTS[below(5)];
    size_t len = strlen(text);
    struct run run;
    memcpy(bytes, text, len);
    len = mutate(bytes, len);
    uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        abort();
    memcpy(exact, bytes, len);
    (void)endpoint_valid(exact, len);
    (void)run_parse(&run, exact, len);
    free(exact);
}

static void step(struct swarm *swarm)
{
    uint8_t bytes[MOST];
    size_t len = 0, from = below(PEERS_IN_SWARM), to = below(PEERS_IN_SWARM);
    let_time_pass(swarm);
    if (below(8) == 0)
        texts(swarm);
    if (swarm->count && below(10)) {
        struct queued q = swarm->queue[0];
        swarm->count--;
        memmove(&swarm->queue[0], &swarm->queue[1], swarm->count * sizeof q);
        from = q.from;
        to = q.to;
        len = q.len < MOST ? q.len : MOST;
        memcpy(bytes, q.bytes, len);
        free(q.bytes);
        size_t how = below(10);
        if (how == 0)
            return; /* lost */
        if (how == 1)
            deliver(swarm, from, to, bytes, len);
        if (how < 7) /* the whole one as well, so that the swarm gets on */
            deliver(swarm, from, to, bytes, len);
        if (how > 4)
            len = mutate(bytes, len);
    } else {
        len = nonsense(bytes);
    }
    deliver(swarm, below(20) ? from : PEERS_IN_SWARM + below(8), to, bytes, len);
}

static void tear_down(struct swarm *swarm)
{
    for (size_t i = 0; i < swarm->count; i++)
        free(swarm->queue[i].bytes);
    for (size_t i = 0; i < PEERS_IN_SWARM; i++)
        machine_free(swarm->seats[i].machine);
}

static void one_frame(struct swarm *swarms)
{
    uint8_t *bytes = need(LIMIT_FRAME + 1, 1);
    size_t len = fread(bytes, 1, LIMIT_FRAME + 1, stdin);
    for (size_t i = 0; i < SWARMS; i++)
        deliver(&swarms[i], 0, 1, bytes, len);
    free(bytes);
}

int fuzz(int argc, char **argv)
{
    static struct swarm swarms[SWARMS];
    unsigned long frames = argc > 0 ? strtoul(argv[0], NULL, 10) : 0;
    if (argc < 1 || (frames == 0 && strcmp(argv[0], "-") != 0)) {
        fputs("tally-peer: fuzz needs a number of frames, or -\n", stderr);
        return 2;
    }
    state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    if (!state)
        state = 1;
    for (size_t i = 0; i < SWARMS; i++)
        set_up(&swarms[i], i);
    if (!frames)
        one_frame(swarms);
    while (totals.frames < frames)
        step(&swarms[below(SWARMS)]);
    for (size_t i = 0; i < SWARMS; i++)
        tear_down(&swarms[i]);
    printf("%lu frames: %lu accepted, %lu refused; %lu tallies, %lu starts\n", totals.frames,
           totals.accepted, totals.refused, totals.tallies, totals.restarts);
    return 0;
}
