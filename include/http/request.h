/* One HTTP request, as a handler sees it.
 *
 * A handler runs on a worker of the server when the whole body is there. It must not block. It
 * answers at once with http_reply(), or calls http_request_defer() and lets any thread answer later
 * with http_reply(). When nobody answers within the request's deadline, the server answers 504 and
 * a later http_reply() is ignored (and counted). */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/buf.h"

#include <stdint.h>

struct http_request;

/* For handlers, until they return or have deferred: valid only until then. */
struct span http_request_body(const struct http_request *r);
/* All fields called `name` (any case), in order: writes up to `max` values and returns how many.
 * For handlers, as above. */
size_t http_request_header_all(const struct http_request *r, const char *name, struct span *values,
                               size_t max);

/* Whether the server is about to stop (http_server_announce_drain()). */
bool http_request_draining(const struct http_request *r);

/* Takes the request out of its worker. True: the caller now holds a reference and must call
 * http_reply() exactly once, from any thread, soon or late. False: the server is stopping and has
 * answered 503 already; the caller returns and touches the request no more. Only from a handler,
 * once. */
bool http_request_defer(struct http_request *r);

struct http_header {
    const char *name;
    const char *value;
};

enum { HTTP_REPLY_HEADERS_MAX = 4 };

/* An answer. All text is copied. Content-Type is application/json unless given. */
struct http_reply {
    int status;
    struct span body;
    const char *content_type;
    const char *error_type;                             /* x-amzn-ErrorType, or NULL */
    struct http_header headers[HTTP_REPLY_HEADERS_MAX]; /* name NULL ends */
    bool close;                                         /* close the connection after this answer */
};

/* Gives the answer. After a defer it also gives the reference back: the request may be gone on
 * return. */
void http_reply(struct http_request *r, const struct http_reply *reply);

/* The gateway's refusals: {"message":"…"} with the x-amzn-ErrorType that API Gateway gives for that
 * status, and Retry-After: 1 with 429 and 503. `message` NULL, or longer than
 * 480 bytes as JSON: the usual one of the status. As http_reply() otherwise. */
void http_reply_error(struct http_request *r, int status, const char *message);

#endif
