#include "wires.h"

#include "endpoint.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <zmq.h>

enum { WIRES = LIMIT_MEMBERS + 8, HIGH_WATER = 500, LINGER = 1000, ROUTING_ID = 9 };

struct wire {
    char endpoint[LIMIT_ENDPOINT + 1];
    void *dealer;
    void *monitor;
};

struct wires {
    void *context;
    void *router;
    char endpoint[LIMIT_ENDPOINT + 1];
    struct wire wires[WIRES];
    size_t count;
    unsigned long monitors; /* that were made so far, for their names */
    zmq_msg_t link, frame;
    uint64_t sent, received;
};

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static const char *bind_router(struct wires *w, const char *endpoint)
{
    size_t size = sizeof w->endpoint;
    int64_t most = LIMIT_FRAME;
    w->router = zmq_socket(w->context, ZMQ_ROUTER);
    if (!w->router || !set_int(w->router, ZMQ_RCVHWM, HIGH_WATER) ||
        !set_int(w->router, ZMQ_LINGER, 0) || !set_int(w->router, ZMQ_ROUTER_HANDOVER, 0) ||
        !set_int(w->router, ZMQ_IPV6, strchr(endpoint, '[') != NULL) ||
        zmq_setsockopt(w->router, ZMQ_MAXMSGSIZE, &most, sizeof most) != 0)
        return zmq_strerror(zmq_errno());
    if (zmq_bind(w->router, endpoint) != 0)
        return zmq_strerror(zmq_errno());
    if (zmq_getsockopt(w->router, ZMQ_LAST_ENDPOINT, w->endpoint, &size) != 0)
        return "an endpoint of more than 255 bytes";
    return NULL;
}

struct wires *wires_new(const char *endpoint, const char **why)
{
    struct wires *w = need(1, sizeof *w);
    w->context = zmq_ctx_new();
    zmq_msg_init(&w->link);
    zmq_msg_init(&w->frame);
    *why = "no ZeroMQ context";
    if (w->context) {
        zmq_ctx_set(w->context, ZMQ_MAX_SOCKETS, 3 * WIRES + 16);
        *why = bind_router(w, endpoint);
    }
    if (!*why)
        return w;
    wires_free(w);
    return NULL;
}

static void wire_end(struct wire *wire)
{
    if (wire->dealer)
        zmq_socket_monitor(wire->dealer, NULL, 0);
    if (wire->monitor)
        zmq_close(wire->monitor);
    if (wire->dealer)
        zmq_close(wire->dealer);
}

void wires_free(struct wires *w)
{
    for (size_t i = 0; i < w->count; i++)
        wire_end(&w->wires[i]);
    if (w->router)
        zmq_close(w->router);
    zmq_msg_close(&w->link);
    zmq_msg_close(&w->frame);
    if (w->context)
        while (zmq_ctx_term(w->context) != 0 && zmq_errno() == EINTR)
            ;
    free(w);
}

const char *wires_endpoint(const struct wires *w)
{
    return w->endpoint;
}

static struct wire *wire_find(struct wires *w, const char *endpoint)
{
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->wires[i].endpoint, endpoint) == 0)
            return &w->wires[i];
    return NULL;
}

static bool wire_begin(struct wires *w, struct wire *wire)
{
    uint8_t id[ROUTING_ID] = {1}; /* FRAME-3 */
    char name[64];
    snprintf(name, sizeof name, "inproc://monitor-%lu", ++w->monitors);
    wire->dealer = zmq_socket(w->context, ZMQ_DEALER);
    wire->monitor = zmq_socket(w->context, ZMQ_PAIR);
    return wire->dealer && wire->monitor && RAND_bytes(id + 1, ROUTING_ID - 1) == 1 &&
           zmq_setsockopt(wire->dealer, ZMQ_ROUTING_ID, id, sizeof id) == 0 &&
           set_int(wire->dealer, ZMQ_SNDHWM, HIGH_WATER) &&
           set_int(wire->dealer, ZMQ_RCVHWM, 1) && set_int(wire->dealer, ZMQ_LINGER, LINGER) &&
           set_int(wire->dealer, ZMQ_RECONNECT_IVL_MAX, 1000) &&
           set_int(wire->dealer, ZMQ_IPV6, strchr(wire->endpoint, '[') != NULL) &&
           set_int(wire->monitor, ZMQ_LINGER, 0) &&
           zmq_socket_monitor(wire->dealer, name, ZMQ_EVENT_DISCONNECTED) == 0 &&
           zmq_connect(wire->monitor, name) == 0 && zmq_connect(wire->dealer, wire->endpoint) == 0;
}

bool wires_open(struct wires *w, const char *endpoint)
{
    if (endpoint_encrypted(endpoint) || w->count == WIRES || wire_find(w, endpoint) || strlen(endpoint) > LIMIT_ENDPOINT)
        return false;
    struct wire *wire = &w->wires[w->count];
    memset(wire, 0, sizeof *wire);
    memcpy(wire->endpoint, endpoint, strlen(endpoint) + 1);
    if (wire_begin(w, wire)) {
        w->count++;
        return true;
    }
    wire_end(wire);
    return false;
}

void wires_close(struct wires *w, const char *endpoint)
{
    struct wire *wire = wire_find(w, endpoint);
    if (!wire)
        return;
    wire_end(wire);
    *wire = w->wires[--w->count];
}

void wires_send(struct wires *w, const char *endpoint, const uint8_t *frame, size_t len)
{
    struct wire *wire = wire_find(w, endpoint);
    if (wire && zmq_send(wire->dealer, frame, len, ZMQ_DONTWAIT) >= 0)
        w->sent += len;
}

void wires_wait(struct wires *w, int signal_fd, long milliseconds)
{
    static zmq_pollitem_t items[2 + 2 * WIRES];
    int count = 0;
    items[count++] = (zmq_pollitem_t){w->router, 0, ZMQ_POLLIN, 0};
    items[count++] = (zmq_pollitem_t){NULL, signal_fd, ZMQ_POLLIN, 0};
    for (size_t i = 0; i < w->count; i++) {
        items[count++] = (zmq_pollitem_t){w->wires[i].monitor, 0, ZMQ_POLLIN, 0};
        items[count++] = (zmq_pollitem_t){w->wires[i].dealer, 0, ZMQ_POLLIN, 0};
    }
    zmq_poll(items, count, milliseconds);
    for (size_t i = 0; i < w->count; i++) /* FRAME-2: dropped unread */
        if (items[3 + 2 * i].revents)
            for (int n = 0; n < 64 && zmq_recv(w->wires[i].dealer, NULL, 0, ZMQ_DONTWAIT) >= 0;)
                n++;
}

static bool more(zmq_msg_t *message)
{
    return zmq_msg_more(message) != 0;
}

bool wires_receive(struct wires *w, struct arrival *arrival)
{
    if (zmq_msg_recv(&w->link, w->router, ZMQ_DONTWAIT) < 0)
        return false;
    *arrival = (struct arrival){.link = zmq_msg_data(&w->link), .link_len = zmq_msg_size(&w->link)};
    bool next = more(&w->link);
    zmq_msg_t extra;
    while (next) { /* FRAME-4: further frames are read off, and not kept */
        zmq_msg_t *into = arrival->parts ? &extra : &w->frame;
        if (into == &extra)
            zmq_msg_init(&extra);
        bool got = zmq_msg_recv(into, w->router, ZMQ_DONTWAIT) >= 0;
        next = got && more(into);
        if (got) {
            arrival->parts++;
            w->received += zmq_msg_size(into);
        }
        if (into == &extra)
            zmq_msg_close(&extra);
    }
    if (arrival->parts) {
        arrival->frame = zmq_msg_data(&w->frame);
        arrival->len = zmq_msg_size(&w->frame);
    }
    return true;
}

bool wires_lost(struct wires *w, char endpoint[LIMIT_ENDPOINT + 1])
{
    for (size_t i = 0; i < w->count; i++) {
        bool broke = false;
        uint8_t event[6];
        while (zmq_recv(w->wires[i].monitor, event, sizeof event, ZMQ_DONTWAIT) >= 0)
            broke = true; /* event and address; there is but one kind of event */
        if (broke) {
            memcpy(endpoint, w->wires[i].endpoint, LIMIT_ENDPOINT + 1);
            return true;
        }
    }
    return false;
}

uint64_t wires_sent(const struct wires *w)
{
    return w->sent;
}

uint64_t wires_received(const struct wires *w)
{
    return w->received;
}
