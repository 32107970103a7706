/* JSON in and out, for people and for `conform` only; nothing of it travels. */
#ifndef JSON_H
#define JSON_H

#include "ballot.h"

#include <cjson/cJSON.h>

/* As cJSON_Parse, but an integer of more than 15 digits becomes a string: cJSON counts in doubles. */
cJSON *json_parse(const char *text);

/* A member of an object. NULL where it is absent or null. */
const cJSON *json_get(const cJSON *object, const char *key);

/* An integer from 0 to `most`. */
bool json_number(const cJSON *value, uint64_t most, uint64_t *number);

/* Hexadecimal to bytes, allocated. NULL if it is none. */
uint8_t *json_bytes(const cJSON *value, size_t *len);

/* Hexadecimal of exactly `size` bytes. */
bool json_fixed(const cJSON *value, void *out, size_t size);
bool hex_fixed(const char *text, void *out, size_t size);

cJSON *json_hex(const void *bytes, size_t len);

/* Any UTF-8, zero bytes included. */
cJSON *json_text(const uint8_t *text, size_t len);

void json_add_number(cJSON *object, const char *key, double number);

/* Run parameters by name. NULL, or what is wrong. */
const char *json_run(const cJSON *object, struct run *run);

/* Author, votes, ids and round (default `round`) of a ballot; freed by ballot_free. NULL if it is none. */
struct ballot *json_ballot(const cJSON *object, uint32_t round);

#endif
