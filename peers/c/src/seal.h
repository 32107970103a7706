/* Ed25519 seals (SEAL clauses). */
#ifndef SEAL_H
#define SEAL_H

#include "common.h"

/* A text to be signed, in at most four pieces that follow one another. */
struct sealed_text {
    const char *label; /* may be NULL */
    struct {
        const void *bytes;
        size_t len;
    } pieces[3];
};

/* SEAL-1: the public key of a secret seed. */
bool seal_identity(const uint8_t secret[IDENTITY], uint8_t identity[IDENTITY]);

bool seal_sign(const uint8_t secret[IDENTITY], const struct sealed_text *text,
               uint8_t signature[SIGNATURE]);

/* SEAL-5 and SEAL-6. */
bool seal_good(const uint8_t identity[IDENTITY], const struct sealed_text *text,
               const uint8_t signature[SIGNATURE]);

#endif
