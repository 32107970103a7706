/* What the peer says on standard output: one JSON object a line. */
#ifndef REPORT_H
#define REPORT_H

#include "json.h"

void report_listening(const char *endpoint, const struct author *author, const struct run *run);
void report_tally(uint32_t round, size_t ballots, const uint8_t digest[DIGEST]);
void report_refused(unsigned code, const uint8_t *text, size_t len, bool by_them);
void report_finished(bool completed, uint32_t rounds, uint64_t sent, uint64_t received);

#endif
