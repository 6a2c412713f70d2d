/* The open connections: counted per address, and cut off when they take too long.
 *
 * libmicrohttpd's own timeout is reset by every byte, so a client that trickles would be served for
 * ever. Here each connection knows when it was last idle and which request it carries; a thread of
 * the table's own, the reaper, looks at all of them once a second while there are any, and else
 * sleeps.
 *
 * Nor does libmicrohttpd always notice that a client has gone: it waits for edges of epoll and
 * takes a short read for all there was, so an end of the stream that came together with the last
 * bytes is missed. The reaper sees it in the socket.
 *
 * Locks: the table's lock guards the lists and keeps file descriptors alive (libmicrohttpd closes
 * one only after connection_closed()); a connection's lock guards `current`. Order: table,
 * connection. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "base/clock.h"
#include "base/metrics.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

struct http_request;

struct connection {
    struct connection *next;
    struct connection **link; /* what points to this one */
    struct in6_addr address;  /* IPv4 as mapped */
    int fd;
    bool refused;                  /* its address has too many: what it sent is not answered */
    bool extra;                    /* beyond the limit: for health checks only */
    bool cut;                      /* shut down by the reaper; under the table's lock */
    int64_t ended_us;              /* when the reaper saw that nothing more will come, mono; 0: not;
                                      under the table's lock */
    _Atomic bool served;           /* has carried a request */
    _Atomic int64_t idle_since_us; /* mono */
    pthread_mutex_t lock;
    struct http_request *current; /* the request it carries, NULL between two */
};

enum { CONNECTION_BUCKETS = 256 };

struct connection_table {
    struct clock *clock;
    int64_t request_timeout_us;
    int64_t keepalive_us;
    unsigned per_address, connections;
    bool closes_idle; /* the reaper does it: libmicrohttpd waits longer than keepalive_us */
    struct metric *open, *refused, *extra, *timed_out, *unused;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* count left 0, or stop */
    size_t count;
    size_t refused_count; /* of them */
    bool stop;
    bool running;
    pthread_t reaper;
    struct connection *buckets[CONNECTION_BUCKETS];
};

struct connection_limits {
    int64_t request_timeout_ms;
    int64_t keepalive_ms;
    unsigned per_address; /* 0: no limit */
    unsigned connections; /* those that come when so many are open are marked as extra, and have
                             3 s instead of the request's deadline */
};

/* How long libmicrohttpd is to keep a connection on which no byte moves: it knows one time only, so
 * the keep-alive, but never less than a request may take, as that may pause in its body. When it is
 * more than the keep-alive, the reaper closes the idle ones. */
int64_t connection_idle_limit_ms(const struct connection_limits *limits);

/* Starts the reaper. 0, or -1 with errno. */
int connection_table_start(struct connection_table *t, struct clock *clock, struct metrics *metrics,
                           const struct connection_limits *limits);

/* Ends the reaper; call when no connection is left. */
void connection_table_stop(struct connection_table *t);

/* A connection was made; NULL: out of memory (it is then not watched). One that is over the limit
 * of its address is counted, shut down and marked as refused. */
struct connection *connection_opened(struct connection_table *t, int fd,
                                     const struct sockaddr *address);

/* It is about to be closed. NULL: nothing. Gives the request that it still carries, or NULL: the
 * library forgets one where its memory does not suffice for the head. */
struct http_request *connection_closed(struct connection_table *t, struct connection *c);

/* Which request it carries from now on; NULL when that has ended. */
void connection_carry(struct connection_table *t, struct connection *c,
                      struct http_request *request);

/* Calls `visit` for every request that is carried, with a reference held during the call and no
 * lock. */
void connection_each_request(struct connection_table *t, void (*visit)(struct http_request *r));

#endif
