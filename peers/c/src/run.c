#include "run.h"

#include "bits.h"
#include "hash.h"

#include <inttypes.h>
#include <stdio.h>

void run_defaults(struct run *run)
{
    *run = (struct run){
        .classes = 10, .abstain = true, .pool = 300, .probes = 32, .rounds_per_ballot = 8, .degree = 2};
    memset(run->pool_digest, '0', 64);
}

/* Decimal without leading zeros, from `least` to `most`. */
static bool number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
    if (!*text || (text[0] == '0' && text[1]))
        return false;
    uint64_t sum = 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        unsigned digit = (unsigned)(*text - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return sum >= least && sum <= most;
}

static bool word(const char *text, const char *no, const char *yes, bool *value)
{
    *value = strcmp(text, yes) == 0;
    return *value || strcmp(text, no) == 0;
}

static bool hexadecimal(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

const char *run_set(struct run *run, const char *name, const char *value)
{
    uint64_t n = 0;
    bool ok;
    if (strcmp(name, "seed") == 0) {
        ok = number(value, 0, INT64_MAX, &run->seed);
    } else if (strcmp(name, "classes") == 0) {
        ok = number(value, 2, LIMIT_CLASSES, &n);
        run->classes = (uint32_t)n;
    } else if (strcmp(name, "abstain") == 0) {
        ok = word(value, "0", "1", &run->abstain);
    } else if (strcmp(name, "pool") == 0) {
        ok = number(value, 1, UINT32_MAX, &run->pool);
    } else if (strcmp(name, "pool_digest") == 0) {
        ok = hexadecimal(value);
        if (ok)
            memcpy(run->pool_digest, value, 65);
    } else if (strcmp(name, "probes") == 0) {
        ok = number(value, 1, LIMIT_PROBES, &n);
        run->probes = (uint32_t)n;
    } else if (strcmp(name, "rounds_per_ballot") == 0) {
        ok = number(value, 1, LIMIT_PROBES, &n);
        run->rounds_per_ballot = (uint32_t)n;
    } else if (strcmp(name, "spreading") == 0) {
        ok = word(value, "sampled", "broadcast", &run->broadcast);
    } else if (strcmp(name, "degree") == 0) {
        ok = number(value, 1, UINT32_MAX, &run->degree);
    } else if (strcmp(name, "ids") == 0) {
        ok = word(value, "derived", "explicit", &run->explicit_ids);
    } else if (strcmp(name, "seal") == 0) {
        ok = word(value, "none", "ed25519", &run->sealed);
    } else {
        return "a run parameter that this peer does not know";
    }
    return ok ? NULL : "a run parameter out of its range";
}

const char *run_finish(struct run *run)
{
    uint64_t votes = (uint64_t)run->probes * run->rounds_per_ballot;
    if (votes > LIMIT_PROBES || votes > run->pool)
        return "probes times rounds_per_ballot is above pool or 65535";
    run->votes = (uint32_t)votes;
    run->highest = run->abstain ? run->classes : run->classes - 1;
    run->bits = bits_for(run->highest);
    int len = snprintf(run->descriptor, sizeof run->descriptor,
                       "tally/1\nseed=%" PRIu64 "\nclasses=%" PRIu32 "\nabstain=%d\npool=%" PRIu64
                       "\npool_digest=%s\nprobes=%" PRIu32 "\nrounds_per_ballot=%" PRIu32
                       "\nspreading=%s\ndegree=%" PRIu64 "\nids=%s\n%s",
                       run->seed, run->classes, run->abstain, run->pool, run->pool_digest,
                       run->probes, run->rounds_per_ballot, run->broadcast ? "broadcast" : "sampled",
                       run->degree, run->explicit_ids ? "explicit" : "derived",
                       run->sealed ? "seal=ed25519\n" : "");
    if (len < 0 || (size_t)len >= sizeof run->descriptor)
        return "a run descriptor that is too long";
    hash_of(run->descriptor, (size_t)len, run->digest);
    memcpy(run->id, run->digest, sizeof run->id);
    return NULL;
}

const char *run_parse(struct run *run, const uint8_t *text, size_t len)
{
    static const char *FIRST = "tally/1\n";
    char copy[DESCRIPTOR];
    if (len >= sizeof copy || len < strlen(FIRST) || memcmp(text, FIRST, strlen(FIRST)) != 0 ||
        memchr(text, 0, len))
        return "no run descriptor of version 1";
    memcpy(copy, text, len);
    copy[len] = 0;
    run_defaults(run);
    for (char *line = copy + strlen(FIRST); *line;) {
        char *end = strchr(line, '\n');
        char *equals = strchr(line, '=');
        if (!end || !equals || equals > end)
            return "a line of the run descriptor that is not name=value";
        *end = *equals = 0;
        const char *wrong = run_set(run, line, equals + 1);
        if (wrong)
            return wrong;
        line = end + 1;
    }
    const char *wrong = run_finish(run);
    if (wrong)
        return wrong;
    /* One form only: written again it must be the same bytes. */
    if (strlen(run->descriptor) != len || memcmp(run->descriptor, text, len) != 0)
        return "a run descriptor that is not in its one form";
    return NULL;
}
