#include "conform.h"

#include <stdio.h>

static const struct {
    const char *kind;
    answer *give;
} KINDS[] = {
    {"bits", answer_bits},     {"probes", answer_probes}, {"digraph", answer_digraph},
    {"codec", answer_codec},   {"ledger", answer_ledger}, {"tally", answer_tally},
    {"seal", answer_seal},     {"gossip", answer_gossip},
};

static cJSON *result_of(const cJSON *question, const char **why)
{
    const cJSON *kind = json_get(question, "kind"), *input = json_get(question, "input");
    *why = "no case of this protocol";
    if (!cJSON_IsString(kind) || !input)
        return NULL;
    *why = "runs with a view (4.8)";
    if (json_get(json_get(input, "run"), "view"))
        return NULL;
    *why = "runs with an electorate (7.5)";
    if (json_get(json_get(input, "run"), "electorate"))
        return NULL;
    *why = "runs with one shape of model (RUN-8)";
    if (json_get(json_get(input, "run"), "model"))
        return NULL;
    *why = "a kind of vector that this peer does not know";
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strcmp(KINDS[i].kind, kind->valuestring) == 0) {
            *why = "this peer cannot read the input";
            return KINDS[i].give(input, why);
        }
    }
    return NULL;
}

static void answer_line(const char *line)
{
    const char *why;
    cJSON *question = json_parse(line);
    cJSON *reply = cJSON_CreateObject();
    const cJSON *name = json_get(question, "case");
    cJSON_AddItemToObject(reply, "case", name ? cJSON_Duplicate(name, true) : cJSON_CreateNull());
    cJSON *result = result_of(question, &why);
    if (result)
        cJSON_AddItemToObject(reply, "result", result);
    else
        cJSON_AddStringToObject(reply, "unimplemented", why);
    char *text = cJSON_PrintUnformatted(reply);
    puts(text ? text : "{}");
    fflush(stdout);
    free(text);
    cJSON_Delete(reply);
    cJSON_Delete(question);
}

int conform(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    while ((len = getline(&line, &room, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = 0;
        if (*line)
            answer_line(line);
    }
    free(line);
    return 0;
}
