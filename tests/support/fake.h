/* A scripted clock and a scripted transport for unit tests. */
#ifndef SUPPORT_FAKE_H
#define SUPPORT_FAKE_H

#include "base/clock.h"
#include "net/transport.h"

/* A clock that stands still until the test moves it. Both times move together. */
struct fake_clock {
    struct clock clock;
    _Atomic int64_t wall;
    _Atomic int64_t mono;
};
void fake_clock_init(struct fake_clock *c, int64_t wall_us);
void fake_clock_advance(struct fake_clock *c, int64_t us);

/* A transport that answers each request with the next scripted reply, on a thread-free path: `done` is
 * called from fake_transport_run(), in order. It keeps a copy of every request that was sent. */
struct fake_reply {
    enum net_error error;
    int status;
    const struct net_header *headers;
    size_t header_count;
    const char *body; /* NULL: empty */
    size_t body_len;  /* 0: strlen(body) */
    bool reused_connection;
    bool reply_started;
};
struct fake_sent {
    char *method;
    char *url;
    char *body;
    size_t body_len;
    char *headers; /* "Name: value\n" each */
};
enum { FAKE_SENT_MAX = 256 };
struct fake_transport {
    struct transport transport;
    const struct fake_reply *script; /* the test's */
    size_t script_len;
    size_t next;
    struct fake_sent sent[FAKE_SENT_MAX];
    size_t sent_count;
    struct {
        net_done *done;
        void *context;
        uint64_t id;
        bool cancelled;
    } waiting[FAKE_SENT_MAX];
    size_t waiting_first;
    bool immediate; /* answer from a thread at once: for code that blocks in transport_wait() */
};
void fake_transport_init(struct fake_transport *t, const struct fake_reply *script, size_t script_len);
/* Answers all that waits, also what is sent meanwhile. Beyond the script's end: NET_CONNECT. */
void fake_transport_run(struct fake_transport *t);
void fake_transport_free(struct fake_transport *t);

#endif
