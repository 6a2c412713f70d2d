#include "base/log.h"
#include "state.h"

#include <stdio.h>

/* Statuses that are counted one by one; others share the slot 0. */
static const int statuses[STATUS_SLOTS] = {0, 200, 400, 404, 405, 413, 429, 500, 503, 504};

static size_t slot_of(int status)
{
    for (size_t i = 1; i < STATUS_SLOTS; i++) {
        if (statuses[i] == status) {
            return i;
        }
    }
    return 0;
}

static struct metric *counter_of(struct http_server *s, size_t route, size_t slot)
{
    struct metric *counter = atomic_load_explicit(&s->counts[route][slot], memory_order_acquire);
    if (counter == NULL) {
        const char *path = "none";
        const char *method = "none";
        if (route > HTTP_ROUTES_MAX) {
            path = s->routes[route - HTTP_ROUTES_MAX - 1].path;
            method = "other";
        } else if (route < HTTP_ROUTES_MAX) {
            path = s->routes[route].path;
            method = s->routes[route].method;
        }
        char labels[160];
        char status[12] = "none";
        if (slot != 0) {
            snprintf(status, sizeof status, "%d", statuses[slot]);
        }
        snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\",status=\"%s\"", path, method,
                 status);
        counter = metrics_counter(
            s->config.metrics,
            (struct metric_name){"reviewd_requests_total",
                                 "Requests by route and status; status none: refused by "
                                 "the HTTP library, or the connection ended before an "
                                 "answer.",
                                 labels});
        atomic_store_explicit(&s->counts[route][slot], counter, memory_order_release);
    }
    return counter;
}

static size_t counted_as(const struct http_server *s, const struct http_request *r)
{
    if (r->match.route != NULL) {
        return (size_t)(r->match.route - s->routes);
    }
    return HTTP_ROUTES_MAX +
           (r->match.path_of != NULL ? (size_t)(r->match.path_of - s->routes) + 1 : 0);
}

void access_log_write(struct http_request *r)
{
    struct http_server *s = r->server;
    int64_t latency_us = clock_mono_us(s->config.clock) - r->start_us;
    metric_add(counter_of(s, counted_as(s, r), slot_of(r->status)), 1);
    if (r->match.route != NULL) {
        metric_observe_us(s->latency[r->match.route - s->routes], latency_us);
    }
    if (!s->config.access_log) {
        return;
    }
    /* Field names and the latency's unit (milliseconds) as in API Gateway's access logs; the exact
     * figure beside it. */
    log_info("request", LOG_STR("requestId", r->id), LOG_STR("ip", r->ip),
             LOG_STR("httpMethod", r->method),
             LOG_STR("resourcePath", r->match.route != NULL ? r->match.route->path : r->path),
             LOG_INT("status", r->status),
             LOG_INT("responseLength", r->head_only ? 0 : (int64_t)r->reply_len),
             LOG_INT("latency", latency_us / 1000), LOG_INT("latencyUs", latency_us));
}
