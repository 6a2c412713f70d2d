/* `reviewd serve`: starts the parts from the bottom up, waits for SIGTERM or SIGINT, and stops them
 * from the top down.
 *
 * The order of the stop is what keeps the promise: first no new requests, then no requests under
 * way and no mails, then the store commits what it still holds. What is due gets a moment to be
 * mailed, so that who counts mails after a stop finds as many as Positive reviews; the rest is for
 * the next start.
 *
 * One deadline, REVIEWD_DRAIN_TIMEOUT after the signal, is for all of it: whoever sent the signal
 * kills what has not ended by then. So the mails under way, which have some seconds of their own,
 * end beside the requests and not after them, and the requests leave a part of the time to what
 * comes after them. */
#include "api/api.h"
#include "base/log.h"
#include "cli/cli.h"
#include "cli/complain.h"
#include "notify/outbox.h"
#include "options.h"
#include "wire.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOG_RING_BYTES = 1024 * 1024, LOG_STOP_MS = 1000 };

/* What of the time for the stop is not the requests': a fifth, up to 5 s, for the last answers to
 * leave, the store to close and the last lines to be written. */
enum { CLOSE_SHARE = 5, CLOSE_MAX_MS = 5000 };

/* Mails under way need up to MAILS_END_MS to end. What the requests' time has beyond that may be
 * waited for more to be sent, MOMENT_MAX_MS at most. */
enum { MAILS_END_MS = 5000, MOMENT_MAX_MS = 2000 };

struct service {
    struct settings *settings;
    struct metrics *metrics;
    struct wire_aws aws;
    struct store *store;
    struct wire_mail mail;
    _Atomic(struct outbox *) outbox; /* NULL before it is made: the store may wake it earlier */
    struct pipeline pipeline;
    struct api api;
    struct http_server *server;
};

static void wake_outbox(void *context)
{
    struct service *s = context;
    struct outbox *outbox = atomic_load(&s->outbox);
    if (outbox != NULL) {
        outbox_wake(outbox);
    }
}

static int64_t lines_dropped(void *context)
{
    (void)context;
    return (int64_t)log_dropped();
}

static int64_t time_for_close_ms(const struct settings *settings)
{
    int64_t share = settings->drain_timeout_ms / CLOSE_SHARE;
    return share < CLOSE_MAX_MS ? share : CLOSE_MAX_MS;
}

static int start_store(struct service *s, char reason[WIRE_REASON_SIZE])
{
    struct store_config config = {.metrics = s->metrics,
                                  .clock = clock_system(),
                                  .queue_limit = (size_t)s->settings->queue_limit,
                                  .put_deadline_ms = s->settings->request_timeout_ms,
                                  .close_ms = time_for_close_ms(s->settings),
                                  .pending = wake_outbox,
                                  .pending_context = s};
    s->store = wire_store(&s->aws, &config, reason);
    return s->store != NULL ? 0 : -1;
}

static int start_mail(struct service *s, char reason[WIRE_REASON_SIZE])
{
    if (wire_mail_open(&s->mail, &s->aws, reason) != 0) {
        return -1;
    }
    if (s->mail.mailer == NULL) {
        return 0;
    }
    struct outbox_config config = {.metrics = s->metrics,
                                   .clock = clock_system(),
                                   .store = s->store,
                                   .mailer = s->mail.mailer,
                                   .max_age_ms = s->settings->mail_max_age_ms};
    struct outbox *outbox = outbox_new(&config);
    atomic_store(&s->outbox, outbox);
    if (outbox == NULL || outbox_start(outbox) != 0) {
        snprintf(reason, WIRE_REASON_SIZE, "cannot start the mail thread: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static int start_http(struct service *s, char reason[WIRE_REASON_SIZE])
{
    const struct settings *settings = s->settings;
    struct pipeline_config pipeline = {
        .store = s->store,
        .clock = clock_system(),
        .thresholds = {settings->positive_above, settings->negative_below},
        .mail = s->mail.mailer != NULL,
        .metrics = s->metrics};
    pipeline_init(&s->pipeline, &pipeline);
    api_init(&s->api, &s->pipeline, s->store, s->metrics);
    struct http_route routes[HTTP_ROUTES_MAX];
    struct http_config config = {.listen = settings->listen,
                                 .stage = settings->stage,
                                 .routes = routes,
                                 .route_count = api_routes(&s->api, routes),
                                 .threads = (unsigned)settings->threads,
                                 .body_limit = (size_t)settings->body_limit,
                                 .request_timeout_ms = settings->request_timeout_ms,
                                 .keepalive_ms = settings->keepalive_ms,
                                 .connection_limit = (unsigned)settings->connection_limit,
                                 .connections_per_address =
                                     (unsigned)settings->connections_per_address,
                                 .rate_limit = settings->rate_limit,
                                 .rate_burst = settings->rate_burst,
                                 .trusted_proxies = (unsigned)settings->trusted_proxies,
                                 .access_log = settings->access_log,
                                 .clock = clock_system(),
                                 .metrics = s->metrics};
    s->server = http_server_start(&config, reason);
    return s->server != NULL ? 0 : -1;
}

static void sleep_ms(int64_t ms)
{
    struct timespec rest = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}

/* How long after the signal requests may take. */
static int64_t time_for_requests_ms(const struct settings *settings)
{
    return settings->drain_timeout_ms - time_for_close_ms(settings);
}

static int64_t delay_ms(const struct settings *settings)
{
    int64_t most = time_for_requests_ms(settings);
    return settings->drain_delay_ms < most ? settings->drain_delay_ms : most;
}

static int64_t now_us(void)
{
    return clock_mono_us(clock_system());
}

static int64_t within(int64_t us, int64_t least, int64_t most)
{
    return us < least ? least : us > most ? most : us;
}

/* Ends the requests by `end_us` (mono), and before that what the outbox can send: it gets a moment
 * after the last request, and mails under way what they need. */
static bool end_requests_and_mails(struct service *s, int64_t end_us)
{
    int64_t mails_end_us = end_us - (int64_t)MAILS_END_MS * 1000;
    struct outbox *outbox = atomic_load(&s->outbox);
    int64_t moment_us = within((mails_end_us - now_us()) / 2, 0, (int64_t)MOMENT_MAX_MS * 1000);
    int64_t wait_us = within(mails_end_us - moment_us - now_us(), 0, INT64_MAX);
    bool drained = http_server_drain(s->server, wait_us / 1000);
    if (outbox != NULL) {
        (void)outbox_rest(outbox, now_us() + moment_us);
        outbox_stop_begin(outbox, end_us);
    }
    return drained || http_server_drain(s->server, within(end_us - now_us(), 0, INT64_MAX) / 1000);
}

/* Serves on for a moment, so that load balancers notice /readyz, then takes no more. */
static void drain(struct service *s)
{
    int64_t end_us = now_us() + time_for_requests_ms(s->settings) * 1000;
    http_server_announce_drain(s->server);
    sleep_ms(delay_ms(s->settings));
    if (!end_requests_and_mails(s, end_us)) {
        log_warn("requests were still under way at the end of the drain: those with the store get "
                 "504, others are cut off");
    }
    http_server_stop(s->server);
}

static void tell_mails_left(struct service *s)
{
    char reason[STORE_ERROR_SIZE];
    uint64_t left = 0;
    if (store_ready(s->store, reason) && store_backlog(s->store, 0, &left) == 0 && left > 0) {
        log_warn("mails are left for the next start", LOG_INT("mails", (int64_t)left));
    }
}

/* From the top down; what was not started is NULL. */
static void stop(struct service *s)
{
    if (s->server != NULL) {
        drain(s);
    }
    struct outbox *outbox = atomic_load(&s->outbox);
    if (outbox != NULL) {
        outbox_stop(outbox);
        tell_mails_left(s);
    }
    store_close(s->store);
    outbox_free(outbox);
    wire_mail_close(&s->mail);
    wire_aws_close(&s->aws);
    http_server_free(s->server);
    metrics_free(s->metrics);
    settings_free(s->settings);
}

static void end_at_once(int signal)
{
    _exit(128 + signal);
}

/* SIGTERM and SIGINT are taken by sigwait() in main() and by no other thread; broken pipes are
 * errors of write(). */
static void take_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* The second signal does not wait for the drain. A handler, because a container's process 1 has no
 * default action. */
static void arm_second_signal(const sigset_t *set)
{
    struct sigaction action = {.sa_handler = end_at_once};
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

static int start(struct service *s, char reason[WIRE_REASON_SIZE])
{
    s->metrics = metrics_new();
    if (s->metrics == NULL) {
        snprintf(reason, WIRE_REASON_SIZE, "out of memory");
        return -1;
    }
    wire_aws_init(&s->aws, s->settings, s->metrics);
    metric_set(metrics_gauge(s->metrics, (struct metric_name){"reviewd_build_info",
                                                              "Always 1; the version is a label.",
                                                              "version=\"" REVIEWD_VERSION "\""}),
               1);
    metrics_counter_callback(
        s->metrics,
        (struct metric_name){"reviewd_log_lines_dropped_total",
                             "Log lines dropped because standard error did not take them.", NULL},
        lines_dropped, NULL);
    if (start_store(s, reason) != 0 || start_mail(s, reason) != 0) {
        return -1;
    }
    return start_http(s, reason);
}

static int run(struct service *s)
{
    sigset_t set;
    int signal = 0;
    char reason[WIRE_REASON_SIZE];
    take_signals(&set);
    int code = CLI_FAILED;
    if (start(s, reason) == 0) {
        log_info("listening", LOG_STR("address", http_server_address(s->server)),
                 LOG_STR("store", s->settings->store), LOG_STR("version", REVIEWD_VERSION));
        sigwait(&set, &signal);
        log_info("stopping", LOG_STR("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
        code = CLI_OK;
    } else {
        log_error(reason);
    }
    arm_second_signal(&set);
    stop(s);
    if (code == CLI_OK) {
        log_info("stopped");
    }
    log_stop(LOG_STOP_MS);
    return code;
}

int cli_serve(int argc, char **argv)
{
    struct service s = {0};
    int code = options_settings(argc, argv, "serve",
                                OPTIONS_HELP("serve", "Runs the service until SIGTERM or SIGINT."),
                                &s.settings);
    if (code >= 0) {
        return code;
    }
    /* More arenas only spread the heap over more memory; with fewer, the threads that serve and the
     * one that ends what they began wait for each other in malloc(). */
    (void)mallopt(M_ARENA_MAX, 4);
    log_set_level((enum log_level)s.settings->log_level);
    if (log_start(STDERR_FILENO, LOG_RING_BYTES) != 0) {
        code = complain_failed("cannot start the log thread: %s", strerror(errno));
        settings_free(s.settings);
        return code;
    }
    return run(&s);
}
