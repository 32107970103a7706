/* The vectors (chapter 9): one case a line in, one result a line out. */
#ifndef CONFORM_H
#define CONFORM_H

#include "json.h"
#include "message.h"

/* Until standard input ends. The exit status. */
int conform(void);

/* A case's input to its result. NULL and *why (a literal) where this peer has none. */
typedef cJSON *answer(const cJSON *input, const char **why);

answer answer_bits, answer_probes, answer_digraph, answer_codec, answer_ledger, answer_tally,
    answer_seal, answer_gossip;

/* {"verdict": ..., "reason": ...}. */
cJSON *verdict_json(enum reason reason);

/* A message by the names of chapter 3. */
cJSON *message_json(const struct run *run, const struct message *m);

#endif
