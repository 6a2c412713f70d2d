/* The structs that the files of this folder share. */
#ifndef HTTP_STATE_H
#define HTTP_STATE_H

#include "connection.h"
#include "head.h"
#include "http/server.h"
#include "throttle.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

/* RUNNING    the worker's: being received or handled
 * SUSPENDED  deferred: whoever moves it on (answerer, deadline, stop) gives the answer
 * ANSWERING  that one is building the answer
 * DONE       `response` is set (or NULL, out of memory: the connection is closed) and the worker
 * may send it */
enum request_state { REQUEST_RUNNING, REQUEST_SUSPENDED, REQUEST_ANSWERING, REQUEST_DONE };

/* Who sends a refusal that was decided while the body is still to come.
 *
 * NONE     nothing is decided, or the worker answers without reading the body
 * PENDING  decided: whoever comes first, the worker at the body's end or the reaper, sends it
 * WORKER   the worker does
 * REAPER   the reaper has, past libmicrohttpd (reply_refuse_early()) */
enum request_refusal { REFUSAL_NONE, REFUSAL_PENDING, REFUSAL_WORKER, REFUSAL_REAPER };

enum { REQUEST_ID_SIZE = 37, REQUEST_IP_SIZE = 46, REQUEST_METHOD_SIZE = 16 };

/* What route_find() finds. */
struct route_match {
    const struct http_route *route;   /* NULL: none */
    const struct http_route *path_of; /* then a route with the path and other methods, or NULL */
    char allow[64];                   /* and all methods of the path, "" when there are none */
};

/* Made when the request line has arrived, by the worker; freed with the last reference. One
 * reference is the worker's (until libmicrohttpd has completed the request), one that of who
 * deferred, short ones the reaper's. */
struct http_request {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct connection *peer; /* NULL when it could not be watched */
    int64_t start_us;
    _Atomic int state;
    _Atomic unsigned refs;
    _Atomic bool received;    /* all that is wanted of it; the reaper reads it */
    _Atomic int refused_by;   /* enum request_refusal; from PENDING on the reaper reads `refusal`,
                                 `head_only`, `id` and `match`, which stay as they are */
    _Atomic size_t early_len; /* of the body that the reaper sent */

    /* The worker's. */
    struct span target; /* as it came, but for the query; valid only until the head is parsed */
    bool begun;
    bool deferred; /* also read by the answerer, who got the request after it was set */
    bool queued;
    bool head_only;
    int refusal; /* status of the answer that is certain before the body is read; 0: none */
    const char *refusal_message;
    struct route_match match;
    const char *path; /* libmicrohttpd's; until completed */
    struct buf body;
    size_t discarded;
    char method[REQUEST_METHOD_SIZE];
    char id[REQUEST_ID_SIZE];
    char ip[REQUEST_IP_SIZE];

    /* Of who answers, then of the worker. */
    struct MHD_Response *response;
    int status;
    size_t reply_len;
};

enum { STATUS_SLOTS = 10 };

struct http_server {
    struct http_config config;
    struct http_route routes[HTTP_ROUTES_MAX];
    struct MHD_Daemon *daemon;
    int listen_fd;
    unsigned reserve; /* connections beyond the limit, for health checks */
    bool quiesced;
    char address[HTTP_ADDRESS_SIZE];
    struct connection_table connections;
    struct throttle throttle;

    _Atomic bool draining;    /* announced: answers close their connections */
    _Atomic bool refusing;    /* new requests get 503 */
    _Atomic bool stopping;    /* no request may be deferred any more */
    _Atomic size_t deferrals; /* requests between the begin of their defer and their resume */
    _Atomic size_t unsent;    /* deferred requests that are not completed */

    _Atomic size_t active;     /* requests under way */
    pthread_mutex_t idle_lock; /* with none_active: told when `active` becomes 0 while refusing */
    pthread_cond_t none_active;

    struct metric *late, *bytes_in, *aborted;
    struct metric *latency[HTTP_ROUTES_MAX];
    /* Made at first use: [route; then HTTP_ROUTES_MAX for none; then the path of each route with a
     * method that it has not][slot of the status]. */
    struct metric *_Atomic counts[2 * HTTP_ROUTES_MAX + 1][STATUS_SLOTS];
};

/* One reference more, or less: the last one frees. Any thread. */
void request_ref(struct http_request *r);
void request_unref(struct http_request *r);

/* Answers 504, because it took too long or the server stops, unless it has been answered. Not 503:
 * who has the request in hand may still do what it asks. Any thread. */
void reply_expire(struct http_request *r);

/* Sends the pending refusal of a request whose body does not come, and ends our side of the
 * connection; what still comes is discarded, so that the client sees the answer and no reset. False
 * when there is none pending. The reaper's thread, under the table's lock. */
bool reply_refuse_early(struct http_request *r, int fd);

/* libmicrohttpd's callbacks about requests; the worker's threads. */
void *request_line(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result request_access(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context);
void request_completed(void *server, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode how);

/* Ends a request that the library has not completed, although its connection is closed. */
void request_forgotten(struct http_request *r);

/* Counts the request and writes its line of the access log. */
void access_log_write(struct http_request *r);

/* Looks for the route of a path and method. */
void route_find(const struct http_server *s, const char *path, const char *method,
                struct route_match *match);

/* The path of a target in absolute form (http://host/path, which a server must take too: RFC 9112
 * 3.2.2), or `target` itself. */
const char *route_strip_origin(const char *target);

/* The part of `path` behind the stage prefix, or `path` itself when it has none. */
const char *route_strip_stage(const char *stage, const char *path);

/* The client's address: the connection's, or what `trusted` proxies wrote into X-Forwarded-For.
 * `head` may be NULL when `trusted` is 0. */
void client_address(char out[REQUEST_IP_SIZE], const struct connection *peer,
                    const struct head *head, unsigned trusted);

#endif
