/* The ten kinds of message (chapter 3). What a message points to lies in its frame. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "ballot.h"

enum kind {
    HELLO = 0x01,
    BYE = 0x02,
    ERROR = 0x03,
    PING = 0x04,
    PONG = 0x05,
    PEERS = 0x06,
    VOTE = 0x10,
    DIGESTS = 0x11,
    HAVE = 0x12,
    WANT = 0x13,
};

enum { BYE_LEAVES = 0, BYE_FINISHED = 1 };

struct span {
    const uint8_t *bytes;
    size_t len;
};

struct hello {
    struct span agent;
    char endpoint[LIMIT_ENDPOINT + 1];
    uint8_t identity[IDENTITY];
    uint8_t instance[INSTANCE];
    uint32_t known;
    bool met;
    uint8_t run[DIGEST];
    uint16_t lowest, highest;     /* versions */
    uint32_t held, round, start; /* NO_ROUND: absent */
};

struct message {
    unsigned kind;
    struct hello hello; /* `endpoint` and versions are also there where HELLO was refused for VERSION or RUN */
    uint8_t code;       /* BYE, ERROR */
    uint32_t last;      /* BYE */
    struct span text;   /* BYE, ERROR */
    uint32_t nonce, roster;
    uint32_t round; /* PONG, HAVE */
    struct span endpoints[LIMIT_PEERS];
    size_t count;          /* of endpoints or entries */
    const uint8_t *entries; /* DIGEST, HAVE, WANT, as they came */
    bool relayed;           /* VOTE with flag 01 */
    struct ballot ballot;   /* VOTE; `votes` lies in the frame, `ids` is the message's own */
};

enum { DIGEST_ENTRY = 22, HAVE_ENTRY = 24, WANT_ENTRY = 12 };

static inline struct author author_at(const uint8_t *bytes)
{
    struct author author;
    memcpy(author.b, bytes, AUTHOR);
    return author;
}

#endif
