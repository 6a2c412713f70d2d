/* A scripted clock and a scripted transport for unit tests. */
#ifndef SUPPORT_FAKE_H
#define SUPPORT_FAKE_H

#include "base/clock.h"
#include "net/transport.h"

#include <pthread.h>

/* A clock that stands still until the test moves it. Both times move together. */
struct fake_clock {
    struct clock clock;
    _Atomic int64_t wall;
    _Atomic int64_t mono;
};
void fake_clock_init(struct fake_clock *c, int64_t wall_us);
void fake_clock_advance(struct fake_clock *c, int64_t us);

/* A transport that answers each request with the next scripted reply, on a thread-free path: `done`
 * is called from fake_transport_run(), in order. It keeps a copy of every request that was sent. A
 * body over the request's max_reply becomes NET_TOO_LARGE; a cancelled request takes no reply from
 * the script. Its own memory does not count for alloc_fail_at().
 *
 * Timers (transport_after) are due by `clock` when the test sets one, else by a time of the
 * transport's own; both only move when the test moves them. */
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
    char *mail; /* "from A\nto B\nto C\nuser U\npassword P\nrequire_tls\n" as far as given; NULL: no
                   mail */
    int64_t timeout_ms;
    size_t max_reply;
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
        bool answering; /* by a thread of its own, joined by fake_transport_free() */
        pthread_t thread;
    } waiting[FAKE_SENT_MAX]; /* waiting[i] belongs to sent[i]; its id is i + 1 */
    size_t waiting_first;     /* without `immediate` */
    pthread_mutex_t lock;     /* guards all that changes */
    struct {
        void (*fire)(void *context);
        void *context;
        int64_t delay_us; /* as it was asked for */
        int64_t due_us;
        bool fired;
        bool answering;
        pthread_t thread;
    } timers[FAKE_SENT_MAX]; /* in the order of their making */
    size_t timer_count;
    struct fake_clock *clock; /* NULL, or the test's */
    int64_t now_us;           /* without `clock` */
    bool immediate; /* answer from a thread at once: for code that blocks in transport_wait() */
    int64_t immediate_us; /* with `immediate`: so do timers of at most this delay; 0: none */
    bool closing;
};
void fake_transport_init(struct fake_transport *t, const struct fake_reply *script,
                         size_t script_len);
/* Answers all that waits, also what is sent meanwhile, and fires the timers that are due. Beyond
 * the script's end: NET_CONNECT. */
void fake_transport_run(struct fake_transport *t);
/* How long until the earliest timer is due, INT64_MAX when none waits. */
int64_t fake_transport_due_us(struct fake_transport *t);
/* Moves the time to the earliest timer and runs; false when none waits. */
bool fake_transport_step(struct fake_transport *t);
/* Closes as net_stop() does: what waits is cancelled, timers fire. Then frees. */
void fake_transport_free(struct fake_transport *t);

#endif
