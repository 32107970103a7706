#include "json.h"

#include <inttypes.h>
#include <stdio.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

cJSON *json_parse(const char *text)
{
    size_t len = strlen(text), at = 0;
    char *quoted = need(2 * len + 1, 1); /* two quotes for sixteen digits or more */
    bool string = false;
    for (size_t i = 0; i < len;) {
        if (string && text[i] == '\\' && i + 1 < len) {
            quoted[at++] = text[i++];
        } else if (text[i] == '"') {
            string = !string;
        } else if (!string && digit(text[i])) {
            size_t n = 0;
            while (digit(text[i + n]))
                n++;
            bool whole = n > 15 && (i == 0 || (text[i - 1] != '-' && text[i - 1] != '.')) &&
                         text[i + n] != '.' && text[i + n] != 'e' && text[i + n] != 'E';
            if (whole)
                quoted[at++] = '"';
            memcpy(quoted + at, text + i, n);
            at += n;
            i += n;
            if (whole)
                quoted[at++] = '"';
            continue;
        }
        quoted[at++] = text[i++];
    }
    cJSON *value = cJSON_Parse(quoted);
    free(quoted);
    return value;
}

const cJSON *json_get(const cJSON *object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    return value && !cJSON_IsNull(value) ? value : NULL;
}

bool json_number(const cJSON *value, uint64_t most, uint64_t *number)
{
    if (!cJSON_IsNumber(value))
        return false;
    double v = value->valuedouble;
    if (!(v >= 0 && v <= 9007199254740992.0))
        return false;
    *number = (uint64_t)v;
    return (double)*number == v && *number <= most;
}

static int nibble(char c)
{
    if (digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = nibble(text[2 * i]);
        int low = high < 0 ? -1 : nibble(text[2 * i + 1]);
        if (low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return text[2 * size] == 0;
}

uint8_t *json_bytes(const cJSON *value, size_t *len)
{
    if (!cJSON_IsString(value))
        return NULL;
    *len = strlen(value->valuestring) / 2;
    uint8_t *bytes = need(*len, 1);
    if (unhex(value->valuestring, bytes, *len))
        return bytes;
    free(bytes);
    return NULL;
}

bool hex_fixed(const char *text, void *out, size_t size)
{
    return strlen(text) == 2 * size && unhex(text, out, size);
}

bool json_fixed(const cJSON *value, void *out, size_t size)
{
    return cJSON_IsString(value) && hex_fixed(value->valuestring, out, size);
}

cJSON *json_hex(const void *bytes, size_t len)
{
    static const char DIGITS[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    char *text = need(2 * len + 1, 1);
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = DIGITS[p[i] >> 4];
        text[2 * i + 1] = DIGITS[p[i] & 15];
    }
    cJSON *value = cJSON_CreateString(text);
    free(text);
    return value;
}

cJSON *json_text(const uint8_t *text, size_t len)
{
    char *raw = need(6 * len + 3, 1);
    size_t at = 0;
    raw[at++] = '"';
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] == '"' || text[i] == '\\' || text[i] == 0x7f)
            at += (size_t)snprintf(raw + at, 7, "\\u%04x", text[i]);
        else
            raw[at++] = (char)text[i];
    }
    raw[at++] = '"';
    raw[at] = 0;
    cJSON *value = cJSON_CreateRaw(raw);
    free(raw);
    return value;
}

void json_add_number(cJSON *object, const char *key, double number)
{
    cJSON_AddNumberToObject(object, key, number);
}

const char *json_run(const cJSON *object, struct run *run)
{
    const cJSON *item;
    run_defaults(run);
    if (!cJSON_IsObject(object))
        return "no run";
    cJSON_ArrayForEach(item, object) {
        char number[32];
        const char *value = number;
        uint64_t n;
        if (cJSON_IsString(item))
            value = item->valuestring;
        else if (cJSON_IsBool(item))
            value = cJSON_IsTrue(item) ? "1" : "0";
        else if (json_number(item, UINT64_MAX, &n))
            snprintf(number, sizeof number, "%" PRIu64, n);
        else
            return "a run parameter that is neither word nor number";
        const char *wrong = run_set(run, item->string, value);
        if (wrong)
            return wrong;
    }
    return run_finish(run);
}

struct ballot *json_ballot(const cJSON *object, uint32_t round)
{
    const cJSON *ids = json_get(object, "ids"), *item;
    struct ballot *ballot = need(1, sizeof *ballot);
    uint64_t n = round;
    size_t at = 0;
    ballot->votes = json_bytes(json_get(object, "votes"), &ballot->len);
    bool ok = ballot->votes && json_fixed(json_get(object, "author"), ballot->author.b, AUTHOR);
    if (json_get(object, "round"))
        ok = ok && json_number(json_get(object, "round"), NO_ROUND, &n);
    ballot->round = (uint32_t)n;
    if (ids) {
        ballot->ids_count = (size_t)cJSON_GetArraySize(ids);
        ballot->ids = need(ballot->ids_count, sizeof *ballot->ids);
        cJSON_ArrayForEach(item, ids) {
            ok = ok && json_number(item, UINT32_MAX, &n);
            ballot->ids[at++] = (uint32_t)n;
        }
    }
    if (ok)
        return ballot;
    ballot_free(ballot);
    return NULL;
}
