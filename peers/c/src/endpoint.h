/* Endpoints (ENDPOINT clauses). */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "common.h"

bool endpoint_valid(const uint8_t *text, size_t len);

/* Whether who listens there speaks nothing but CURVE, which this peer does not (ENDPOINT-6). */
bool endpoint_encrypted(const char *text);

#endif
