/* Frames to messages and back (chapters 2 and 3, seals of chapter 7). */
#ifndef CODEC_H
#define CODEC_H

#include "buf.h"
#include "message.h"

/* Whom HELLO has bound to a connection. */
struct sender {
    uint8_t identity[IDENTITY];
    uint8_t instance[INSTANCE];
    struct author author;
};

/*
 * Reads one frame, in a connection of `sender` (NULL before HELLO). The message is to be freed by message_free
 * whatever is returned. It lives as long as the frame.
 */
enum reason codec_read(const struct run *run, const struct sender *sender, const uint8_t *frame,
                       size_t len, struct message *message);
void message_free(struct message *message);

/* Writers append a frame to an empty buffer. `secret` is used in sealed runs only. */
void codec_hello(struct buf *b, const struct run *run, const struct hello *hello,
                 const char *grease, const uint8_t secret[IDENTITY]);
void codec_bye(struct buf *b, const struct run *run, unsigned code, uint32_t last, const char *text,
               const uint8_t instance[INSTANCE], const uint8_t secret[IDENTITY]);
void codec_error(struct buf *b, unsigned code, const char *text);
void codec_ping(struct buf *b, uint32_t nonce, uint32_t roster);
void codec_pong(struct buf *b, uint32_t nonce, uint32_t roster, uint32_t round);
void codec_vote(struct buf *b, const struct run *run, const struct ballot *ballot, bool relayed);

/* Signs an own ballot, once (SEAL-9). */
void codec_seal(const struct run *run, struct ballot *ballot, const uint8_t secret[IDENTITY]);

#endif
