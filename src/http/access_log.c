#include "base/log.h"
#include "state.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <strings.h>

/* The `back`-th entry from the right (1 = the last) over all X-Forwarded-For fields; the first one
 * when there are fewer. */
static struct span forwarded_entry(const struct head *head, unsigned back)
{
    struct span found = {NULL, 0};
    for (size_t i = head->field_count; i-- > 0 && back > 0;) {
        const struct head_field *field = &head->fields[i];
        if (field->name.len != 15 || strncasecmp(field->name.ptr, "X-Forwarded-For", 15) != 0) {
            continue;
        }
        const char *end = field->value.ptr + field->value.len;
        while (back > 0 && end >= field->value.ptr) {
            const char *start = end;
            while (start > field->value.ptr && start[-1] != ',') {
                start--;
            }
            found = (struct span){start, (size_t)(end - start)};
            end = start - 1;
            back--;
        }
    }
    return found;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711", with blanks around. */
static bool parse_address(struct span entry, char out[REQUEST_IP_SIZE])
{
    char text[REQUEST_IP_SIZE + 8];
    while (entry.len > 0 && (*entry.ptr == ' ' || *entry.ptr == '\t' || *entry.ptr == '[')) {
        entry.ptr++;
        entry.len--;
    }
    if (entry.len >= sizeof text || entry.len == 0) {
        return false;
    }
    memcpy(text, entry.ptr, entry.len);
    text[entry.len] = '\0';
    text[strcspn(text, "] \t")] = '\0';
    char *colon = strchr(text, ':');
    if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0';
    }
    unsigned char binary[16];
    if (strlen(text) >= REQUEST_IP_SIZE ||
        (inet_pton(AF_INET, text, binary) != 1 && inet_pton(AF_INET6, text, binary) != 1)) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

void client_address(char out[REQUEST_IP_SIZE], const struct connection *peer,
                    const struct head *head, unsigned trusted)
{
    if (trusted > 0 && parse_address(forwarded_entry(head, trusted), out)) {
        return;
    }
    out[0] = '\0';
    if (peer == NULL) {
        return;
    }
    if (IN6_IS_ADDR_V4MAPPED(&peer->address)) {
        inet_ntop(AF_INET, &peer->address.s6_addr[12], out, REQUEST_IP_SIZE);
    } else {
        inet_ntop(AF_INET6, &peer->address, out, REQUEST_IP_SIZE);
    }
}

/* Statuses that are counted one by one; others share the slot 0. */
static const int statuses[STATUS_SLOTS] = {0,   200, 204, 400, 403, 404, 405, 408, 413,
                                           414, 415, 417, 429, 431, 500, 502, 503, 504};

static size_t slot_of(int status)
{
    for (size_t i = 1; i < STATUS_SLOTS && statuses[i] != 0; i++) {
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
        const char *path = route < s->config.route_count ? s->routes[route].path : "none";
        const char *method = route < s->config.route_count ? s->routes[route].method : "none";
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

void access_log_write(struct http_request *r)
{
    struct http_server *s = r->server;
    int64_t latency_us = clock_mono_us(s->config.clock) - r->start_us;
    size_t route = r->route != NULL ? (size_t)(r->route - s->routes) : HTTP_ROUTES_MAX;
    metric_add(counter_of(s, route, slot_of(r->status)), 1);
    metric_observe_us(s->latency[route], latency_us);
    if (!s->config.access_log) {
        return;
    }
    /* Field names and the latency's unit (milliseconds) as in API Gateway's access logs; the exact
     * figure beside it. */
    log_info("request", LOG_STR("requestId", r->id), LOG_STR("ip", r->ip),
             LOG_STR("httpMethod", r->method),
             LOG_STR("resourcePath", r->route != NULL ? r->route->path : r->path),
             LOG_INT("status", r->status), LOG_INT("responseLength", (int64_t)r->reply_len),
             LOG_INT("latency", latency_us / 1000), LOG_INT("latencyUs", latency_us));
}
