/* The command line: conform, run, fuzz. */
#include "conform.h"
#include "endpoint.h"
#include "fuzz.h"
#include "loop.h"
#include "settings.h"

#include <getopt.h>
#include <stdio.h>

static const char USAGE[] =
    "tally-peer conform\n"
    "tally-peer run --listen ENDPOINT [--seed ENDPOINT]... [--run FILE] [--rounds N]\n"
    "               [--identity HEX] [--labels FILE] [--quorum N] [--fresh] [--timing JSON]\n"
    "tally-peer fuzz FRAMES [SEED]\n";

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "tally-peer: %s: %s\n", what, why);
    return 2;
}

static bool number(const char *text, uint32_t *value)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || n < 1 || n > UINT32_MAX)
        return false;
    *value = (uint32_t)n;
    return true;
}

static const char *timing_from(const char *text, struct timing *timing)
{
    cJSON *object = json_parse(text);
    const char *why = object ? settings_timing(object, timing) : "no JSON";
    cJSON_Delete(object);
    return why;
}

/* An endpoint, or one whose port is `*`: any that is free. */
static bool can_be_dialled(const char *listen, size_t len)
{
    char copy[LIMIT_ENDPOINT + 1];
    if (len < 2 || len > LIMIT_ENDPOINT)
        return false;
    memcpy(copy, listen, len + 1);
    if (strcmp(copy + len - 2, ":*") == 0)
        copy[len - 1] = '1';
    return endpoint_valid((const uint8_t *)copy, len);
}

static const char *take(struct options *o, int option, const char *value)
{
    size_t len = value ? strlen(value) : 0;
    switch (option) {
    case 'l':
        o->listen = value;
        if (endpoint_encrypted(value))
            return "names a key, and this peer does not encrypt";
        return can_be_dialled(value, len) ? NULL : "is no endpoint that others can dial";
    case 's':
        if (!endpoint_valid((const uint8_t *)value, len))
            return "is no endpoint";
        if (endpoint_encrypted(value))
            return "names a key: this peer does not encrypt, and cannot talk to who does";
        o->seeds[o->seeds_count++] = value;
        return NULL;
    case 'r':
        o->descriptor = value;
        return NULL;
    case 'n': return number(value, &o->timing.rounds) ? NULL : "is no number of rounds";
    case 'q': return number(value, &o->timing.quorum) ? NULL : "is no number of members";
    case 'i':
        o->identity_given = hex_fixed(value, o->identity, IDENTITY);
        return o->identity_given ? NULL : "is not 64 lower-case hexadecimal digits";
    case 'b':
        o->labels = value;
        return NULL;
    case 'f':
        o->fresh = true;
        return NULL;
    case 't': return timing_from(value, &o->timing);
    default: return "is no option";
    }
}

static int run(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"listen", required_argument, NULL, 'l'},   {"seed", required_argument, NULL, 's'},
        {"run", required_argument, NULL, 'r'},      {"rounds", required_argument, NULL, 'n'},
        {"identity", required_argument, NULL, 'i'}, {"labels", required_argument, NULL, 'b'},
        {"quorum", required_argument, NULL, 'q'},   {"fresh", no_argument, NULL, 'f'},
        {"timing", required_argument, NULL, 't'},   {NULL, 0, NULL, 0}};
    struct options o = {.seeds = need((size_t)argc, sizeof *o.seeds)};
    int option, status = 0;
    timing_defaults(&o.timing);
    opterr = 0;
    while (!status && (option = getopt_long(argc, argv, ":", OPTIONS, NULL)) != -1) {
        const char *why = option == ':' ? "needs a value" : take(&o, option, optarg);
        if (why)
            status = usage(option == ':' || option == '?' ? argv[optind - 1] : optarg, why);
    }
    if (!status && optind < argc)
        status = usage(argv[optind], "is no option");
    if (!status && !o.listen)
        status = usage("--listen", "is missing");
    if (!status && !o.descriptor && !o.seeds_count)
        status = usage("--run", "is missing, and there is no --seed to ask for the run");
    if (!status)
        status = loop_run(&o);
    free(o.seeds);
    return status;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "conform") == 0)
        return conform();
    if (argc >= 2 && strcmp(argv[1], "run") == 0)
        return run(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "fuzz") == 0)
        return fuzz(argc - 2, argv + 2);
    fputs(USAGE, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
    return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
}
