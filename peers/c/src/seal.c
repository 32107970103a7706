#include "seal.h"

#include <openssl/evp.h>

/* The y of the points of small order (SEAL-6, registries/small-order.json). */
static const uint8_t SMALL[][32] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static uint8_t *join(const struct sealed_text *text, size_t *len)
{
    size_t label = text->label ? strlen(text->label) : 0, total = label;
    for (size_t i = 0; i < 3; i++)
        total += text->pieces[i].len;
    uint8_t *bytes = need(total, 1);
    size_t at = label;
    if (label)
        memcpy(bytes, text->label, label);
    for (size_t i = 0; i < 3; i++)
        if (text->pieces[i].len) {
            memcpy(bytes + at, text->pieces[i].bytes, text->pieces[i].len);
            at += text->pieces[i].len;
        }
    *len = total;
    return bytes;
}

/* SEAL-6: below 2^255 - 19, and not of small order. */
static bool fit(const uint8_t encoded[32])
{
    uint8_t y[32];
    memcpy(y, encoded, 32);
    y[31] &= 0x7f;
    bool top = y[31] == 0x7f;
    for (size_t i = 1; i < 31; i++)
        top = top && y[i] == 0xff;
    if (top && y[0] >= 0xed)
        return false;
    for (size_t i = 0; i < sizeof SMALL / sizeof *SMALL; i++)
        if (memcmp(y, SMALL[i], 32) == 0)
            return false;
    return true;
}

bool seal_identity(const uint8_t secret[IDENTITY], uint8_t identity[IDENTITY])
{
    size_t len = IDENTITY;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, IDENTITY);
    bool ok = key && EVP_PKEY_get_raw_public_key(key, identity, &len) == 1 && len == IDENTITY;
    EVP_PKEY_free(key);
    return ok;
}

bool seal_sign(const uint8_t secret[IDENTITY], const struct sealed_text *text,
               uint8_t signature[SIGNATURE])
{
    size_t len, out = SIGNATURE;
    uint8_t *bytes = join(text, &len);
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, IDENTITY);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, signature, &out, bytes, len) == 1 && out == SIGNATURE;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    free(bytes);
    return ok;
}

bool seal_good(const uint8_t identity[IDENTITY], const struct sealed_text *text,
               const uint8_t signature[SIGNATURE])
{
    if (!fit(identity) || !fit(signature))
        return false;
    size_t len;
    uint8_t *bytes = join(text, &len);
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, identity, IDENTITY);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(ctx, signature, SIGNATURE, bytes, len) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    free(bytes);
    return ok;
}
