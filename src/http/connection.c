#include "connection.h"

#include "state.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <time.h>

enum { SWEEP_EVERY_US = 1000000 };

/* A client that is seen to have ended gets ENDED_PATIENCE_US to have its last bytes acted on. */
enum { ENDED_PATIENCE_US = 500000, TICKS_US = 50000, EXTRA_TIMEOUT_US = 3000000 };

/* So long may a client pause within a body that is refused anyway, until it is told. */
enum { REFUSED_PAUSE_US = 1000000 };

int64_t connection_idle_limit_ms(const struct connection_limits *limits)
{
    int64_t longest_request_ms = limits->request_timeout_ms + 2000;
    return limits->keepalive_ms > longest_request_ms ? limits->keepalive_ms : longest_request_ms;
}

static struct in6_addr normalized(const struct sockaddr *address)
{
    struct in6_addr out = {0};
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        return v6.sin6_addr;
    }
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        out.s6_addr[10] = out.s6_addr[11] = 0xff;
        memcpy(&out.s6_addr[12], &v4.sin_addr, 4);
    }
    return out;
}

static struct connection **bucket_of(struct connection_table *t, const struct in6_addr *address)
{
    unsigned hash = 0;
    for (size_t i = 0; i < sizeof address->s6_addr; i++) {
        hash = hash * 31 + address->s6_addr[i];
    }
    return &t->buckets[hash % CONNECTION_BUCKETS];
}

/* How many of the address there are. Under the table's lock. */
static size_t count_of(struct connection_table *t, const struct in6_addr *address)
{
    size_t count = 0;
    for (struct connection *c = *bucket_of(t, address); c != NULL; c = c->next) {
        count += !c->refused && memcmp(&c->address, address, sizeof *address) == 0;
    }
    return count;
}

struct connection *connection_opened(struct connection_table *t, int fd,
                                     const struct sockaddr *address)
{
    struct connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->address = normalized(address);
    c->fd = fd;
    atomic_init(&c->idle_since_us, clock_mono_us(t->clock));
    pthread_mutex_init(&c->lock, NULL);
    pthread_mutex_lock(&t->lock);
    c->refused = t->per_address > 0 && count_of(t, &c->address) >= t->per_address;
    atomic_init(&c->served, c->refused); /* nobody expects a request of a refused one */
    struct connection **bucket = bucket_of(t, &c->address);
    c->next = *bucket;
    c->link = bucket;
    if (c->next != NULL) {
        c->next->link = &c->next;
    }
    *bucket = c;
    c->extra = t->count - t->refused_count >= t->connections;
    if (t->count++ == 0) {
        pthread_cond_signal(&t->changed);
    }
    t->refused_count += c->refused;
    metric_set(t->open, (int64_t)(t->count - t->refused_count));
    pthread_mutex_unlock(&t->lock);
    if (c->refused) {
        (void)shutdown(fd, SHUT_RDWR);
        metric_add(t->refused, 1);
    } else if (c->extra) {
        metric_add(t->extra, 1);
    }
    return c;
}

struct http_request *connection_closed(struct connection_table *t, struct connection *c)
{
    if (c == NULL) {
        return NULL;
    }
    struct http_request *left = c->current;
    pthread_mutex_lock(&t->lock);
    *c->link = c->next;
    if (c->next != NULL) {
        c->next->link = c->link;
    }
    t->count--;
    t->refused_count -= c->refused;
    metric_set(t->open, (int64_t)(t->count - t->refused_count));
    pthread_mutex_unlock(&t->lock);
    if (!atomic_load_explicit(&c->served, memory_order_relaxed)) {
        metric_add(t->unused, 1);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
    return left;
}

void connection_carry(struct connection_table *t, struct connection *c,
                      struct http_request *request)
{
    pthread_mutex_lock(&c->lock);
    c->current = request;
    pthread_mutex_unlock(&c->lock);
    if (request == NULL) {
        atomic_store_explicit(&c->idle_since_us, clock_mono_us(t->clock), memory_order_relaxed);
        atomic_store_explicit(&c->served, true, memory_order_relaxed);
    }
}

static struct http_request *hold_current(struct connection *c)
{
    pthread_mutex_lock(&c->lock);
    struct http_request *r = c->current;
    if (r != NULL) {
        request_ref(r);
    }
    pthread_mutex_unlock(&c->lock);
    return r;
}

/* Cuts the connection without closing its descriptor, which is libmicrohttpd's. True when it was
 * not cut before. Under the table's lock. */
static bool cut(struct connection *c)
{
    if (c->cut) {
        return false;
    }
    c->cut = true;
    (void)shutdown(c->fd, SHUT_RDWR);
    return true;
}

static void cut_late(struct connection_table *t, struct connection *c)
{
    if (cut(c)) {
        metric_add(t->timed_out, 1);
    }
}

/* Whether the client has ended its side, all it sent has been read, and there was time to act on
 * it. */
static bool has_ended(struct connection *c, int64_t now)
{
    char byte;
    if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0) {
        c->ended_us = 0;
    } else if (c->ended_us == 0) {
        c->ended_us = now;
    }
    return c->ended_us != 0 && now - c->ended_us > ENDED_PATIENCE_US;
}

/* Whether nothing came since the last request, as far as the kernel's clock can tell: it counts in
 * ticks, and so a head that begins within them may be taken for silence. */
static bool is_silent(const struct connection *c, int64_t idle_us)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    return getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           (int64_t)info.tcpi_last_data_recv * 1000 >= idle_us - TICKS_US;
}

static int64_t time_for_request_us(const struct connection_table *t, const struct connection *c)
{
    bool shorter = c->extra && t->request_timeout_us > EXTRA_TIMEOUT_US;
    return shorter ? EXTRA_TIMEOUT_US : t->request_timeout_us;
}

/* A connection between two requests, or before its first. Under the table's lock. */
static void check_idle(struct connection_table *t, struct connection *c, int64_t now)
{
    int64_t idle_us = now - atomic_load_explicit(&c->idle_since_us, memory_order_relaxed);
    bool served = atomic_load_explicit(&c->served, memory_order_relaxed);
    if (has_ended(c, now) ||
        (served && t->closes_idle && idle_us > t->keepalive_us && is_silent(c, idle_us))) {
        (void)cut(c);
    } else if (idle_us > time_for_request_us(t, c) + (served ? t->keepalive_us : 0)) {
        cut_late(t, c);
    }
}

/* Tells a client that its request is refused when it does not send the body that it announced.
 * True when it did. Under the table's lock. */
static bool refuse_paused(struct connection *c, struct http_request *r, int64_t elapsed_us,
                          bool is_late)
{
    bool pauses = elapsed_us > REFUSED_PAUSE_US && is_silent(c, REFUSED_PAUSE_US);
    return !c->cut && c->ended_us == 0 && (is_late || pauses) && reply_refuse_early(r, c->fd);
}

/* Looks at one connection under the table's lock. Returns its request, held, when that has waited
 * for its answer beyond the deadline. */
static struct http_request *overdue(struct connection_table *t, struct connection *c, int64_t now)
{
    struct http_request *r = hold_current(c);
    if (r == NULL) {
        check_idle(t, c, now);
        return NULL;
    }
    bool awaited = !atomic_load(&r->received) || atomic_load(&r->refused_by) == REFUSAL_REAPER;
    if (awaited && has_ended(c, now)) {
        (void)cut(c);
    }
    int64_t allowed_us = time_for_request_us(t, c);
    bool is_late = now - r->start_us > allowed_us;
    if (!refuse_paused(c, r, now - r->start_us, is_late) && is_late) {
        if (atomic_load(&r->state) == REQUEST_SUSPENDED) {
            return r;
        }
        /* Being received or sent: an answer just given has one more second to leave. */
        if (now - r->start_us > allowed_us + 1000000) {
            atomic_store(&r->received, true); /* it is we who end it */
            cut_late(t, c);
        }
    }
    request_unref(r);
    return NULL;
}

enum { VISIT_BATCH = 64 };

/* The requests of one bucket that wait beyond their deadline, held; returns how many are in `late`
 * now. Under the table's lock. */
static size_t collect_late(struct connection_table *t, size_t bucket, int64_t now,
                           struct http_request *late[VISIT_BATCH], size_t count)
{
    for (struct connection *c = t->buckets[bucket]; c != NULL && count < VISIT_BATCH; c = c->next) {
        struct http_request *r = overdue(t, c, now);
        if (r != NULL) {
            late[count++] = r;
        }
    }
    return count;
}

/* Answers 504 to what has waited too long. In batches, because answering must not happen under the
 * lock; what is answered leaves the overdue set, so the loop ends. */
static void sweep(struct connection_table *t)
{
    struct http_request *late[VISIT_BATCH];
    size_t count;
    do {
        count = 0;
        int64_t now = clock_mono_us(t->clock);
        pthread_mutex_lock(&t->lock);
        for (size_t b = 0; b < CONNECTION_BUCKETS && count < VISIT_BATCH; b++) {
            count = collect_late(t, b, now, late, count);
        }
        pthread_mutex_unlock(&t->lock);
        for (size_t i = 0; i < count; i++) {
            reply_expire(late[i]);
            request_unref(late[i]);
        }
    } while (count == VISIT_BATCH);
}

void connection_each_request(struct connection_table *t, void (*visit)(struct http_request *r))
{
    for (size_t b = 0; b < CONNECTION_BUCKETS; b++) {
        for (size_t skip = 0;; skip++) {
            struct http_request *r = NULL;
            size_t at = 0;
            pthread_mutex_lock(&t->lock);
            struct connection *c = t->buckets[b];
            for (; c != NULL && at < skip; at++) {
                c = c->next;
            }
            if (c != NULL) {
                r = hold_current(c);
            }
            pthread_mutex_unlock(&t->lock);
            if (r != NULL) {
                visit(r);
                request_unref(r);
            }
            if (c == NULL) {
                break;
            }
        }
    }
}

static void *reap(void *context)
{
    struct connection_table *t = context;
    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        if (t->count == 0) {
            pthread_cond_wait(&t->changed, &t->lock);
            continue;
        }
        struct timespec until = clock_after(SWEEP_EVERY_US);
        int waited = 0;
        while (!t->stop && waited != ETIMEDOUT) {
            waited = pthread_cond_clockwait(&t->changed, &t->lock, CLOCK_MONOTONIC, &until);
        }
        if (!t->stop) {
            pthread_mutex_unlock(&t->lock);
            sweep(t);
            pthread_mutex_lock(&t->lock);
        }
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

int connection_table_start(struct connection_table *t, struct clock *clock, struct metrics *metrics,
                           const struct connection_limits *limits)
{
    t->clock = clock;
    t->request_timeout_us = limits->request_timeout_ms * 1000;
    t->keepalive_us = limits->keepalive_ms * 1000;
    t->per_address = limits->per_address;
    t->connections = limits->connections;
    t->closes_idle = connection_idle_limit_ms(limits) > limits->keepalive_ms;
    t->open = metrics_gauge(metrics, (struct metric_name){"reviewd_connections_open",
                                                          "Open client connections.", NULL});
    t->refused = metrics_counter(
        metrics,
        (struct metric_name){"reviewd_connections_refused_total",
                             "Connections closed because their address has too many.", NULL});
    t->extra = metrics_counter(
        metrics,
        (struct metric_name){"reviewd_connections_extra_total",
                             "Connections beyond REVIEWD_CONNECTION_LIMIT: only health checks and "
                             "metrics are answered on them, all else with 503.",
                             NULL});
    t->unused = metrics_counter(
        metrics, (struct metric_name){"reviewd_connections_unused_total",
                                      "Connections that ended without a request: probes, and "
                                      "request lines that the HTTP library refused.",
                                      NULL});
    t->timed_out = metrics_counter(
        metrics, (struct metric_name){
                     "reviewd_connections_cut_total",
                     "Connections cut because a request was not received, or its answer not "
                     "taken, in time.",
                     NULL});
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    errno = pthread_create(&t->reaper, NULL, reap, t);
    t->running = errno == 0;
    return t->running ? 0 : -1;
}

void connection_table_stop(struct connection_table *t)
{
    if (t->running) {
        pthread_mutex_lock(&t->lock);
        t->stop = true;
        pthread_cond_signal(&t->changed);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->reaper, NULL);
        t->running = false;
    }
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}
