/* Whether bytes are UTF-8: no overlong forms, no surrogates, nothing above 10ffff. */
#ifndef UTF8_H
#define UTF8_H

#include "common.h"

bool utf8_valid(const uint8_t *bytes, size_t len);

#endif
