/* Timing by name, from JSON (README, "Timing"): of a script, or of --timing. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "json.h"
#include "machine.h"

/* Overrides what the object names. NULL, or what is wrong with it. */
const char *settings_timing(const cJSON *object, struct timing *timing);

#endif
