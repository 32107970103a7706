/* The machine on a real network: one ROUTER, one DEALER for each line (2.1). */
#ifndef LOOP_H
#define LOOP_H

#include "machine.h"

struct options {
    const char *listen;
    const char **seeds;
    size_t seeds_count;
    const char *descriptor; /* file with the run descriptor; NULL: the first seed is asked */
    const char *labels;     /* file with a JSON array; NULL: id mod C */
    bool fresh;
    bool identity_given;
    uint8_t identity[IDENTITY]; /* in a sealed run the secret seed */
    struct timing timing;
};

/* The exit status: 0 when the peer finished or was told to leave, 1 when something was in the way. */
int loop_run(const struct options *options);

#endif
