#include "settings.h"

static const char *duration(const cJSON *item, when *value)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble > 0) || item->valuedouble > 1e9)
        return "a duration that is not more than 0 seconds";
    *value = (when)(item->valuedouble * 1e6 + 0.5);
    if (*value < 1)
        *value = 1;
    return NULL;
}

static const char *count(const cJSON *item, uint32_t least, uint32_t most, uint32_t *value)
{
    uint64_t n;
    if (!json_number(item, most, &n) || n < least)
        return "a number of timing out of its range";
    *value = (uint32_t)n;
    return NULL;
}

static const char *pace(const cJSON *item, enum pace *value)
{
    static const char *PACES[] = {"lockstep", "bounded", "free"};
    for (unsigned i = 0; i < 3; i++) {
        if (cJSON_IsString(item) && strcmp(item->valuestring, PACES[i]) == 0) {
            *value = (enum pace)i;
            return NULL;
        }
    }
    return "a pace that is none of lockstep, bounded, free";
}

static const char *set(const cJSON *item, struct timing *t)
{
    const struct {
        const char *name;
        when *value;
    } durations[] = {{"deadline", &t->deadline},
                     {"patience", &t->patience},
                     {"suspect_after", &t->suspect_after},
                     {"gone_after", &t->gone_after},
                     {"probe_interval", &t->probe_interval},
                     {"gossip_interval", &t->gossip_interval},
                     {"join_deadline", &t->join_deadline}};
    const struct {
        const char *name;
        uint32_t least, most, *value;
    } counts[] = {{"rounds", 1, UINT32_MAX, &t->rounds},
                  {"staleness", 0, UINT32_MAX, &t->staleness},
                  {"quorum", 1, UINT32_MAX, &t->quorum},
                  {"retain", 2, 16384, &t->retain},
                  {"ahead", 2, 16384, &t->ahead}};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
        if (strcmp(item->string, durations[i].name) == 0)
            return duration(item, durations[i].value);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(item->string, counts[i].name) == 0)
            return count(item, counts[i].least, counts[i].most, counts[i].value);
    return strcmp(item->string, "pace") == 0 ? pace(item, &t->pace) : "a name that is not in Timing";
}

const char *settings_timing(const cJSON *object, struct timing *timing)
{
    const cJSON *item;
    if (!object)
        return NULL;
    if (!cJSON_IsObject(object))
        return "timing that is no JSON object";
    cJSON_ArrayForEach(item, object) {
        const char *wrong = set(item, timing);
        if (wrong)
            return wrong;
    }
    return timing->staleness > timing->retain ? "staleness above retain" : NULL;
}
