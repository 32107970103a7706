/* Words that all files share: limits and reasons of chapter 6, names of chapter 1, numbers of chapter 2. */
#ifndef COMMON_H
#define COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUTHOR = 8,
    IDENTITY = 32,
    INSTANCE = 8,
    DIGEST = 32,
    TAG = 16,
    SIGNATURE = 64,
};

/* Chapter 6.1. */
enum {
    LIMIT_FRAME = 262144,
    LIMIT_HELLO = 4096,
    LIMIT_TEXT = 512,
    LIMIT_ENDPOINT = 255,
    LIMIT_MEMBERS = 1024,
    LIMIT_PEERS = 64,
    LIMIT_DIGEST = 128,
    LIMIT_HAVE = 2048,
    LIMIT_WANT = 256,
    LIMIT_PROBES = 65535,
    LIMIT_CLASSES = 16777215,
    LIMIT_LINKS = 4096,
};

/* Chapter 6.2; 0 means that nothing is wrong. */
enum reason {
    ACCEPTED = 0,
    R_VERSION = 10,
    R_MALFORMED = 11,
    R_TYPE = 12,
    R_RUN = 13,
    R_EARLY = 14,
    R_AUTHOR = 20,
    R_SEAL = 21,
    R_LENGTH = 30,
    R_MAP = 31,
    R_PADDING = 32,
    R_LABEL = 33,
    R_IDS = 34,
    R_ROUND = 35,
    R_EQUIVOCATION = 36,
    R_LIMIT = 40,
    R_INTERNAL = 50,
};

/* FRAME-13: "none" in a field that holds a round. */
#define NO_ROUND UINT32_MAX

struct author {
    uint8_t b[AUTHOR];
};

struct tag {
    uint8_t b[TAG];
};

/* The reason's name in the table of chapter 6; "?" for a number that is not there. */
const char *reason_name(unsigned code);

/* "accept", "ignore" or "reject" (VERDICT clauses). */
const char *reason_verdict(enum reason reason);

/* NAME-5. */
static inline int author_compare(const struct author *a, const struct author *b)
{
    return memcmp(a->b, b->b, AUTHOR);
}

/* FRAME-6. The caller has checked that the bytes are there. */
static inline uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void write_u32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* Memory or the end of the process: a peer without memory cannot keep its word anyway. */
void *need(size_t count, size_t size);
void *need_more(void *old, size_t count, size_t size);

#endif
