/* Sending requests to other hosts: the seam between those who speak a protocol and the network.
 *
 * The service's transport is the network thread (net/net.h); tests script one. A request is sent at
 * most once: retrying is the caller's, who knows what is idempotent. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "base/buf.h"
#include "base/span.h"

#include <stdint.h>

struct net_header {
    const char *name;
    const char *value; /* no CR, LF */
};

/* An e-mail for an SMTP server; the message itself is the request's body. */
struct net_mail {
    const char *from; /* bare address */
    const char *const
        *to;          /* bare addresses: all are accepted by the server, or nobody gets the mail */
    size_t to_count;  /* 0: log in and send NOOP only, to try the settings; the body is not used */
    const char *user; /* NULL: no authentication */
    const char *password;
    bool require_tls; /* smtp:// must upgrade with STARTTLS, or the send fails */
};

/* What to send. The caller owns it, and all it points to, until `done` was called or cancel
 * returned. The bytes are sent exactly as given: no header is added but Host, Content-Length and
 * Connection, none decoded. */
struct net_request {
    const char *method; /* "GET", "HEAD", "POST", "PUT", "DELETE" …; ignored for SMTP */
    const char *url;    /* http, https, smtp, smtps */
    const struct net_header *headers;
    size_t header_count;
    struct span body;
    const struct net_mail *mail; /* SMTP only */
    int64_t connect_timeout_ms;  /* 0: 10 s */
    int64_t timeout_ms;          /* from send() to the last byte; more than 0 */
    size_t max_reply;            /* bytes of body; more gives NET_TOO_LARGE */
    bool direct;                 /* HTTP: whatever the environment says, no proxy may see it */
};

enum net_error {
    NET_OK,        /* an answer came, whatever its status */
    NET_RESOLVE,   /* the host has no address, or the resolver failed */
    NET_CONNECT,   /* no connection; SMTP: or the server refused the session, see status */
    NET_TLS,       /* handshake or certificate */
    NET_TIMEOUT,   /* timeout_ms passed; the other side may have acted */
    NET_BROKEN,    /* the connection broke; the other side may have acted */
    NET_TOO_LARGE, /* the answer is larger than max_reply */
    NET_LOGIN,     /* SMTP only: the login was refused, see status */
    NET_REFUSED,   /* SMTP only: the server said no to this mail, see status */
    NET_CANCELLED, /* the transport is being closed, or the request was cancelled */
    NET_INVALID,   /* the request itself cannot be sent (bad URL); a retry is pointless */
    NET_NO_MEMORY
};

enum { NET_ENHANCED_SIZE = 12, NET_DETAIL_SIZE = 160 };

/* The answer; valid only during `done`. */
struct net_reply {
    enum net_error error;
    char detail[NET_DETAIL_SIZE]; /* one line for people when error is not NET_OK */
    int status;                   /* HTTP status, or the last SMTP reply code; 0 when none came */
    const struct net_header *headers;
    size_t header_count;
    struct span body;
    char enhanced[NET_ENHANCED_SIZE]; /* SMTP: "5.1.8" of the last reply, RFC 3463; "": none */
    bool sender_refused;              /* SMTP, with NET_REFUSED: it is the answer to MAIL FROM */
    bool reused_connection;           /* it was sent on a connection that had served before */
    bool reply_started;               /* at least the first line of the answer was received */
};

/* Called exactly once for each send, from the transport's thread; must not block. It may send anew.
 */
typedef void net_done(void *context, const struct net_reply *reply);

struct transport;

struct transport_ops {
    uint64_t (*send)(struct transport *t, const struct net_request *request, net_done *done,
                     void *context);
    void (*cancel)(struct transport *t, uint64_t id);
    uint64_t (*after)(struct transport *t, int64_t delay_us, void (*fire)(void *context),
                      void *context);
};

/* Implementations begin their own struct with this one. */
struct transport {
    const struct transport_ops *ops;
};

/* Starts a request and returns its id; any thread, never blocks. `done` is never called from
 * within. 0: there is no memory even to note the request, and `done` will never be called. */
uint64_t transport_send(struct transport *t, const struct net_request *request, net_done *done,
                        void *context);

/* Ends a request early: `done` is called soon with NET_CANCELLED, or has been called already (then
 * nothing happens). Any thread. The request's memory stays the transport's until `done`. */
void transport_cancel(struct transport *t, uint64_t id);

/* Calls `fire` once from the transport's thread, `delay_us` from now (0: as soon as may be), and
 * returns an id, or 0 when memory ran out (then `fire` is never called). Any thread, never blocks;
 * `fire` is never called from within and must not block. It is called in any case:
 * transport_cancel(id) makes it come at once, and closing the transport fires what still waits. */
uint64_t transport_after(struct transport *t, int64_t delay_us, void (*fire)(void *context),
                         void *context);

/* The value of the first header called `name` (any case), or NULL. */
const char *net_reply_header(const struct net_reply *reply, const char *name);

/* "connect", "timeout", …: a label for metrics and logs. Static. */
const char *net_error_name(enum net_error error);

/* Sends and waits for the end, copying status, body and detail: for the command line and for
 * threads that may block; never from the transport's own thread. `body` receives the answer's body
 * (may be NULL). */
struct net_result {
    enum net_error error;
    int status;
    char detail[NET_DETAIL_SIZE];
};
struct net_result transport_wait(struct transport *t, const struct net_request *request,
                                 struct buf *body);

#endif
