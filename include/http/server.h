/* The HTTP/1.1 server: libmicrohttpd with a pool of epoll threads, and the manners it leaves to us.
 *
 * What it refuses by itself: a malformed or ambiguous head (400, then close; src/http/head.h),
 * unknown paths (404), other methods (405 with Allow), bodies over the limit (413), requests over
 * the rate limit (429), requests while it drains (503), connections over the limit per address
 * (closed). All are counted.
 *
 * Deadlines: a request has `request_timeout_ms` from its request line to its answer. An unanswered
 * one gets 504; one that is still being received, or whose answer the client does not take, is cut
 * off. A new connection has the same time to deliver its first request line; later ones have
 * `keepalive_ms` more.
 *
 * A few connections beyond the limit are accepted so that health checks do not wait behind it: on
 * these, open routes are answered and all else gets 503; each is closed after its answer, or after
 * 3 s. Beyond those, connections wait in the kernel's backlog.
 *
 * Threads: http_server_start, _drain and _stop from one thread (main). */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "base/clock.h"
#include "base/metrics.h"
#include "http/request.h"

typedef void http_handler(struct http_request *r, void *context);

/* A route: an exact path (without the stage) and method. GET also answers HEAD. */
struct http_route {
    const char *method;
    const char *path;
    http_handler *handle;
    void *context;
    bool open; /* answered also while draining and over the rate limit: health and metrics */
};

enum { HTTP_ROUTES_MAX = 32 };

struct http_config {
    const char *listen; /* "host:port" or "[v6]:port"; port 0 takes a free one */
    const char *stage;  /* "" for none */
    const struct http_route *routes;
    size_t route_count; /* at most HTTP_ROUTES_MAX */
    unsigned threads;   /* 0: as many as processors */
    size_t body_limit;
    int64_t request_timeout_ms;
    int64_t keepalive_ms;
    unsigned connection_limit;        /* the process's limit of open files may lower it; a few more
                                         are accepted for open routes, see above */
    unsigned connections_per_address; /* 0: no limit */
    double rate_limit;                /* requests per second, 0: none */
    double rate_burst;                /* 0: one second's worth, at least 1 */
    unsigned
        trusted_proxies; /* entries of X-Forwarded-For, from the right, that our proxies wrote */
    bool access_log;
    struct clock *clock;
    struct metrics *metrics; /* may be NULL */
};

enum { HTTP_ERROR_SIZE = 256, HTTP_ADDRESS_SIZE = 64 };

struct http_server;

/* Binds, listens and serves. The config may go after the call; what it points to must stay, but for
 * `listen`. NULL with one line in `reason`: what failed, for which address, what to do. */
struct http_server *http_server_start(const struct http_config *config,
                                      char reason[HTTP_ERROR_SIZE]);

/* The bound address as "host:port", with the real port. As long as the server. */
const char *http_server_address(const struct http_server *s);

/* From now on answers carry Connection: close; new requests are still served. */
void http_server_announce_drain(struct http_server *s);

/* Stops accepting, answers new requests on old connections with 503, and waits until no request is
 * under way, at most `timeout_ms`. True when none is left. */
bool http_server_drain(struct http_server *s, int64_t timeout_ms);

/* Answers 504 to what is still deferred (who has it in hand may yet do it), gives these answers up
 * to a second to leave, closes all connections, ends the threads. The server's memory stays until
 * http_server_free(), because a deferred request may still be held by who will answer it. */
void http_server_stop(struct http_server *s);

/* Frees the server; every deferred request must have been answered. NULL: nothing. */
void http_server_free(struct http_server *s);

/* libmicrohttpd's version. Static. */
const char *http_library_version(void);

#endif
