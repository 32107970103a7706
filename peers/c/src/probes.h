/* Which probes a ballot votes on (PROBE clauses). */
#ifndef PROBES_H
#define PROBES_H

#include "common.h"

/* Draws `count` different ids below `pool` into `ids`, in draw order. `count` is at most `pool`. */
void probes_draw(const uint8_t run_id[8], uint32_t round, uint64_t pool, uint32_t count,
                 uint32_t *ids);

#endif
