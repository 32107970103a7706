#include "common.h"

#include <stdio.h>

static const struct {
    enum reason reason;
    const char *name;
    const char *verdict;
} REASONS[] = {
    {ACCEPTED, "ACCEPTED", "accept"},
    {R_VERSION, "VERSION", "ignore"},
    {R_MALFORMED, "MALFORMED", "reject"},
    {R_TYPE, "TYPE", "ignore"},
    {R_RUN, "RUN", "ignore"},
    {R_EARLY, "EARLY", "ignore"},
    {R_AUTHOR, "AUTHOR", "reject"},
    {R_SEAL, "SEAL", "reject"},
    {R_LENGTH, "LENGTH", "reject"},
    {R_MAP, "MAP", "reject"},
    {R_PADDING, "PADDING", "reject"},
    {R_LABEL, "LABEL", "reject"},
    {R_IDS, "IDS", "reject"},
    {R_ROUND, "ROUND", "ignore"},
    {R_EQUIVOCATION, "EQUIVOCATION", "reject"},
    {R_LIMIT, "LIMIT", "reject"},
    {R_INTERNAL, "INTERNAL", "ignore"},
};

const char *reason_name(unsigned code)
{
    for (size_t i = 1; i < sizeof REASONS / sizeof *REASONS; i++)
        if ((unsigned)REASONS[i].reason == code)
            return REASONS[i].name;
    return "?";
}

const char *reason_verdict(enum reason reason)
{
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++)
        if (REASONS[i].reason == reason)
            return REASONS[i].verdict;
    return "ignore";
}

static void *or_end(void *memory)
{
    if (!memory) {
        fputs("tally-peer: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

void *need(size_t count, size_t size)
{
    return or_end(calloc(count ? count : 1, size ? size : 1));
}

void *need_more(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return or_end(NULL);
    size_t bytes = count * size;
    return or_end(realloc(old, bytes ? bytes : 1));
}
