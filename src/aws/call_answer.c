#include "call_internal.h"

#include "base/num.h"
#include "crc32.h"

#include <stdio.h>

static bool checksum_matches(const struct call *call, const struct net_reply *reply)
{
    const char *header = net_reply_header(reply, "x-amz-crc32");
    int64_t crc = 0;
    if (!call->client->config.service->crc32 || header == NULL) {
        return true;
    }
    return num_parse_int(span_of(header), 0, UINT32_MAX, &crc) &&
           crc32_of(reply->body) == (uint32_t)crc;
}

/* Whether the answer is the one that was wanted; fills `error` when not. */
static bool good(struct call *call, const struct net_reply *reply)
{
    if (reply->error == NET_OK && !checksum_matches(call, reply)) {
        call->error = (struct aws_error){AWS_ERROR_TRANSIENT, "checksum",
                                         "the answer does not match its x-amz-crc32", ""};
        return false;
    }
    if (reply->error == NET_OK && reply->status >= 200 && reply->status <= 299) {
        return true;
    }
    errors_read(call->client->config.service, reply, &call->error);
    return false;
}

/* Whether the service may have done what was asked although the answer is no good. */
static bool maybe_done(const struct call *call, const struct net_reply *reply)
{
    switch (reply->error) {
    case NET_OK:
        return call->error.what == AWS_ERROR_TRANSIENT;
    case NET_TOO_LARGE:
        return reply->status < 400 || call->error.what == AWS_ERROR_TRANSIENT;
    case NET_RESOLVE:
    case NET_CONNECT:
    case NET_TLS:
    case NET_INVALID:
        return false;
    default:
        return true;
    }
}

/* Takes AWS's time from the answer. False when the attempt was signed with the right one, so that
 * the clock is not what is wrong. */
static bool correct_clock(struct call *call, const struct net_reply *reply)
{
    struct call_client *client = call->client;
    int64_t offset = atomic_load(&client->clock_offset_us);
    if (!call_correct_clock(client->config.service, reply, clock_wall_us(client->config.clock),
                            call->signed_us, &offset)) {
        return false;
    }
    atomic_store(&client->clock_offset_us, offset);
    metric_set(client->metrics.clock_offset, offset / 1000);
    return true;
}

/* Retries that are no matter of luck: once a call each, at once, outside the limit. */
static bool retry_at_once(struct call *call, const struct net_reply *reply)
{
    enum call_retry_kind kind = CALL_RETRY_KINDS;
    if (reply->error == NET_BROKEN && reply->reused_connection && !reply->reply_started &&
        !call->connection_retried) {
        call->connection_retried = true;
        kind = CALL_RETRY_CONNECTION;
    } else if (call->error.what == AWS_ERROR_CLOCK && !call->clock_retried &&
               correct_clock(call, reply)) {
        call->clock_retried = true;
        kind = CALL_RETRY_CLOCK;
    } else if (call->error.what == AWS_ERROR_CREDENTIALS && !call->credentials_retried &&
               credentials_invalidate(call->client->config.credentials, call->credentials)) {
        call->credentials_retried = true;
        kind = CALL_RETRY_CREDENTIALS;
    }
    if (kind == CALL_RETRY_KINDS) {
        return false;
    }
    call->counted--;
    metric_add(call->client->metrics.retries[kind], 1);
    return true;
}

static void on_backoff_end(void *context)
{
    struct call *call = context;
    enum call_outcome outcome = call_attempt(call);
    if (outcome != CALL_OK) {
        call_finish(call, outcome, NULL);
    }
}

/* Whether another attempt follows after a while. */
static bool retry_later(struct call *call, const struct net_reply *reply)
{
    struct call_client *client = call->client;
    enum aws_error_class what = call->error.what;
    bool worth =
        what == AWS_ERROR_TRANSIENT || (what == AWS_ERROR_THROTTLE && !call->request.throttle_ends);
    if (!worth || call->counted >= call->request.max_attempts || atomic_load(&client->stopping)) {
        return false;
    }
    int64_t delay = call_backoff_us(client->config.service, &call->error, call->counted,
                                    net_reply_header(reply, "x-amz-retry-after"), &client->random);
    if (delay >= call_left_us(call)) { /* it would wait in vain */
        return false;
    }
    int taken = call_quota_take(&client->quota, what);
    if (taken == 0) {
        return false;
    }
    call->quota_taken = taken;
    metric_set(client->metrics.quota, atomic_load(&client->quota.left));
    unsigned step = ++call->step;
    call_ref(call);
    uint64_t id = transport_after(client->config.transport, delay, on_backoff_end, call);
    if (id != 0) {
        metric_add(client->metrics.retries[what == AWS_ERROR_THROTTLE ? CALL_RETRY_THROTTLE
                                                                      : CALL_RETRY_TRANSIENT],
                   1);
        call_note(call, &call->under_way, step, id);
    }
    call_unref(call);
    return id != 0;
}

static enum call_outcome outcome_of(const struct call *call, const struct net_reply *reply)
{
    if (reply->error == NET_INVALID || reply->error == NET_NO_MEMORY) {
        return CALL_INVALID;
    }
    switch (call->error.what) {
    case AWS_ERROR_THROTTLE:
        return CALL_THROTTLED;
    case AWS_ERROR_TRANSIENT:
        return reply->error == NET_TIMEOUT && call_left_us(call) <= 0 ? CALL_DEADLINE
                                                                      : CALL_UNAVAILABLE;
    case AWS_ERROR_CREDENTIALS:
        return CALL_NO_CREDENTIALS;
    default:
        return CALL_REFUSED;
    }
}

static void describe(struct call *call, const struct net_reply *reply)
{
    const struct aws_error *e = &call->error;
    char status[24] = "";
    if (reply->status != 0) {
        (void)snprintf(status, sizeof status, "status %d, ", reply->status);
    }
    (void)snprintf(call->detail, sizeof call->detail, "%s: %s%s%s (%s%u attempt%s)",
                   call->client->config.service->name,
                   e->code[0] != '\0' ? e->code : "an error without a code",
                   e->message[0] != '\0' ? ": " : "", e->message, status, call->sent,
                   call->sent == 1 ? "" : "s");
}

void call_on_reply(void *context, const struct net_reply *reply)
{
    struct call *call = context;
    struct call_client *client = call->client;
    if (good(call, reply)) {
        call_quota_give(&client->quota, call->quota_taken != 0 ? call->quota_taken : 1);
        metric_set(client->metrics.quota, atomic_load(&client->quota.left));
        call->error = (struct aws_error){.what = AWS_ERROR_PERMANENT};
        call->detail[0] = '\0';
        call_finish(call, CALL_OK, reply);
        return;
    }
    call->maybe_done = call->maybe_done || maybe_done(call, reply);
    if (reply->error == NET_CANCELLED) {
        call_finish(call, call_explain(call, CALL_CANCELLED, "cancelled"), NULL);
        return;
    }
    if (call->error.what == AWS_ERROR_THROTTLE) {
        metric_add(client->metrics.throttles, 1);
    }
    if (retry_at_once(call, reply)) {
        enum call_outcome outcome = call_attempt(call);
        if (outcome != CALL_OK) {
            call_finish(call, outcome, reply);
        }
        return;
    }
    if (!retry_later(call, reply)) {
        describe(call, reply);
        call_finish(call, outcome_of(call, reply), reply);
    }
}
