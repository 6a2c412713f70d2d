/* What other threads may call. They only put a request into the list of incoming ones, or mark one
 * as cancelled, and wake the network thread; all else happens there. */
#include "net_internal.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    IDLE_S = 50, /* DynamoDB drops idle connections at about 60 s */
    AGE_S = 600  /* so that changes of DNS are followed */
};

void net_block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void net_wake(struct net *n)
{
    uint64_t one = 1;
    ssize_t written = write(n->wake_fd, &one, sizeof(one));
    (void)written; /* fails only when it is readable already */
}

static struct transfer **table_slot(struct net *n, uint64_t id)
{
    return &n->table[id % NET_TABLE_SIZE];
}

void net_forget(struct net *n, struct transfer *t)
{
    pthread_mutex_lock(&n->lock);
    struct transfer **link = table_slot(n, t->id);
    while (*link != t) {
        link = &(*link)->table_next;
    }
    *link = t->table_next;
    pthread_mutex_unlock(&n->lock);
}

/* Hands the transfer over; its id is told before it can end. */
static uint64_t submit(struct net *n, struct transfer *t)
{
    t->heap_index = SIZE_MAX;
    pthread_mutex_lock(&n->lock);
    uint64_t id = t->id = ++n->last_id;
    struct transfer **slot = table_slot(n, id);
    t->table_next = *slot;
    *slot = t;
    bool first = n->incoming == NULL; /* else whoever came first has woken the thread */
    *(first ? &n->incoming : &n->incoming_last->next) = t;
    n->incoming_last = t;
    pthread_mutex_unlock(&n->lock);
    if (first && !pthread_equal(pthread_self(), n->thread)) { /* which looks before it sleeps */
        net_wake(n);
    }
    return id;
}

static int64_t deadline_in(int64_t us)
{
    int64_t now = net_now_us();
    return us < NET_NEVER - now ? now + us : NET_NEVER;
}

static uint64_t send_request(struct transport *transport, const struct net_request *request,
                             net_done *done, void *context)
{
    struct transfer *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return 0;
    }
    t->kind = strncasecmp(request->url, "smtp", 4) == 0 ? NET_MAIL : NET_HTTP;
    t->request = request;
    t->done = done;
    t->context = context;
    int64_t ms = request->timeout_ms;
    t->deadline_us = deadline_in(ms < INT64_MAX / 1000 ? ms * 1000 : INT64_MAX);
    return submit((struct net *)transport, t);
}

static uint64_t fire_after(struct transport *transport, int64_t delay_us,
                           void (*fire)(void *context), void *context)
{
    struct transfer *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return 0;
    }
    t->kind = NET_TIMER;
    t->fire = fire;
    t->context = context;
    t->deadline_us = deadline_in(delay_us);
    return submit((struct net *)transport, t);
}

static void cancel_request(struct transport *transport, uint64_t id)
{
    struct net *n = (struct net *)transport;
    pthread_mutex_lock(&n->lock);
    struct transfer *t = *table_slot(n, id);
    while (t != NULL && t->id != id) {
        t = t->table_next;
    }
    if (t != NULL) {
        t->cancelled = n->cancels = true;
    }
    pthread_mutex_unlock(&n->lock);
    if (t != NULL) {
        net_wake(n);
    }
}

static const struct transport_ops operations = {
    .send = send_request, .cancel = cancel_request, .after = fire_after};

static void register_metrics(struct net *n, struct metrics *m)
{
    for (int i = NET_OK; i <= NET_NO_MEMORY; i++) {
        char label[64];
        snprintf(label, sizeof(label), "result=\"%s\"", net_error_name((enum net_error)i));
        n->results[i] = metrics_counter(
            m, (struct metric_name){"reviewd_net_requests_total",
                                    "Requests to other hosts by how they ended.", label});
    }
    n->connects =
        metrics_counter(m, (struct metric_name){"reviewd_net_connects_total",
                                                "Requests that needed a new connection.", NULL});
    n->in_flight = metrics_gauge(
        m, (struct metric_name){"reviewd_net_in_flight", "Requests under way.", NULL});
    n->queued = metrics_gauge(
        m, (struct metric_name){"reviewd_net_waiting", "Requests that wait for their turn.", NULL});
}

static void net_free(struct net *n)
{
    net_loop_close(n);
    if (n->wake_fd >= 0) {
        close(n->wake_fd);
    }
    pthread_cond_destroy(&n->lane_gone);
    pthread_mutex_destroy(&n->lock);
    free(n->heap);
    free(n->agent_line);
    free(n->ca_file);
    free(n);
}

static int copy_strings(struct net *n, const struct net_config *config)
{
    if (config->ca_file != NULL && (n->ca_file = strdup(config->ca_file)) == NULL) {
        return -1;
    }
    if (config->user_agent == NULL) {
        return 0;
    }
    struct buf line = BUF_INIT;
    buf_addf(&line, "User-Agent: %s", config->user_agent);
    return (n->agent_line = buf_detach(&line)) != NULL ? 0 : -1;
}

static struct net *net_new(const struct net_config *config)
{
    struct net *n = calloc(1, sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    n->transport.ops = &operations;
    n->max_host = config->max_host_connections > 0 ? config->max_host_connections : 64;
    n->max_in_flight = config->max_in_flight > 0 ? config->max_in_flight : 256;
    n->max_idle_s = config->max_idle_s > 0 ? config->max_idle_s : IDLE_S;
    n->max_age_s = config->max_age_s > 0 ? config->max_age_s : AGE_S;
    n->curl_due_us = NET_NEVER;
    n->wake_fd = n->epoll_fd = -1;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->lane_gone, NULL);
    return n;
}

static CURLcode global_result;

static void init_global(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int init_curl(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_global);
    return global_result == CURLE_OK ? 0 : -1;
}

struct transport *net_start(const struct net_config *config, char reason[NET_REASON_SIZE])
{
    if (config->ca_file != NULL && access(config->ca_file, R_OK) != 0) {
        snprintf(reason, NET_REASON_SIZE,
                 "the file of trusted certificates, %.90s, cannot be read: %s", config->ca_file,
                 strerror(errno));
        return NULL;
    }
    snprintf(reason, NET_REASON_SIZE, "the network thread cannot be made: out of memory");
    if (init_curl() != 0) {
        return NULL;
    }
    struct net *n = net_new(config);
    if (n == NULL) {
        return NULL;
    }
    if (copy_strings(n, config) != 0) {
        goto fail;
    }
    n->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (n->wake_fd < 0 || net_loop_open(n) != 0) {
        goto fail;
    }
    register_metrics(n, config->metrics);
    errno = pthread_create(&n->thread, NULL, net_loop, n);
    if (errno != 0) {
        snprintf(reason, NET_REASON_SIZE, "the network thread cannot be made: %s", strerror(errno));
        goto fail;
    }
    reason[0] = '\0';
    return &n->transport;
fail:
    net_free(n);
    return NULL;
}

void net_stop(struct transport *t)
{
    struct net *n = (struct net *)t;
    if (n == NULL) {
        return;
    }
    pthread_mutex_lock(&n->lock);
    n->stop = true;
    pthread_mutex_unlock(&n->lock);
    net_wake(n);
    pthread_join(n->thread, NULL);
    net_free(n);
}

bool net_url_valid(const char *url)
{
    bool web = strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
    CURLU *parsed = web ? curl_url() : NULL;
    bool valid = parsed != NULL &&
                 curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK;
    curl_url_cleanup(parsed);
    return valid;
}

const char *net_version(void)
{
    return curl_version();
}
