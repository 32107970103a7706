/*
 * The peer as a machine without clock, sockets or chance of its own (chapter 4): events come in by the functions
 * below, effects go out by `struct sink`. Times are microseconds of a clock that never goes back (TIMING-1).
 */
#ifndef MACHINE_H
#define MACHINE_H

#include "run.h"

typedef int64_t when;
#define NEVER INT64_MAX

enum pace { LOCKSTEP, BOUNDED, FREE };

/* README, "Timing". */
struct timing {
    uint32_t rounds;
    enum pace pace;
    uint32_t staleness;
    uint32_t quorum;
    when deadline, patience, suspect_after, gone_after, probe_interval, gossip_interval, join_deadline;
    uint32_t retain, ahead;
};

void timing_defaults(struct timing *timing);

/* What the machine wants done. It calls them in order; none may call the machine. */
struct sink {
    void *context;
    bool (*open)(void *context, const char *endpoint); /* false: it cannot be dialled */
    void (*send)(void *context, const char *endpoint, const uint8_t *frame, size_t len);
    void (*close)(void *context, const char *endpoint);
    uint32_t (*label)(void *context, uint32_t id); /* the peer's opinion on a probe */
    void (*tally)(void *context, uint32_t round, size_t ballots, const uint8_t digest[DIGEST]);
    void (*refused)(void *context, unsigned code, const uint8_t *text, size_t len, bool by_them);
    void (*finished)(void *context, bool completed, uint32_t rounds);
};

struct self {
    uint8_t identity[IDENTITY];
    uint8_t instance[INSTANCE];
    uint8_t secret[IDENTITY]; /* sealed runs only */
    char endpoint[LIMIT_ENDPOINT + 1];
    bool plain; /* leaves out what GREASE-2 adds */
};

struct machine;

struct machine *machine_new(const struct run *run, const struct timing *timing,
                            const struct self *self, const struct sink *sink, uint64_t chance);
void machine_free(struct machine *m);

void machine_start(struct machine *m, const char *const *seeds, size_t count, bool fresh, when now);

/* A message of `parts` frames, the first of them given, on an inbound connection named by its routing id. */
enum reason machine_receive(struct machine *m, const uint8_t *link, size_t link_len, size_t parts,
                            const uint8_t *frame, size_t len, when now);

/* The outbound connection to an endpoint broke. */
void machine_lost(struct machine *m, const char *endpoint, when now);

/* Does what is due. */
void machine_tick(struct machine *m, when now);

/* When the next thing is due; NEVER if nothing is. */
when machine_next(const struct machine *m);

/* Somebody wants the peer to leave. */
void machine_stop(struct machine *m, when now);

bool machine_done(const struct machine *m);

/* Every other member and its state: alive, suspect or gone. */
void machine_members(const struct machine *m,
                     void (*each)(void *context, const struct author *author, const char *state),
                     void *context);

#endif
