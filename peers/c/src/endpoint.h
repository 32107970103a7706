/* Endpoints (ENDPOINT clauses). */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "common.h"

bool endpoint_valid(const uint8_t *text, size_t len);

#endif
