#include "hash.h"

#include <openssl/evp.h>

static void must(int ok)
{
    if (ok != 1)
        abort(); /* libcrypto without SHA-256: nothing can be said in this protocol */
}

void hash_begin(struct hash *h)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL);
    must(EVP_DigestInit_ex(ctx, EVP_sha256(), NULL));
    h->state = ctx;
}

void hash_add(struct hash *h, const void *bytes, size_t len)
{
    if (len)
        must(EVP_DigestUpdate(h->state, bytes, len));
}

void hash_text(struct hash *h, const char *text)
{
    hash_add(h, text, strlen(text));
}

void hash_u32(struct hash *h, uint32_t v)
{
    uint8_t bytes[4];
    write_u32(bytes, v);
    hash_add(h, bytes, 4);
}

void hash_end(struct hash *h, uint8_t out[DIGEST])
{
    must(EVP_DigestFinal_ex(h->state, out, NULL));
    EVP_MD_CTX_free(h->state);
    h->state = NULL;
}

void hash_of(const void *bytes, size_t len, uint8_t out[DIGEST])
{
    struct hash h;
    hash_begin(&h);
    hash_add(&h, bytes, len);
    hash_end(&h, out);
}

struct author author_of(const uint8_t identity[IDENTITY])
{
    uint8_t digest[DIGEST];
    struct author author;
    hash_of(identity, IDENTITY, digest);
    memcpy(author.b, digest, AUTHOR);
    return author;
}
