#include "call_internal.h"

#include <stdio.h>

static struct transport *transport_of(const struct call *call)
{
    return call->client->config.transport;
}

int64_t call_left_us(const struct call *call)
{
    return call->request.deadline_us - clock_mono_us(call->client->config.clock);
}

enum call_outcome call_explain(struct call *call, enum call_outcome outcome, const char *why)
{
    (void)snprintf(call->detail, sizeof call->detail, "%s: %s", call->client->config.service->name,
                   why);
    return outcome;
}

/* --- sending --- */

/* The caller's headers and the SDK's; returns how many. */
static size_t signed_headers(struct call *call)
{
    const struct call_request *r = &call->request;
    size_t count = r->header_count;
    (void)snprintf(call->sdk_request, sizeof call->sdk_request, "attempt=%u; max=%u",
                   call->sent + 1, r->max_attempts + (call->sent - call->counted));
    for (size_t i = 0; i < count; i++) {
        call->headers[i] = r->headers[i];
    }
    call->headers[count++] = (struct net_header){"amz-sdk-invocation-id", call->invocation_id};
    call->headers[count++] = (struct net_header){"amz-sdk-request", call->sdk_request};
    return count;
}

static enum sigv4_result sign(struct call *call, size_t header_count)
{
    const struct call_client *client = call->client;
    const struct endpoint *endpoint = &client->endpoint;
    size_t path_at = strlen(endpoint->url) - strlen(endpoint->path);
    call->signed_us = clock_wall_us(client->config.clock) + atomic_load(&client->clock_offset_us);
    struct sigv4_request to_sign = {
        .method = call->request.method,
        .host = span_of(endpoint->host),
        .path = {call->url.data + path_at, call->url_len - path_at},
        .params = call->request.params,
        .param_count = call->request.param_count,
        .headers = call->headers,
        .header_count = header_count,
        .payload_hash = call->payload_hash,
        .region = endpoint->region,
        .service = client->config.service->signing_name,
        .access_key_id = call->credentials->access_key_id,
        .secret_access_key = call->credentials->secret_access_key,
        .session_token = call->credentials->session_token,
        .wall_us = call->signed_us,
        .style = client->config.service->style,
    };
    return sigv4_sign(client->config.signer, &to_sign, &call->signature);
}

/* The query is the same in each attempt, so it is put behind the URL once. */
static bool complete_url(struct call *call)
{
    if (call->request.param_count != 0 && call->url.len == call->url_len) {
        buf_add_char(&call->url, '?');
        buf_add_span(&call->url, buf_span(&call->signature.query));
    }
    return !buf_failed(&call->url);
}

static int64_t attempt_timeout_ms(const struct call *call)
{
    int64_t left_ms = (call_left_us(call) + 999) / 1000;
    int64_t limit = call->request.attempt_ms;
    int64_t timeout = limit > 0 && limit < left_ms ? limit : left_ms;
    return timeout > 0 ? timeout : 1;
}

static enum call_outcome send_attempt(struct call *call)
{
    size_t count = signed_headers(call);
    enum sigv4_result result = sign(call, count);
    if (result != SIGV4_OK || !complete_url(call)) {
        return call_explain(call, CALL_INVALID,
                            result == SIGV4_INVALID
                                ? "the request or the credentials cannot be signed"
                                : "out of memory");
    }
    memcpy(call->headers + count, call->signature.added,
           call->signature.added_count * sizeof *call->headers);
    call->net = (struct net_request){
        .method = call->request.method,
        .url = call->url.data,
        .headers = call->headers,
        .header_count = count + call->signature.added_count,
        .body = call->request.body,
        .timeout_ms = attempt_timeout_ms(call),
        .max_reply = call->request.max_reply != 0 ? call->request.max_reply : CALL_MAX_REPLY,
    };
    call->sent++;
    call->counted++;
    metric_add(call->client->metrics.attempts, 1);
    unsigned step = ++call->step;
    call_ref(call);
    uint64_t id = transport_send(transport_of(call), &call->net, call_on_reply, call);
    if (id == 0) {
        call->sent--;
        call_unref(call);
        return call_explain(call, CALL_INVALID, "out of memory");
    }
    call_note(call, &call->under_way, step, id);
    call_unref(call);
    return CALL_OK;
}

/* --- credentials --- */

static void cancel_wait_timer(struct call *call)
{
    pthread_mutex_lock(&call->client->lock);
    uint64_t id = call->wait_timer.id;
    pthread_mutex_unlock(&call->client->lock);
    if (id != 0) {
        transport_cancel(transport_of(call), id);
    }
}

static void on_credentials(struct credentials_waiter *waiter, struct credentials *c,
                           const char *reason)
{
    struct call *call = (struct call *)((char *)waiter - offsetof(struct call, waiter));
    atomic_store(&call->waiting, false);
    cancel_wait_timer(call);
    enum call_outcome outcome = CALL_OK;
    call->credentials = c;
    if (c == NULL) {
        outcome = call_explain(call, CALL_NO_CREDENTIALS, reason);
    } else if (atomic_load(&call->client->stopping)) {
        outcome = call_explain(call, CALL_CANCELLED, "cancelled");
    } else if (call_left_us(call) <= 0) {
        outcome = call_explain(call, CALL_DEADLINE, "no credentials before the deadline");
    } else {
        outcome = send_attempt(call);
    }
    if (outcome != CALL_OK) {
        call_finish(call, outcome, NULL);
    }
}

/* The deadline or the stop while credentials are awaited. A timer of an earlier wait that comes
 * late finds neither, and leaves the call alone. */
static void on_wait_end(void *context)
{
    struct call *call = context;
    bool stopping = atomic_load(&call->client->stopping);
    if ((stopping || call_left_us(call) <= 0) && atomic_load(&call->waiting) &&
        credentials_unwait(call->client->config.credentials, &call->waiter)) {
        atomic_store(&call->waiting, false);
        call_finish(call,
                    stopping
                        ? call_explain(call, CALL_CANCELLED, "cancelled")
                        : call_explain(call, CALL_DEADLINE, "no credentials before the deadline"),
                    NULL);
    }
    call_unref(call);
}

static void bound_wait(struct call *call, unsigned step)
{
    call_ref(call);
    uint64_t id = transport_after(transport_of(call), call_left_us(call), on_wait_end, call);
    if (id == 0) { /* then the source's own limits are all there is */
        call_unref(call);
        return;
    }
    call_note(call, &call->wait_timer, step, id);
    if (!atomic_load(&call->waiting)) { /* told meanwhile, by one who may not have seen the id */
        transport_cancel(transport_of(call), id);
    }
}

static enum call_outcome wait_for_credentials(struct call *call)
{
    struct credentials *now = NULL;
    char reason[CREDENTIALS_REASON_SIZE];
    enum call_outcome outcome = CALL_OK;
    unsigned step = ++call->step;
    atomic_store(&call->waiting, true);
    call->waiter.ready = on_credentials;
    call_ref(call);
    switch (credentials_get(call->client->config.credentials, &call->waiter, &now)) {
    case CREDENTIALS_READY:
        atomic_store(&call->waiting, false);
        call->credentials = now;
        outcome = send_attempt(call);
        break;
    case CREDENTIALS_WAITING:
        bound_wait(call, step);
        break;
    case CREDENTIALS_FAILED:
        atomic_store(&call->waiting, false);
        credentials_reason(call->client->config.credentials, reason);
        outcome = call_explain(call, CALL_NO_CREDENTIALS, reason);
        break;
    }
    call_unref(call);
    return outcome;
}

enum call_outcome call_attempt(struct call *call)
{
    if (atomic_load(&call->client->stopping)) {
        return call_explain(call, CALL_CANCELLED, "cancelled");
    }
    if (call->request.header_count > CALL_MAX_HEADERS) {
        return call_explain(call, CALL_INVALID, "too many headers");
    }
    if (call_left_us(call) <= 0) {
        return call_explain(call, CALL_DEADLINE, "the deadline has passed");
    }
    credentials_unref(call->credentials);
    call->credentials = NULL;
    return wait_for_credentials(call);
}
