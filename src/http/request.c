/* The life of a request.
 *
 *   request_line()       the request line is there: made, and the deadline runs
 *   request_access() 1st the head is there: checked, routed, perhaps refused
 *   request_access() ... the body arrives: kept, or discarded when refused
 *   request_access() end the handler runs; it answers, or defers and the connection is suspended
 *   request_access() +1  only after a defer: resumed, the answer is sent
 *   request_completed()  logged, counted, the worker's reference dropped
 *   request_forgotten()  the same, when only the connection's end is told
 *
 * A refusal that is certain before the body is read still reads and discards a body of up to
 * DISCARD_MAX: libmicrohttpd answers either before the body or after it, and a client that sends
 * all before it reads would see a reset connection instead of an answer before it. A body that is
 * announced as larger is answered at once and the connection closed; a chunked one that turns out
 * to be is cut off. When the client pauses within the body, or at the deadline, the reaper sends
 * the refusal past the library. The request's deadline bounds the time, and each part goes into the
 * connection's buffer and no further. */
#include "base/log.h"
#include "base/uuid.h"
#include "state.h"

#include <stdlib.h>
#include <strings.h>

enum { DISCARD_MAX = 32 * 1024 * 1024 };

void request_ref(struct http_request *r)
{
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
}

void request_unref(struct http_request *r)
{
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    if (r->response != NULL) {
        MHD_destroy_response(r->response);
    }
    buf_free(&r->body);
    free(r);
}

static struct connection *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* Hides the query from libmicrohttpd, which keeps every argument in the connection's memory, 60
 * bytes for an "&", and comes to a halt without an answer when that is full (0.9.75). It asks for
 * the target just before it looks for arguments, and ends at a NUL. (A target with a NUL of its own
 * still halts it; its connection is cut at the deadline.) */
static void drop_query(struct span target)
{
    char *mark = target.len > 0 ? memchr(target.ptr, '?', target.len) : NULL;
    if (mark != NULL) {
        mark[1] = '\0';
    }
}

void *request_line(void *server, const char *target, struct MHD_Connection *connection)
{
    struct http_server *s = server;
    struct connection *peer = peer_of(connection);
    bool refused = peer != NULL && peer->refused;
    struct span line = span_of(target);
    const char *wrong = head_check_target(line);
    drop_query(line);
    struct http_request *r = refused ? NULL : calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->server = s;
    r->connection = connection;
    r->target = line;
    r->refusal_message = wrong;
    r->start_us = clock_mono_us(s->config.clock);
    atomic_init(&r->state, REQUEST_RUNNING);
    atomic_init(&r->refs, 1);
    r->body.limit = s->config.body_limit;
    uuid_make(r->id);
    r->peer = peer;
    client_address(r->ip, r->peer, NULL, 0); /* should no whole head come */
    atomic_fetch_add(&s->active, 1);
    if (r->peer != NULL) {
        connection_carry(&s->connections, r->peer, r);
    }
    return r;
}

static enum MHD_Result collect_field(void *context, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    struct head *head = context;
    if (head->field_count == HEAD_FIELDS_MAX) {
        head->too_many = true;
        return MHD_NO;
    }
    head->fields[head->field_count++] =
        (struct head_field){{name, name_len}, {value != NULL ? value : name + name_len, value_len}};
    return MHD_YES;
}

static void collect_head(struct head *head, struct http_request *r, const char *method,
                         const char *version)
{
    head->method = method;
    head->target = r->target;
    head->version = version;
    head->field_count = 0;
    head->too_many = false;
    head->size = 0;
    MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, collect_field, head);
#if MHD_VERSION < 0x01000000
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    head->size = info != NULL ? info->header_size : 0;
#endif
}

static void copy_text(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

static void identify(struct http_request *r, const struct head *head)
{
    struct span id = head_find(head, "x-amzn-RequestId");
    if (uuid_valid(id)) {
        memcpy(r->id, id.ptr, id.len);
    }
    client_address(r->ip, r->peer, head, r->server->config.trusted_proxies);
}

/* Bytes of body that the head announces; 0 for none or chunked. */
static uint64_t announced_length(const struct head *head)
{
    struct span text = head_find(head, "Content-Length");
    uint64_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= '0' && text.ptr[i] <= '9') {
            length = length * 10 + (uint64_t)(text.ptr[i] - '0');
        }
        if (length > UINT64_MAX / 100) {
            return UINT64_MAX;
        }
    }
    return length;
}

/* The refusal that is certain from the head alone, or 0. */
static int admit(struct http_request *r, const struct head *head)
{
    struct http_server *s = r->server;
    if (r->refusal_message == NULL) {
        r->refusal_message = head_check(head);
    }
    if (r->refusal_message != NULL) {
        return MHD_HTTP_BAD_REQUEST;
    }
    route_find(s, r->path, r->method, &r->match);
    const struct http_route *route = r->match.route;
    if (route != NULL && route->open) {
        return 0;
    }
    if (route != NULL && (atomic_load(&s->refusing) || (r->peer != NULL && r->peer->extra))) {
        return MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (!throttle_pass(&s->throttle, r->start_us)) {
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    if (route == NULL) {
        return r->match.path_of != NULL ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
    }
    return 0;
}

static enum MHD_Result send_answer(struct http_request *r)
{
    if (r->queued) {
        return MHD_YES;
    }
    r->queued = true;
    atomic_store(&r->received, true);
    return r->response != NULL ? MHD_queue_response(r->connection, (unsigned)r->status, r->response)
                               : MHD_NO;
}

static void refuse(struct http_request *r)
{
    http_reply_error(r, r->refusal, r->refusal_message);
}

/* The head is there. Either lets the body come, or answers at once. */
static enum MHD_Result begin(struct http_request *r, const char *url, const char *method,
                             const char *version)
{
    struct head head;
    r->begun = true;
    r->path = route_strip_stage(r->server->config.stage, route_strip_origin(url));
    copy_text(r->method, sizeof r->method, method);
    r->head_only = strcmp(method, "HEAD") == 0;
    collect_head(&head, r, method, version);
    identify(r, &head);
    r->refusal = admit(r, &head);
    uint64_t announced = announced_length(&head);
    if (r->refusal == 0 && announced > r->server->config.body_limit) {
        r->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    }
    bool expects = head_find(&head, "Expect").ptr != NULL;
    bool at_once = r->refusal_message != NULL || expects ||
                   announced > r->server->config.body_limit + DISCARD_MAX;
    if (r->refusal != 0 && at_once) {
        refuse(r);
        return send_answer(r);
    }
    if (r->refusal != 0) {
        atomic_store(&r->refused_by, REFUSAL_PENDING);
    } else if (announced > 0) {
        buf_reserve(&r->body, (size_t)announced);
    }
    return MHD_YES;
}

/* A part of the body. MHD_NO closes the connection: more was sent than we are willing to discard.
 */
static enum MHD_Result receive(struct http_request *r, const char *upload, size_t size)
{
    metric_add(r->server->bytes_in, size);
    if (r->refusal == 0 && r->body.len + size > r->server->config.body_limit) {
        r->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
        atomic_store(&r->refused_by, REFUSAL_PENDING);
        buf_free(&r->body);
    }
    if (r->refusal == 0) {
        buf_add(&r->body, upload, size);
        return MHD_YES;
    }
    r->discarded += size;
    r->status = r->refusal; /* for the log, should the connection be closed now */
    if (r->discarded <= r->server->config.body_limit + DISCARD_MAX) {
        return MHD_YES;
    }
    atomic_store(&r->received, true);
    return MHD_NO;
}

static enum MHD_Result finish(struct http_request *r)
{
    atomic_store(&r->received, true);
    if (r->refusal != 0) {
        int expected = REFUSAL_PENDING;
        if (!atomic_compare_exchange_strong(&r->refused_by, &expected, REFUSAL_WORKER)) {
            return MHD_NO; /* it has been sent */
        }
        refuse(r);
        return send_answer(r);
    }
    if (buf_failed(&r->body)) {
        http_reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        return send_answer(r);
    }
    r->match.route->handle(r, r->match.route->context);
    /* After a defer the answer may be there already, but libmicrohttpd takes it only when it calls
     * again. */
    if (r->deferred) {
        return MHD_YES;
    }
    if (atomic_load(&r->state) != REQUEST_DONE) {
        http_reply_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    }
    return send_answer(r);
}

enum MHD_Result request_access(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context)
{
    (void)server;
    (void)connection;
    struct http_request *r = *context;
    if (r == NULL) {
        return MHD_NO; /* its connection is refused, or there was no memory */
    }
    if (!r->begun) {
        return begin(r, url, method, version);
    }
    if (*upload_size > 0) {
        enum MHD_Result result = receive(r, upload, *upload_size);
        *upload_size = 0;
        return result;
    }
    if (!r->deferred) {
        return finish(r);
    }
    return atomic_load(&r->state) == REQUEST_DONE ? send_answer(r) : MHD_YES;
}

/* Drops the worker's reference: the last that is heard of the request. */
static void end(struct http_server *s, struct http_request *r)
{
    access_log_write(r);
    if (r->deferred) {
        atomic_fetch_sub(&s->unsent, 1);
    }
    request_unref(r);
    if (atomic_fetch_sub(&s->active, 1) == 1 && atomic_load(&s->refusing)) {
        pthread_mutex_lock(&s->idle_lock);
        pthread_cond_signal(&s->none_active);
        pthread_mutex_unlock(&s->idle_lock);
    }
}

void request_completed(void *server, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode how)
{
    (void)connection;
    struct http_server *s = server;
    struct http_request *r = *context;
    if (r == NULL) {
        return;
    }
    if (!atomic_load(&r->received) && how != MHD_REQUEST_TERMINATED_COMPLETED_OK &&
        how != MHD_REQUEST_TERMINATED_DAEMON_SHUTDOWN) {
        metric_add(s->aborted, 1);
    }
    if (atomic_load(&r->refused_by) == REFUSAL_REAPER) {
        r->status = r->refusal;
        r->reply_len = atomic_load(&r->early_len);
    }
    if (r->peer != NULL) {
        connection_carry(&s->connections, r->peer, NULL);
    }
    *context = NULL;
    end(s, r);
}

void request_forgotten(struct http_request *r)
{
    metric_add(r->server->aborted, 1);
    r->path = NULL; /* it was the library's */
    end(r->server, r);
}

struct span http_request_body(const struct http_request *r)
{
    return buf_span(&r->body);
}

bool http_request_draining(const struct http_request *r)
{
    return atomic_load(&r->server->draining);
}

struct wanted {
    const char *name;
    struct span *values;
    size_t count, max;
};

static enum MHD_Result collect_wanted(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    struct wanted *w = context;
    if (w->count < w->max && value != NULL && strcasecmp(name, w->name) == 0) {
        w->values[w->count++] = span_of(value);
    }
    return MHD_YES;
}

size_t http_request_header_all(const struct http_request *r, const char *name, struct span *values,
                               size_t max)
{
    struct wanted w = {.name = name, .values = values, .max = max};
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, collect_wanted, &w);
    return w.count;
}
