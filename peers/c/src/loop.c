#include "loop.h"

#include "codec.h"
#include "hash.h"
#include "endpoint.h"
#include "report.h"
#include "seal.h"
#include "wires.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE = 256 }; /* messages taken in before what is due is looked at again */

struct loop {
    const struct options *options;
    struct run run;
    struct self self;
    struct wires *wires;
    struct machine *machine;
    uint32_t *labels;
    size_t labels_count;
    when quiet_until; /* refusals are told to a person a few times a second at most */
    bool leaving; /* somebody wants the peer to leave */
    bool completed;
    uint32_t rounds;
};

static int signal_pipe[2] = {-1, -1};

static void on_signal(int number)
{
    int kept = errno;
    char byte = (char)number;
    ssize_t ignored = write(signal_pipe[1], &byte, 1);
    (void)ignored;
    errno = kept;
}

static bool catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    if (pipe(signal_pipe) != 0 || fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(signal_pipe[0], F_SETFL, O_NONBLOCK) != 0)
        return false;
    signal(SIGPIPE, SIG_IGN);
    return sigaction(SIGTERM, &action, NULL) == 0 && sigaction(SIGINT, &action, NULL) == 0;
}

static bool told_to_leave(struct loop *loop)
{
    char byte;
    if (read(signal_pipe[0], &byte, 1) == 1)
        loop->leaving = true;
    return loop->leaving;
}

static when clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (when)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool random_bytes(void *out, size_t len)
{
    return RAND_bytes(out, (int)len) == 1;
}

static int wrong(const char *what, const char *why)
{
    fprintf(stderr, "tally-peer: %s: %s\n", what, why);
    return 1;
}

/* A file of at most `limit` bytes, with a zero behind them. NULL if it cannot be read whole. */
static char *read_file(const char *path, size_t limit, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t room = 0;
    *len = 0;
    for (;;) {
        if (*len + 1 >= room) {
            room = room ? room * 2 : 4096;
            text = need_more(text, room, 1);
        }
        size_t got = fread(text + *len, 1, room - *len - 1, file);
        *len += got;
        if (!got || *len > limit)
            break;
    }
    bool whole = feof(file) && *len <= limit;
    fclose(file);
    text[*len] = 0;
    if (whole)
        return text;
    free(text);
    return NULL;
}

/* Effects of the machine. */

static bool do_open(void *context, const char *endpoint)
{
    return wires_open(((struct loop *)context)->wires, endpoint);
}

static void do_send(void *context, const char *endpoint, const uint8_t *frame, size_t len)
{
    wires_send(((struct loop *)context)->wires, endpoint, frame, len);
}

static void do_close(void *context, const char *endpoint)
{
    wires_close(((struct loop *)context)->wires, endpoint);
}

static uint32_t do_label(void *context, uint32_t id)
{
    const struct loop *loop = context;
    return id < loop->labels_count ? loop->labels[id] : id % loop->run.classes;
}

static void do_tally(void *context, uint32_t round, size_t ballots, const uint8_t digest[DIGEST])
{
    (void)context;
    report_tally(round, ballots, digest);
}

static void do_refused(void *context, unsigned code, const uint8_t *text, size_t len, bool by_them)
{
    struct loop *loop = context;
    static const enum reason ORDINARY[] = {R_TYPE, R_EARLY, R_ROUND, R_INTERNAL};
    for (size_t i = 0; !by_them && i < sizeof ORDINARY / sizeof *ORDINARY; i++)
        if (code == (unsigned)ORDINARY[i])
            return;
    if (clock_now() < loop->quiet_until)
        return;
    loop->quiet_until = clock_now() + 200000;
    const char *name = reason_name(code);
    if (!text) {
        text = (const uint8_t *)name;
        len = strlen(name);
    }
    report_refused(code, text, len, by_them);
}

static void do_finished(void *context, bool completed, uint32_t rounds)
{
    struct loop *loop = context;
    loop->completed = completed;
    loop->rounds = rounds;
}

/* What a person gave. */

static const char *read_labels(struct loop *loop, const char *path)
{
    size_t len;
    char *text = read_file(path, (size_t)1 << 30, &len);
    cJSON *array = text ? json_parse(text) : NULL;
    const cJSON *item;
    free(text);
    if (!cJSON_IsArray(array)) {
        cJSON_Delete(array);
        return "no JSON array can be read there";
    }
    loop->labels = need((size_t)cJSON_GetArraySize(array), sizeof *loop->labels);
    cJSON_ArrayForEach(item, array) {
        uint64_t label;
        if (!json_number(item, loop->run.highest, &label)) {
            cJSON_Delete(array);
            return "a label that the run does not have";
        }
        loop->labels[loop->labels_count++] = (uint32_t)label;
    }
    cJSON_Delete(array);
    return NULL;
}

/* Takes the descriptor from an ERROR of reason RUN. */
static bool learn_from(struct loop *loop, const struct arrival *arrival)
{
    struct run none = {0};
    struct message message;
    enum reason reason = arrival->parts == 1
                             ? codec_read(&none, NULL, arrival->frame, arrival->len, &message)
                             : R_MALFORMED;
    return reason == ACCEPTED && message.kind == ERROR && message.code == R_RUN &&
           !run_parse(&loop->run, message.text.bytes, message.text.len);
}

/* Says HELLO for the run of 32 zero bytes to the first seed, until it answers (1.4). */
static const char *ask_for_run(struct loop *loop)
{
    const struct timing *timing = &loop->options->timing;
    const char *seed = loop->options->seeds[0];
    struct run none = {0};
    struct hello hello = {.known = 1, .lowest = 1, .highest = 1, .held = NO_ROUND,
                          .round = NO_ROUND, .start = NO_ROUND};
    static const char AGENT[] = "tally-peer/1 (C)";
    struct arrival arrival;
    struct buf b;
    bool known = false;
    hello.agent = (struct span){(const uint8_t *)AGENT, sizeof AGENT - 1};
    memcpy(hello.endpoint, loop->self.endpoint, sizeof hello.endpoint);
    memcpy(hello.instance, loop->self.instance, INSTANCE);
    if (!random_bytes(hello.identity, IDENTITY) || !wires_open(loop->wires, seed))
        return "it cannot be dialled";
    buf_init(&b, LIMIT_HELLO);
    codec_hello(&b, &none, &hello, NULL, NULL);
    when end = clock_now() + timing->join_deadline, next = 0;
    while (!known && clock_now() < end && !told_to_leave(loop)) {
        if (clock_now() >= next) {
            wires_send(loop->wires, seed, b.data, b.len);
            next = clock_now() + timing->patience;
        }
        wires_wait(loop->wires, signal_pipe[0], 100);
        while (!known && wires_receive(loop->wires, &arrival))
            known = learn_from(loop, &arrival);
    }
    buf_free(&b);
    wires_close(loop->wires, seed);
    return known ? NULL : "nobody there has told the run";
}

static const char *read_run(struct loop *loop, const char *path)
{
    size_t len;
    char *text = read_file(path, DESCRIPTOR, &len);
    if (!text)
        return "it cannot be read";
    const char *why = run_parse(&loop->run, (const uint8_t *)text, len);
    free(text);
    return why;
}

static bool read_identity(struct loop *loop)
{
    uint8_t *given = loop->run.sealed ? loop->self.secret : loop->self.identity;
    if (loop->options->identity_given)
        memcpy(given, loop->options->identity, IDENTITY);
    else if (!random_bytes(given, IDENTITY))
        return false;
    return !loop->run.sealed || seal_identity(loop->self.secret, loop->self.identity);
}

/* Takes in what has come, at most so much that what is due does not wait. */
static void take_in(struct loop *loop)
{
    struct arrival arrival;
    char endpoint[LIMIT_ENDPOINT + 1];
    for (int n = 0; n < AT_ONCE && wires_receive(loop->wires, &arrival); n++)
        machine_receive(loop->machine, arrival.link, arrival.link_len, arrival.parts,
                        arrival.frame, arrival.len, clock_now());
    while (wires_lost(loop->wires, endpoint))
        machine_lost(loop->machine, endpoint, clock_now());
}

static void turn(struct loop *loop)
{
    while (!machine_done(loop->machine)) {
        if (told_to_leave(loop)) {
            machine_stop(loop->machine, clock_now());
            break;
        }
        if (machine_next(loop->machine) <= clock_now())
            machine_tick(loop->machine, clock_now());
        if (machine_done(loop->machine))
            break;
        when left = machine_next(loop->machine) - clock_now();
        long wait = left <= 0 ? 0 : left > 1000000 ? 1000 : (long)(left / 1000) + 1;
        wires_wait(loop->wires, signal_pipe[0], wait);
        take_in(loop);
    }
}

static int work(struct loop *loop)
{
    const struct options *o = loop->options;
    const char *why;
    uint64_t chance;
    memcpy(loop->self.endpoint, wires_endpoint(loop->wires), sizeof loop->self.endpoint);
    if (!endpoint_valid((const uint8_t *)loop->self.endpoint, strlen(loop->self.endpoint)))
        return wrong(loop->self.endpoint, "nobody else can dial that");
    if (!random_bytes(loop->self.instance, INSTANCE) || !random_bytes(&chance, sizeof chance))
        return wrong("libcrypto", "no random bytes");
    if (o->descriptor && (why = read_run(loop, o->descriptor)))
        return wrong(o->descriptor, why);
    if (!o->descriptor && (why = ask_for_run(loop)))
        return loop->leaving ? 0 : wrong(o->seeds[0], why);
    if (!read_identity(loop))
        return wrong("libcrypto", "no identity");
    if (o->labels && (why = read_labels(loop, o->labels)))
        return wrong(o->labels, why);
    const struct sink sink = {loop,     do_open,  do_send,    do_close,
                              do_label, do_tally, do_refused, do_finished};
    struct author author = author_of(loop->self.identity);
    report_listening(loop->self.endpoint, &author, &loop->run);
    loop->machine = machine_new(&loop->run, &o->timing, &loop->self, &sink, chance);
    machine_start(loop->machine, o->seeds, o->seeds_count, o->fresh, clock_now());
    turn(loop);
    report_finished(loop->completed, loop->rounds, wires_sent(loop->wires),
                    wires_received(loop->wires));
    machine_free(loop->machine);
    return 0;
}

int loop_run(const struct options *options)
{
    struct loop *loop = need(1, sizeof *loop);
    struct rlimit files;
    const char *why;
    int status;
    loop->options = options;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) { /* some descriptors for each line */
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (!catch_signals()) {
        status = wrong("signals", strerror(errno));
    } else if (!(loop->wires = wires_new(options->listen, &why))) {
        status = wrong(options->listen, why);
    } else {
        status = work(loop);
        wires_free(loop->wires);
    }
    free(loop->labels);
    free(loop);
    return status;
}
