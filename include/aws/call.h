/* One call to an AWS service: sign, send, look at the answer, and try again while that makes sense.
 *
 * Retries follow the standard mode of AWS's SDKs: a limit of attempts, a back-off for each class of
 * errors with full jitter, x-amz-retry-after, and a quota that all calls of a client share, so that
 * a service in trouble is not drowned in retries. Each attempt is signed anew with the credentials
 * of that moment. Besides those, once a call each, without delay and outside the limit: when a
 * connection that had served before broke before the answer began, when the answer says that the
 * credentials are no longer valid (fresh ones are fetched first), and when it blames the clock and
 * its Date header differs by more than 4 minutes (the difference is then kept for all further
 * calls). The deadline stands above all of it. A request may leave throttling to its caller. */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/errors.h"

enum {
    CALL_MAX_HEADERS = 8,
    CALL_MAX_REPLY = 16 * 1024 * 1024, /* the largest page that DynamoDB gives, with room */
    CALL_MAX_ATTEMPTS = 100,
    CALL_DETAIL_SIZE = 512,
    CALL_REASON_SIZE = 160
};

/* A client speaks to one service in one region. Any thread may call through it. */
struct call_client;

struct call_config {
    const struct aws_service *service;
    const struct endpoint *endpoint; /* copied */
    struct transport *transport;     /* this and all below must outlive the client */
    struct clock *clock;
    struct credentials_source *credentials;
    struct sigv4_signer *signer;
    struct metrics *metrics; /* may be NULL */
    unsigned max_attempts;   /* 0: the service's; see call_max_attempts() */
    uint64_t seed;           /* of the jitter and the invocation ids; 0: from the kernel */
};

/* NULL: out of memory. */
struct call_client *call_client_new(const struct call_config *config);

/* Ends all that is under way: each `done` is called soon with CALL_CANCELLED, and so is that of any
 * later call. Any thread; does not wait. NULL: nothing. */
void call_client_stop(struct call_client *client);

/* Waits until no call is under way, and frees. Call call_client_stop() first, and this before
 * credentials_close() and before the transport is stopped; not from a `done`. NULL: nothing. */
void call_client_free(struct call_client *client);

/* AWS's clock less this one's in µs: 0 unless an answer blamed the clock and showed that they
 * differ by more than 4 minutes. For times that other hosts are to read. Any thread. */
int64_t call_clock_offset_us(const struct call_client *client);

/* AWS_MAX_ATTEMPTS, or 0 when it is not set. False with one line in `reason` when it is none of 1
 * to 100. */
bool call_max_attempts(struct aws_env env, unsigned *out, char reason[CALL_REASON_SIZE]);

/* What to call. The caller owns what it points to and keeps it until `done`; the struct itself is
 * copied. */
struct call_request {
    const char *method;
    const char *path; /* begins with '/', percent-encoded (sigv4_encode()); put after the endpoint's
                         own path */
    const struct sigv4_param *params;
    size_t param_count;
    const struct net_header *headers; /* Content-Type, X-Amz-Target …; at most CALL_MAX_HEADERS */
    size_t header_count;
    struct span body;
    int64_t deadline_us;   /* clock_mono_us() at which the call ends, whatever its state */
    int64_t attempt_ms;    /* the longest an attempt may take; 0: until the deadline */
    size_t max_reply;      /* bytes of body; 0: CALL_MAX_REPLY */
    unsigned max_attempts; /* 0: the client's */
    bool throttle_ends;    /* a throttled attempt is the last: the caller has a pace of its own */
};

enum call_outcome {
    CALL_OK,             /* 2xx */
    CALL_REFUSED,        /* the service says no, and would again: see error->code */
    CALL_THROTTLED,      /* too much, also after the retries that were allowed: come back later */
    CALL_UNAVAILABLE,    /* a fault there or on the way, also after the retries: come back later */
    CALL_DEADLINE,       /* the deadline passed first */
    CALL_NO_CREDENTIALS, /* there are none, or the service does not know them */
    CALL_CANCELLED,      /* the client is being stopped */
    CALL_INVALID         /* the request cannot be signed or sent, or memory ran out */
};

/* Valid only during `done`. */
struct call_result {
    enum call_outcome outcome;
    int status;                    /* HTTP status of the last answer; 0 when none came */
    struct span body;              /* of the last answer; empty when none came */
    const struct net_reply *reply; /* the last answer with its headers, or NULL */
    const struct aws_error *error; /* never NULL; for an answer that is not 2xx */
    unsigned attempts;             /* requests that were sent */
    bool maybe_done;    /* not CALL_OK, but an attempt may have been carried out all the same */
    const char *detail; /* one line for people; "" when CALL_OK. Holds the service's message, and
                           that may repeat what the request held: SES names e-mail addresses */
};

/* Called exactly once, from the transport's thread or one of the credentials source; must not
 * block. It may start further calls. */
typedef void call_done(void *context, const struct call_result *result);

/* Starts a call. Any thread, never blocks (a short lock; the first attempt is signed on this
 * thread). `done` is never called from within. False: out of memory, and `done` will not be called.
 */
bool call_start(struct call_client *client, const struct call_request *request, call_done *done,
                void *context);

/* "ok", "throttled", …: a label for metrics and logs. Static. */
const char *call_outcome_name(enum call_outcome outcome);

#endif
