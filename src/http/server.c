#include "base/log.h"
#include "files.h"
#include "listen.h"
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Memory of one connection for its head and answer's head: bounds both (431, 414 beyond). */
enum { CONNECTION_MEMORY = 32 * 1024 };

/* Connections that are accepted beyond the limit, so that health checks do not wait behind it.
 * libmicrohttpd gives each worker its share of the whole. */
enum { RESERVE_PER_THREAD = 8 };

/* For the last answers to leave at the stop. */
enum { STOP_PATIENCE_MS = 1000 };

static void connection_event(void *server, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = server;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct http_request *left = connection_closed(&s->connections, *context);
        *context = NULL;
        if (left != NULL) {
            request_forgotten(left);
        }
        return;
    }
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *address =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (fd != NULL && address != NULL) {
        *context = connection_opened(&s->connections, fd->connect_fd, address->client_addr);
    }
}

__attribute__((format(printf, 2, 0))) static void library_says(void *context, const char *format,
                                                               va_list args)
{
    (void)context;
    char text[256];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    log_debug("libmicrohttpd", LOG_STR("text", text));
}

static void register_metrics(struct http_server *s)
{
    struct metrics *m = s->config.metrics;
    s->late = metrics_counter(
        m, (struct metric_name){"reviewd_answers_late_total",
                                "Answers that came after the request's deadline and were not sent.",
                                NULL});
    s->bytes_in = metrics_counter(
        m, (struct metric_name){"reviewd_request_bytes_total", "Bytes of request bodies.", NULL});
    s->aborted = metrics_counter(
        m, (struct metric_name){"reviewd_requests_aborted_total",
                                "Requests whose client went away before all of it had come, or "
                                "that the HTTP library refused.",
                                NULL});
    for (size_t i = 0; i < s->config.route_count; i++) {
        char labels[96];
        snprintf(labels, sizeof labels, "route=\"%s\",method=\"%s\"", s->routes[i].path,
                 s->routes[i].method);
        s->latency[i] = metrics_histogram(
            m, (struct metric_name){"reviewd_request_seconds",
                                    "From request line to answer, by route.", labels});
    }
}

static unsigned thread_count(const struct http_config *config)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted =
        config->threads != 0 ? config->threads : (processors > 0 ? (unsigned)processors : 1);
    return wanted > config->connection_limit ? config->connection_limit : wanted;
}

/* Fewer connections where the limit of open files is low: the store and the mails need some too. */
static void fit_connections(struct http_server *s)
{
    unsigned limit = s->config.connection_limit;
    unsigned threads = thread_count(&s->config);
    s->reserve = RESERVE_PER_THREAD * threads;
    unsigned room = files_make_room(limit + s->reserve, threads);
    if (room >= limit + s->reserve) {
        return;
    }
    s->reserve = s->reserve < room / 2 ? s->reserve : room / 2;
    s->config.connection_limit = room - s->reserve;
    log_warn("the limit of open files allows fewer connections than REVIEWD_CONNECTION_LIMIT",
             LOG_INT("wanted", limit), LOG_INT("allowed", s->config.connection_limit));
}

static struct connection_limits limits_of(const struct http_config *config)
{
    return (struct connection_limits){config->request_timeout_ms, config->keepalive_ms,
                                      config->connections_per_address, config->connection_limit};
}

static struct MHD_Daemon *start_daemon(struct http_server *s)
{
    unsigned threads = thread_count(&s->config);
    struct connection_limits limits = limits_of(&s->config);
    int64_t idle_ms = connection_idle_limit_ms(&limits);
    /* The pool size option must be left out for a single thread. */
    struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)threads, NULL},
                                    {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG,
        0, NULL, NULL, request_access, s, MHD_OPTION_EXTERNAL_LOGGER, library_says, NULL,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_URI_LOG_CALLBACK, request_line, s,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
        connection_event, s, MHD_OPTION_CONNECTION_LIMIT, s->config.connection_limit + s->reserve,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((idle_ms + 999) / 1000),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_ARRAY,
        threads > 1 ? pool : none, MHD_OPTION_END);
}

struct http_server *http_server_start(const struct http_config *config,
                                      char reason[HTTP_ERROR_SIZE])
{
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(reason, HTTP_ERROR_SIZE, "out of memory");
        return NULL;
    }
    s->config = *config;
    fit_connections(s);
    memcpy(s->routes, config->routes, config->route_count * sizeof *config->routes);
    throttle_init(&s->throttle, config->rate_limit, config->rate_burst);
    pthread_mutex_init(&s->idle_lock, NULL);
    pthread_cond_init(&s->none_active, NULL);
    register_metrics(s);
    s->listen_fd = listen_open(config->listen, s->address, reason);
    if (s->listen_fd < 0) {
        goto fail;
    }
    struct connection_limits limits = limits_of(&s->config);
    if (connection_table_start(&s->connections, config->clock, config->metrics, &limits) != 0) {
        snprintf(reason, HTTP_ERROR_SIZE, "cannot start a thread: %s", strerror(errno));
        goto fail_table;
    }
    s->daemon = start_daemon(s);
    if (s->daemon == NULL) {
        snprintf(reason, HTTP_ERROR_SIZE,
                 "cannot start the HTTP server on %s: %s; is the limit of open files or threads "
                 "too low?",
                 s->address, strerror(errno));
        goto fail_table;
    }
    return s;

fail_table:
    connection_table_stop(&s->connections);
    close(s->listen_fd);
fail:
    http_server_free(s);
    return NULL;
}

const char *http_server_address(const struct http_server *s)
{
    return s->address;
}

void http_server_announce_drain(struct http_server *s)
{
    atomic_store(&s->draining, true);
}

bool http_server_drain(struct http_server *s, int64_t timeout_ms)
{
    struct timespec until = clock_after(timeout_ms * 1000);
    atomic_store(&s->draining, true);
    atomic_store(&s->refusing, true);
    if (!s->quiesced) {
        s->quiesced = MHD_quiesce_daemon(s->daemon) != MHD_INVALID_SOCKET;
    }
    int waited = 0;
    pthread_mutex_lock(&s->idle_lock);
    while (atomic_load(&s->active) > 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_clockwait(&s->none_active, &s->idle_lock, CLOCK_MONOTONIC, &until);
    }
    pthread_mutex_unlock(&s->idle_lock);
    return atomic_load(&s->active) == 0;
}

void http_server_stop(struct http_server *s)
{
    static const struct timespec moment = {.tv_nsec = 1000000};
    int64_t until_us = clock_mono_us(s->config.clock) + (int64_t)STOP_PATIENCE_MS * 1000;
    atomic_store(&s->refusing, true);
    atomic_store(&s->stopping, true);
    /* No connection may be suspended when the daemon stops (microhttpd.h, MHD_suspend_connection).
     * New ones cannot come; those between their defer and their suspension are waited for. Then the
     * answers get a moment to leave. */
    while (atomic_load(&s->deferrals) > 0 ||
           (atomic_load(&s->unsent) > 0 && clock_mono_us(s->config.clock) < until_us)) {
        if (atomic_load(&s->deferrals) > 0) {
            connection_each_request(&s->connections, reply_expire);
        }
        nanosleep(&moment, NULL);
    }
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
    if (s->quiesced) {
        close(s->listen_fd); /* libmicrohttpd closes it only when it was not handed back */
    }
    connection_table_stop(&s->connections);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL) {
        return;
    }
    pthread_cond_destroy(&s->none_active);
    pthread_mutex_destroy(&s->idle_lock);
    free(s);
}

const char *http_library_version(void)
{
    return MHD_get_version();
}
