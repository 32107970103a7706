/* HELLO's map (3.1). */
#ifndef HELLO_H
#define HELLO_H

#include "buf.h"
#include "message.h"

/*
 * Reads HELLO from its body without signature. VERSION if the magic is missing or versions do not include 1;
 * MAP. On VERSION, hello->endpoint is empty unless there was one.
 */
enum reason hello_read(const uint8_t *body, size_t len, struct hello *hello);

/* Writes magic and map. `grease` is a key of GREASE-1 to be added, or NULL. */
void hello_write(struct buf *b, const struct hello *hello, const char *grease);

#endif
