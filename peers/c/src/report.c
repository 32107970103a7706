#include "report.h"

#include <stdio.h>

static cJSON *event(const char *name)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "event", name);
    return object;
}

static void say(cJSON *object)
{
    char *line = cJSON_PrintUnformatted(object);
    if (line)
        puts(line);
    fflush(stdout);
    free(line);
    cJSON_Delete(object);
}

void report_listening(const char *endpoint, const struct author *author, const struct run *run)
{
    cJSON *object = event("listening");
    cJSON_AddStringToObject(object, "endpoint", endpoint);
    cJSON_AddItemToObject(object, "author", json_hex(author->b, AUTHOR));
    cJSON_AddItemToObject(object, "run", json_hex(run->digest, DIGEST));
    say(object);
}

void report_tally(uint32_t round, size_t ballots, const uint8_t digest[DIGEST])
{
    cJSON *object = event("tally");
    json_add_number(object, "round", round);
    json_add_number(object, "ballots", (double)ballots);
    cJSON_AddItemToObject(object, "digest", json_hex(digest, DIGEST));
    say(object);
}

void report_refused(unsigned code, const uint8_t *text, size_t len, bool by_them)
{
    cJSON *object = event("refused");
    json_add_number(object, "reason", code);
    cJSON_AddItemToObject(object, "text", json_text(text, len));
    cJSON_AddBoolToObject(object, "by_them", by_them);
    say(object);
}

void report_finished(bool completed, uint32_t rounds, uint64_t sent, uint64_t received)
{
    cJSON *object = event("finished");
    cJSON_AddBoolToObject(object, "completed", completed);
    json_add_number(object, "rounds", rounds);
    json_add_number(object, "sent", (double)sent);
    json_add_number(object, "received", (double)received);
    say(object);
}
