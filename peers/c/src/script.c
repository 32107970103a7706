/* Gossip scripts (9.3): the machine in virtual time, without a network. */
#include "conform.h"
#include "settings.h"

#include "seal.h"

#include <stdio.h>

struct script {
    struct run run;
    struct machine *machine;
    uint32_t *labels;
    size_t labels_count;
    cJSON *sent; /* of the step at hand */
    cJSON *tallies;
    cJSON *members;
};

static bool take_open(void *context, const char *endpoint)
{
    (void)context;
    (void)endpoint;
    return true;
}

static void take_close(void *context, const char *endpoint)
{
    (void)context;
    (void)endpoint;
}

static void take_send(void *context, const char *endpoint, const uint8_t *frame, size_t len)
{
    struct script *s = context;
    cJSON *sent = cJSON_CreateArray();
    cJSON_AddItemToArray(sent, cJSON_CreateString(endpoint));
    cJSON_AddItemToArray(sent, json_hex(frame, len));
    cJSON_AddItemToArray(s->sent, sent);
}

static uint32_t take_label(void *context, uint32_t id)
{
    const struct script *s = context;
    return id < s->labels_count ? s->labels[id] : id % s->run.classes;
}

static void take_tally(void *context, uint32_t round, size_t ballots, const uint8_t digest[DIGEST])
{
    struct script *s = context;
    char name[16];
    (void)ballots;
    snprintf(name, sizeof name, "%lu", (unsigned long)round);
    cJSON_AddItemToObject(s->tallies, name, json_hex(digest, DIGEST));
}

static void take_refused(void *context, unsigned code, const uint8_t *text, size_t len, bool by_them)
{
    (void)context;
    (void)code;
    (void)text;
    (void)len;
    (void)by_them;
}

static void take_finished(void *context, bool completed, uint32_t rounds)
{
    (void)context;
    (void)completed;
    (void)rounds;
}

static void take_member(void *context, const struct author *author, const char *state)
{
    struct script *s = context;
    cJSON *name = json_hex(author->b, AUTHOR);
    cJSON_AddStringToObject(s->members, name->valuestring, state);
    cJSON_Delete(name);
}

static void advance(struct script *s, when until)
{
    for (when due; (due = machine_next(s->machine)) <= until;)
        machine_tick(s->machine, due);
}

static bool equals(const cJSON *value, const char *word)
{
    return cJSON_IsString(value) && strcmp(value->valuestring, word) == 0;
}

static void start(struct script *s, const cJSON *step, when now)
{
    const cJSON *seeds = json_get(step, "seeds"), *item;
    const char **list = need((size_t)cJSON_GetArraySize(seeds), sizeof *list);
    size_t count = 0;
    cJSON_ArrayForEach(item, seeds)
        if (cJSON_IsString(item) && strlen(item->valuestring) <= LIMIT_ENDPOINT)
            list[count++] = item->valuestring;
    machine_start(s->machine, list, count, cJSON_IsTrue(json_get(step, "fresh")), now);
    free(list);
}

static bool receive(struct script *s, const cJSON *step, cJSON *out, when now)
{
    const cJSON *link = json_get(step, "link"), *frames = json_get(step, "frames");
    const cJSON *first = frames ? cJSON_GetArrayItem(frames, 0) : json_get(step, "frame");
    size_t parts = frames ? (size_t)cJSON_GetArraySize(frames) : 1, len = 0;
    char *name = link ? cJSON_PrintUnformatted(link) : NULL;
    uint8_t *frame = first ? json_bytes(first, &len) : need(1, 1);
    bool ok = name && strlen(name) < 256 && frame;
    if (ok) {
        enum reason reason = machine_receive(s->machine, (const uint8_t *)name, strlen(name), parts,
                                             frame, len, now);
        cJSON_AddStringToObject(out, "verdict", reason_verdict(reason));
        if (reason)
            cJSON_AddStringToObject(out, "reason", reason_name(reason));
    }
    free(name);
    free(frame);
    return ok;
}

static const char *do_step(struct script *s, const cJSON *step, cJSON *out)
{
    uint64_t at;
    const cJSON *what = json_get(step, "do");
    if (!json_number(json_get(step, "at"), UINT32_MAX, &at))
        return "a step without a time";
    when now = (when)at * 1000;
    s->sent = cJSON_AddArrayToObject(out, "send");
    advance(s, now);
    if (equals(what, "start"))
        start(s, step, now);
    else if (equals(what, "receive") && !receive(s, step, out, now))
        return "a frame that is not hexadecimal, or no link";
    else if (equals(what, "lost") && cJSON_IsString(json_get(step, "endpoint")))
        machine_lost(s->machine, json_get(step, "endpoint")->valuestring, now);
    else if (equals(what, "stop"))
        machine_stop(s->machine, now);
    advance(s, now);
    return NULL;
}

static const char *read_labels(struct script *s, const cJSON *labels)
{
    const cJSON *item;
    s->labels = need((size_t)cJSON_GetArraySize(labels), sizeof *s->labels);
    cJSON_ArrayForEach(item, labels) {
        uint64_t label;
        if (!json_number(item, s->run.highest, &label))
            return "a label that the run does not have";
        s->labels[s->labels_count++] = (uint32_t)label;
    }
    return NULL;
}

static const char *read_self(const struct run *run, const cJSON *from, struct self *self)
{
    const cJSON *endpoint = json_get(from, "endpoint");
    bool ok = json_fixed(json_get(from, "instance"), self->instance, INSTANCE) &&
              cJSON_IsString(endpoint) && strlen(endpoint->valuestring) <= LIMIT_ENDPOINT;
    if (run->sealed)
        ok = ok && json_fixed(json_get(from, "secret"), self->secret, IDENTITY) &&
             seal_identity(self->secret, self->identity);
    else
        ok = ok && json_fixed(json_get(from, "identity"), self->identity, IDENTITY);
    self->plain = true;
    if (ok)
        memcpy(self->endpoint, endpoint->valuestring, strlen(endpoint->valuestring) + 1);
    return ok ? NULL : "self without identity, instance or endpoint";
}

static const char *play(struct script *s, const cJSON *input, cJSON *result)
{
    struct timing timing;
    struct self self = {0};
    const cJSON *step;
    timing_defaults(&timing);
    const char *wrong = json_run(json_get(input, "run"), &s->run);
    if (!wrong)
        wrong = settings_timing(json_get(input, "timing"), &timing);
    if (!wrong)
        wrong = read_self(&s->run, json_get(input, "self"), &self);
    if (!wrong)
        wrong = read_labels(s, json_get(input, "labels"));
    if (wrong)
        return wrong;
    const struct sink sink = {s,          take_open,  take_send,    take_close,
                              take_label, take_tally, take_refused, take_finished};
    s->machine = machine_new(&s->run, &timing, &self, &sink, 1);
    cJSON *steps = cJSON_AddArrayToObject(result, "steps");
    s->tallies = cJSON_AddObjectToObject(result, "tallies");
    s->members = cJSON_AddObjectToObject(result, "members");
    cJSON_ArrayForEach(step, json_get(input, "steps")) {
        cJSON *out = cJSON_CreateObject();
        cJSON_AddItemToArray(steps, out);
        wrong = do_step(s, step, out);
        if (wrong)
            return wrong;
    }
    machine_members(s->machine, take_member, s);
    return NULL;
}

cJSON *answer_gossip(const cJSON *input, const char **why)
{
    struct script s = {0};
    cJSON *result = cJSON_CreateObject();
    const char *wrong = play(&s, input, result);
    if (s.machine)
        machine_free(s.machine);
    free(s.labels);
    if (!wrong)
        return result;
    *why = wrong;
    cJSON_Delete(result);
    return NULL;
}
