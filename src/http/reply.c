/* Answers: who may give one, and what each carries. */
#include "base/json.h"
#include "state.h"

#include <stdio.h>
#include <time.h>

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

static struct MHD_Response *build(const struct http_request *r, const struct http_reply *reply)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, (void *)reply->body.ptr, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return NULL;
    }
    add(response, "Content-Type",
        reply->content_type != NULL ? reply->content_type : "application/json");
    add(response, "x-amzn-RequestId", r->id);
    if (reply->error_type != NULL) {
        add(response, "x-amzn-ErrorType", reply->error_type);
    }
    for (size_t i = 0; i < HTTP_REPLY_HEADERS_MAX && reply->headers[i].name != NULL; i++) {
        add(response, reply->headers[i].name, reply->headers[i].value);
    }
    if (reply->close || (r->peer != NULL && r->peer->extra) ||
        atomic_load_explicit(&r->server->draining, memory_order_relaxed)) {
        add(response, "Connection", "close");
    }
    return response;
}

static void set_answer(struct http_request *r, const struct http_reply *reply)
{
    r->response = build(r, reply);
    if (r->response != NULL) { /* without one the connection is closed, and nothing was answered */
        r->status = reply->status;
        r->reply_len = reply->body.len;
    }
    atomic_store(&r->state, REQUEST_DONE);
}

/* For a suspended request: the first one to come gives the answer. */
static bool answer_suspended(struct http_request *r, const struct http_reply *reply)
{
    int expected = REQUEST_SUSPENDED;
    if (!atomic_compare_exchange_strong(&r->state, &expected, REQUEST_ANSWERING)) {
        return false;
    }
    set_answer(r, reply);
    MHD_resume_connection(r->connection);
    atomic_fetch_sub(&r->server->deferrals, 1);
    return true;
}

void http_reply(struct http_request *r, const struct http_reply *reply)
{
    if (!r->deferred) {
        set_answer(r, reply);
        return;
    }
    if (!answer_suspended(r, reply)) {
        metric_add(r->server->late, 1);
    }
    request_unref(r);
}

bool http_request_defer(struct http_request *r)
{
    struct http_server *s = r->server;
    atomic_fetch_add(&s->deferrals, 1);
    if (atomic_load(&s->stopping)) {
        atomic_fetch_sub(&s->deferrals, 1);
        http_reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, NULL);
        return false;
    }
    request_ref(r);
    atomic_fetch_add(&s->unsent, 1);
    r->deferred = true;
    MHD_suspend_connection(r->connection);
    atomic_store(&r->state, REQUEST_SUSPENDED);
    return true;
}

struct refusal {
    int status;
    const char *error_type; /* as API Gateway names it */
    const char *message;
};

/* Source: API Gateway developer guide, "Gateway response types", and the x-amzn-ErrorType values
 * that its answers carry. 404 and 405 are ours: API Gateway answers 403 "Missing Authentication
 * Token" to both. */
static const struct refusal refusals[] = {
    {400, "BadRequestException", "Invalid request body"},
    {404, "ResourceNotFoundException", "Not Found"},
    {405, "MethodNotAllowedException", "Method Not Allowed"},
    {413, "RequestTooLargeException", "Request Too Long"},
    {429, "TooManyRequestsException", "Too Many Requests"},
    {500, "InternalServerErrorException", "Internal server error"},
    {503, "ServiceUnavailableException", "Service Unavailable"},
    {504, "InternalServerErrorException", "Endpoint request timed out"},
};

static const struct refusal *refusal_of(int status)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].status == status) {
            return &refusals[i];
        }
    }
    return refusal_of(500);
}

struct error_text {
    char body[512];
    struct http_reply reply;
};

static void write_error(struct error_text *e, const struct http_request *r, int status,
                        const char *message)
{
    const struct refusal *refusal = refusal_of(status);
    /* API Gateway writes a blank after the colon in this one body only. */
    const char *blank = status == MHD_HTTP_GATEWAY_TIMEOUT ? " " : "";
    struct buf quoted = {.limit = sizeof e->body - 32};
    json_write_string(&quoted, span_of(message != NULL ? message : refusal->message));
    int len =
        buf_failed(&quoted)
            ? snprintf(e->body, sizeof e->body, "{\"message\":%s\"%s\"}", blank, refusal->message)
            : snprintf(e->body, sizeof e->body, "{\"message\":%s%s}", blank, buf_str(&quoted));
    buf_free(&quoted);
    e->reply = (struct http_reply){.status = status,
                                   .error_type = refusal->error_type,
                                   .body = {e->body, (size_t)len},
                                   .close = r->refusal_message != NULL};
    if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        e->reply.headers[0] = (struct http_header){"Retry-After", "1"};
    } else if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        e->reply.headers[0] = (struct http_header){"Allow", r->match.allow};
    }
}

void http_reply_error(struct http_request *r, int status, const char *message)
{
    struct error_text e;
    write_error(&e, r, status, message);
    http_reply(r, &e.reply);
}

void reply_expire(struct http_request *r)
{
    struct error_text e;
    if (atomic_load(&r->state) != REQUEST_SUSPENDED) {
        return; /* before that, what an answer is made of is the worker's */
    }
    write_error(&e, r, MHD_HTTP_GATEWAY_TIMEOUT, NULL);
    (void)answer_suspended(r, &e.reply);
}

/* The whole answer as text, as libmicrohttpd would send it. */
static size_t write_answer(char *out, size_t size, const struct http_request *r,
                           const struct http_reply *reply)
{
    char date[40];
    struct tm parts;
    time_t now = (time_t)(clock_wall_us(r->server->config.clock) / 1000000);
    gmtime_r(&now, &parts);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    const struct http_header *extra = &reply->headers[0];
    bool has_extra = extra->name != NULL;
    int len =
        snprintf(out, size,
                 "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\nContent-Length: %zu\r\n"
                 "Content-Type: application/json\r\nx-amzn-RequestId: %s\r\n"
                 "x-amzn-ErrorType: %s\r\n%s%s%s%s\r\n%.*s",
                 reply->status, MHD_get_reason_phrase_for((unsigned)reply->status), date,
                 reply->body.len, r->id, reply->error_type, has_extra ? extra->name : "",
                 has_extra ? ": " : "", has_extra ? extra->value : "", has_extra ? "\r\n" : "",
                 r->head_only ? 0 : (int)reply->body.len, reply->body.ptr);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

/* libmicrohttpd takes an answer before the body or after it, and not within; but then it does not
 * write, so the socket is free for us. */
bool reply_refuse_early(struct http_request *r, int fd)
{
    int expected = REFUSAL_PENDING;
    if (!atomic_compare_exchange_strong(&r->refused_by, &expected, REFUSAL_REAPER)) {
        return false;
    }
    struct error_text e;
    char text[1024];
    write_error(&e, r, r->refusal, NULL);
    size_t len = write_answer(text, sizeof text, r, &e.reply);
    atomic_store(&r->early_len, e.reply.body.len);
    atomic_store(&r->received, true); /* it is we who end it */
    if (send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len) {
        atomic_store(&r->early_len, 0);
    }
    (void)shutdown(fd, SHUT_WR);
    return true;
}
