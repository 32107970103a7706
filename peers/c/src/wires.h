/* ZeroMQ: one ROUTER that only receives, and DEALERs that only send (FRAME clauses). */
#ifndef WIRES_H
#define WIRES_H

#include "common.h"

struct wires;

/* Listens; `endpoint` may end in a wildcard port. NULL, with *why for a person, if it cannot. */
struct wires *wires_new(const char *endpoint, const char **why);

/* What was sent last may still leave, for a second. */
void wires_free(struct wires *w);

/* Where it listens, as others can dial it. */
const char *wires_endpoint(const struct wires *w);

bool wires_open(struct wires *w, const char *endpoint);
void wires_close(struct wires *w, const char *endpoint);
/* Drops what does not fit (FRAME-5). */
void wires_send(struct wires *w, const char *endpoint, const uint8_t *frame, size_t len);

/* Waits at most `milliseconds` for anything, on `signal_fd` too. */
void wires_wait(struct wires *w, int signal_fd, long milliseconds);

/*
 * The next message that has come, if there is one: its connection, how many frames it had, and the first of them.
 * Valid until the next call.
 */
struct arrival {
    const uint8_t *link, *frame;
    size_t link_len, parts, len;
};
bool wires_receive(struct wires *w, struct arrival *arrival);

/* An endpoint to which a connection broke since the last call, if there is one; it stays open until closed. */
bool wires_lost(struct wires *w, char endpoint[LIMIT_ENDPOINT + 1]);

uint64_t wires_sent(const struct wires *w);     /* bytes of frames */
uint64_t wires_received(const struct wires *w); /* bytes of frames */

#endif
