/* A call under way, shared by call.c (its course) and call_client.c (the client, its beginning and
 * end).
 *
 * A call is in one of these states, and only who moves it on touches it:
 *
 *   1. awaiting credentials  `waiting` is true; the source will call `waiter`, the timer fires at
 * the deadline
 *   2. being sent            the transport will call on_reply()
 *   3. backing off           the transport will call on_backoff_end()
 *   4. ended                 `done` was called; only references keep the memory
 *
 * References: one of the course itself (given back by call_finish()), one of each timer of state 1
 * until it has fired, and one of any function that touches the call after handing it to another
 * thread. */
#ifndef AWS_CALL_INTERNAL_H
#define AWS_CALL_INTERNAL_H

#include "aws/call.h"
#include "base/uuid.h"
#include "call_retry.h"

#include <pthread.h>

enum { CALL_SDK_HEADERS = 2 }; /* amz-sdk-invocation-id, amz-sdk-request */

enum call_retry_kind {
    CALL_RETRY_THROTTLE,
    CALL_RETRY_TRANSIENT,
    CALL_RETRY_CONNECTION,
    CALL_RETRY_CREDENTIALS,
    CALL_RETRY_CLOCK,
    CALL_RETRY_KINDS
};

struct call_metrics {
    struct metric *attempts;
    struct metric *throttles;
    struct metric *retries[CALL_RETRY_KINDS];
    struct metric *outcomes[CALL_INVALID + 1];
    struct metric *seconds;
    struct metric *clock_offset;
    struct metric *quota;
};

struct call_client {
    struct call_config config; /* all but `endpoint`, read-only */
    struct endpoint endpoint;
    struct call_metrics metrics;
    struct call_quota quota;
    struct call_random random;
    _Atomic int64_t
        clock_offset_us;  /* AWS's clock less ours: any older value is as good for one attempt */
    atomic_bool stopping; /* set once; read after an id was noted, see call_note() */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    struct call *first; /* not yet ended */
    size_t alive;       /* not yet freed */
};

/* What call_client_stop() cancels. */
struct call_pending {
    uint64_t id;   /* the transport's; 0: none yet */
    unsigned step; /* of the call when it was made: an older one never replaces a newer one */
};

struct call {
    struct call_client *client;
    struct call *next; /* client->lock */
    struct call *prev; /* client->lock */
    struct call_request request;
    call_done *done;
    void *context;
    atomic_uint refs;
    struct call_pending under_way;  /* request or back-off; client->lock */
    struct call_pending wait_timer; /* client->lock */
    unsigned step;                  /* counts what was handed to others */
    atomic_bool waiting;
    struct credentials_waiter waiter;
    struct credentials *credentials; /* of the last attempt */
    int64_t signed_us;               /* AWS's time as the last attempt took it to be */
    struct sigv4_signature signature;
    struct buf url;
    size_t url_len; /* without the query */
    struct net_request net;
    struct net_header headers[CALL_MAX_HEADERS + CALL_SDK_HEADERS + SIGV4_MAX_ADDED];
    char payload_hash[SIGV4_HASH_SIZE];
    char invocation_id[UUID_SIZE];
    char sdk_request[48];
    int64_t started_us;
    unsigned sent;    /* attempts */
    unsigned counted; /* of those, the ones that count against the limit */
    int quota_taken;  /* by the last retry */
    bool connection_retried;
    bool credentials_retried;
    bool clock_retried;
    bool maybe_done;
    struct aws_error error;
    enum call_outcome early; /* of a call that ended within call_start() */
    char detail[CALL_DETAIL_SIZE];
};

/* Begins an attempt. CALL_OK: it is under way, and the call may have ended already. Else nothing
 * is, and the call is to be ended with this outcome; `detail` says why. */
enum call_outcome call_attempt(struct call *call);

/* Ends the call and gives the course's reference back. `reply` may be NULL. */
void call_finish(struct call *call, enum call_outcome outcome, const struct net_reply *reply);

/* One reference more (returns its argument), one less. Any thread. */
struct call *call_ref(struct call *call);
void call_unref(struct call *call);

/* Writes `detail` and returns `outcome`. */
enum call_outcome call_explain(struct call *call, enum call_outcome outcome, const char *why);

/* The transport's answer to an attempt; `context` is the call. */
void call_on_reply(void *context, const struct net_reply *reply);

/* Notes the id that came of `step`, so that call_client_stop() finds it; cancels it when that was
 * called before. */
void call_note(struct call *call, struct call_pending *where, unsigned step, uint64_t id);

/* Time that is left, in µs; 0 or less when the deadline has passed. */
int64_t call_left_us(const struct call *call);

#endif
