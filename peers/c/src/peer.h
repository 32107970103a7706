/* The machine's state, and what its parts call of one another. Nothing outside the machine includes this. */
#ifndef PEER_H
#define PEER_H

#include "codec.h"
#include "ledger.h"
#include "machine.h"

enum phase { JOINING, OPEN, STAYING, DONE }; /* VOTING and LEARNING take no time here */
enum state { ALIVE, SUSPECT, GONE };

enum { FORMER = 8 };

struct member {
    struct author author;
    uint8_t identity[IDENTITY];
    uint8_t instance[INSTANCE];
    char endpoint[LIMIT_ENDPOINT + 1];
    enum state state;
    uint32_t start;     /* first round; NO_ROUND: undecided */
    uint32_t seen;      /* MEMBER-8; NO_ROUND: in none */
    uint32_t last;      /* of BYE, if `bye` */
    bool bye, finished; /* has said BYE; with code FINISHED */
    when heard;
    when owes;          /* since when a question is unanswered; NEVER: none is */
    when ping_at;       /* when it is pinged again if it still owes */
    when suspect_since;
    when synced;        /* when it was last sent HELLO and PEERS for MEMBER-7 */
    uint32_t asked;     /* round of the own ballot that it waits for (ROUND-5); NO_ROUND: none */
    bool pinged;        /* in this turn of MEMBER-2 */
    uint8_t former[FORMER][INSTANCE]; /* its earlier instances, newest last (CONTACT-6) */
    size_t formers;
};

/* An outbound connection. */
struct line {
    char endpoint[LIMIT_ENDPOINT + 1];
    bool open;     /* false: it broke, and is dialled again when something is to be said */
    bool answered; /* somebody there has spoken since it was opened */
    when opened;
    when hello_at; /* when HELLO is repeated; NEVER: it is not */
    when hello_gap;
};

/* An inbound connection that HELLO has bound. */
struct link {
    uint8_t id[255];
    size_t len;
    struct sender sender;
    uint64_t said; /* order of HELLO, for LIMIT-3 */
};

struct expected {
    struct author author;
    bool excused; /* ROUND-6 */
    bool asked;
    bool put_off; /* since the last WANT, because the author answers */
    when want_at, want_gap, wanted;
};

/* A round that was opened, and whose ballots may still be waited for. */
struct awaited {
    uint32_t round;
    when until; /* `deadline` after the own ballot */
    size_t count;
    struct expected *list;
};

struct machine {
    struct run run;
    struct timing timing;
    struct self self;
    struct author author;
    struct sink sink;
    uint64_t chance;

    enum phase phase;
    uint32_t start;  /* first round; NO_ROUND: undecided */
    uint32_t round;  /* the open one, and the last one in STAYING; NO_ROUND before the first */
    uint32_t last;   /* newest round voted in; NO_ROUND: none */
    uint32_t rounds; /* made so far */
    bool again;      /* more is to be done at once */
    when again_at;

    uint32_t told, held; /* JOIN-2: newest round named, newest own ballot held by others */
    when answered_at;    /* of the first answer */
    when join_at;        /* end of join_deadline */
    when close_at;       /* end of the round's deadline, or of STAYING */
    when ping_at, gossip_at, error_at;

    struct member *members;
    size_t members_count;
    struct line *lines;
    size_t lines_count;
    struct link *links;
    size_t links_count;
    uint64_t links_said;
    struct awaited *awaited; /* rounds ascending, at most retain + 1 */
    size_t awaited_count;
    struct ledger ledger;
};

static inline when later(when a, when b)
{
    return a > NEVER - b ? NEVER : a + b;
}

static inline when sooner(when a, when b)
{
    return a < b ? a : b;
}

/* Whether round a is the newer; NO_ROUND is older than all. */
static inline bool newer(uint32_t a, uint32_t b)
{
    return a != NO_ROUND && (b == NO_ROUND || a > b);
}

uint64_t chance_next(struct machine *m);
size_t chance_below(struct machine *m, size_t n);

/* lines.c: contact (4.2) */
struct line *line_find(const struct machine *m, const char *endpoint);
bool line_open(struct machine *m, const char *endpoint, when now);
void line_close(struct machine *m, const char *endpoint);
void say_hello(struct machine *m, struct line *line, when now);
void say_hello_to_all(struct machine *m, when now);
void say(struct machine *m, const struct member *member, const struct buf *frame, when now);
void say_bye(struct machine *m, const struct member *member, unsigned code, when now);
void say_peers(struct machine *m, const struct member *member, when now);
void say_error(struct machine *m, const struct member *member, enum reason reason, when now);
void refuse_stranger(struct machine *m, const char *endpoint, enum reason reason, const char *text,
                     when now);
void lines_tick(struct machine *m, when now);
when lines_next(const struct machine *m);

/* contact.c: HELLO and PEERS that come in */
enum reason hear_hello(struct machine *m, const uint8_t *link, size_t link_len,
                       const struct hello *hello, when now);
void hear_peers(struct machine *m, const struct message *message, when now);
struct link *link_find(const struct machine *m, const uint8_t *id, size_t len);

/* members.c: membership (4.3) */
struct member *member_find(const struct machine *m, const struct author *author);
struct member *member_at(const struct machine *m, const char *endpoint); /* NULL also if it is gone */
size_t members_present(const struct machine *m); /* that are not gone */
void member_lives(struct machine *m, struct member *member, when now);
void member_owes(struct machine *m, struct member *member, when now);
void who_else(struct machine *m, when now);
void member_gone(struct machine *m, struct member *member);
void member_seen(struct machine *m, struct member *member, uint32_t round);
void members_tick(struct machine *m, when now);
when members_next(const struct machine *m);
uint32_t roster_sum(const struct machine *m);
size_t roster_of(const struct machine *m, uint32_t round, struct author *authors);
void compare_rosters(struct machine *m, struct member *member, uint32_t theirs, when now);

/* joining.c (4.4) */
void joining_hear(struct machine *m, const struct hello *hello, bool first, when now);
void joining_tick(struct machine *m, when now);
when joining_next(const struct machine *m);

/* rounds.c (4.5) */
void round_open(struct machine *m, uint32_t round, when now);
void rounds_tick(struct machine *m, when now);
when rounds_next(const struct machine *m);
void give_up(struct machine *m, bool completed, when now);

/* ballots.c: VOTE, WANT and PONG in and out (4.5) */
uint32_t kept_from(const struct machine *m);
bool in_window(const struct machine *m, uint32_t round);
const struct ballot *own_ballot(struct machine *m, uint32_t round);
void send_entry(struct machine *m, const struct member *to, const struct entry *entry, when now);
void send_want(struct machine *m, struct member *to, const uint8_t *entries, size_t count, when now);
void say_pong(struct machine *m, const struct member *to, uint32_t nonce, when now);
enum reason hear_vote(struct machine *m, struct member *from, const struct message *message);
void hear_want(struct machine *m, struct member *from, const struct message *message, when now);
void hear_pong(struct machine *m, struct member *from, const struct message *message);

/* repair.c (4.6) */
uint32_t repair_floor(const struct machine *m);
void repair_tick(struct machine *m, when now);
void hear_digest(struct machine *m, const struct member *from, const struct message *message,
                 when now);
void hear_have(struct machine *m, struct member *from, const struct message *message, when now);

#endif
