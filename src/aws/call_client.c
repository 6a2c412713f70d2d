#include "call_internal.h"

#include "base/num.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

const char *call_outcome_name(enum call_outcome outcome)
{
    static const char *const names[] = {
        [CALL_OK] = "ok",
        [CALL_REFUSED] = "refused",
        [CALL_THROTTLED] = "throttled",
        [CALL_UNAVAILABLE] = "unavailable",
        [CALL_DEADLINE] = "deadline",
        [CALL_NO_CREDENTIALS] = "no_credentials",
        [CALL_CANCELLED] = "cancelled",
        [CALL_INVALID] = "invalid",
    };
    return names[outcome];
}

bool call_max_attempts(struct aws_env env, unsigned *out, char reason[CALL_REASON_SIZE])
{
    const char *text = aws_env_get(env, "AWS_MAX_ATTEMPTS");
    int64_t value = 0;
    if (text != NULL && !num_parse_int(span_of(text), 1, CALL_MAX_ATTEMPTS, &value)) {
        (void)snprintf(reason, CALL_REASON_SIZE,
                       "AWS_MAX_ATTEMPTS is \"%.60s\": must be a number from 1 to %d", text,
                       CALL_MAX_ATTEMPTS);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static struct metric_name labelled(const char *name, const char *help, const char *labels)
{
    return (struct metric_name){.name = name, .help = help, .labels = labels};
}

static void register_metrics(struct call_client *client)
{
    static const char *const kinds[] = {
        [CALL_RETRY_THROTTLE] = "throttle",     [CALL_RETRY_TRANSIENT] = "transient",
        [CALL_RETRY_CONNECTION] = "connection", [CALL_RETRY_CREDENTIALS] = "credentials",
        [CALL_RETRY_CLOCK] = "clock",
    };
    struct metrics *m = client->config.metrics;
    struct call_metrics *own = &client->metrics;
    const char *service = client->config.service->name;
    char labels[96];
    (void)snprintf(labels, sizeof labels, "service=\"%s\"", service);
    own->attempts = metrics_counter(m, labelled("reviewd_aws_attempts_total",
                                                "Requests sent to AWS, retries included.", labels));
    own->throttles =
        metrics_counter(m, labelled("reviewd_aws_throttles_total",
                                    "Answers of AWS that asked to slow down.", labels));
    own->seconds =
        metrics_histogram(m, labelled("reviewd_aws_call_seconds",
                                      "Time of a call to AWS, retries included.", labels));
    own->clock_offset =
        metrics_gauge(m, labelled("reviewd_aws_clock_offset_milliseconds",
                                  "AWS's clock less this one's, where it mattered.", labels));
    own->quota = metrics_gauge(m, labelled("reviewd_aws_retry_quota",
                                           "What may still be spent on retries, of 500.", labels));
    metric_set(own->quota, CALL_QUOTA);
    for (int i = 0; i < CALL_RETRY_KINDS; i++) {
        (void)snprintf(labels, sizeof labels, "service=\"%s\",reason=\"%s\"", service, kinds[i]);
        own->retries[i] = metrics_counter(
            m, labelled("reviewd_aws_retries_total", "Attempts after the first.", labels));
    }
    for (int i = 0; i <= CALL_INVALID; i++) {
        (void)snprintf(labels, sizeof labels, "service=\"%s\",outcome=\"%s\"", service,
                       call_outcome_name((enum call_outcome)i));
        own->outcomes[i] = metrics_counter(
            m, labelled("reviewd_aws_calls_total", "Calls to AWS by their end.", labels));
    }
}

struct call_client *call_client_new(const struct call_config *config)
{
    struct call_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return NULL;
    }
    uint64_t seed = config->seed;
    if (seed == 0 && getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        seed = (uint64_t)clock_wall_us(config->clock);
    }
    client->config = *config;
    client->endpoint = *config->endpoint;
    client->config.endpoint = NULL;
    if (client->config.max_attempts == 0) {
        client->config.max_attempts = config->service->max_attempts;
    }
    atomic_init(&client->quota.left, CALL_QUOTA);
    atomic_init(&client->random.state, seed);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->idle, NULL);
    register_metrics(client);
    return client;
}

static void cancel(struct call_client *client, uint64_t id)
{
    if (id != 0) {
        transport_cancel(client->config.transport, id);
    }
}

void call_client_stop(struct call_client *client)
{
    if (client == NULL) {
        return;
    }
    atomic_store(&client->stopping, true);
    pthread_mutex_lock(&client->lock);
    for (struct call *call = client->first; call != NULL; call = call->next) {
        cancel(client, call->under_way.id);
        cancel(client, call->wait_timer.id);
    }
    pthread_mutex_unlock(&client->lock);
}

void call_client_free(struct call_client *client)
{
    if (client == NULL) {
        return;
    }
    pthread_mutex_lock(&client->lock);
    while (client->alive != 0) {
        pthread_cond_wait(&client->idle, &client->lock);
    }
    pthread_mutex_unlock(&client->lock);
    pthread_cond_destroy(&client->idle);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

void call_note(struct call *call, struct call_pending *where, unsigned step, uint64_t id)
{
    struct call_client *client = call->client;
    pthread_mutex_lock(&client->lock);
    if (step >= where->step) {
        *where = (struct call_pending){id, step};
    }
    pthread_mutex_unlock(&client->lock);
    if (atomic_load(&client->stopping)) {
        transport_cancel(client->config.transport, id);
    }
}

int64_t call_clock_offset_us(const struct call_client *client)
{
    return atomic_load(&client->clock_offset_us);
}

struct call *call_ref(struct call *call)
{
    atomic_fetch_add(&call->refs, 1);
    return call;
}

static void free_call(struct call *call)
{
    credentials_unref(call->credentials);
    sigv4_signature_free(&call->signature);
    buf_free(&call->url);
    free(call);
}

void call_unref(struct call *call)
{
    if (atomic_fetch_sub(&call->refs, 1) != 1) {
        return;
    }
    struct call_client *client = call->client;
    free_call(call);
    pthread_mutex_lock(&client->lock);
    client->alive--;
    if (client->alive == 0) {
        pthread_cond_broadcast(&client->idle);
    }
    pthread_mutex_unlock(&client->lock);
}

static void unlink_call(struct call *call)
{
    struct call_client *client = call->client;
    pthread_mutex_lock(&client->lock);
    if (call->prev != NULL) {
        call->prev->next = call->next;
    } else {
        client->first = call->next;
    }
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
    pthread_mutex_unlock(&client->lock);
}

static void link_call(struct call *call)
{
    struct call_client *client = call->client;
    pthread_mutex_lock(&client->lock);
    call->next = client->first;
    if (call->next != NULL) {
        call->next->prev = call;
    }
    client->first = call;
    client->alive++;
    pthread_mutex_unlock(&client->lock);
}

void call_finish(struct call *call, enum call_outcome outcome, const struct net_reply *reply)
{
    struct call_client *client = call->client;
    struct call_result result = {
        .outcome = outcome,
        .status = reply != NULL ? reply->status : 0,
        .body = reply != NULL ? reply->body : (struct span){NULL, 0},
        .reply = reply,
        .error = &call->error,
        .attempts = call->sent,
        .maybe_done = outcome != CALL_OK && call->maybe_done,
        .detail = call->detail,
    };
    unlink_call(call);
    metric_add(client->metrics.outcomes[outcome], 1);
    metric_observe_us(client->metrics.seconds,
                      clock_mono_us(client->config.clock) - call->started_us);
    call->done(call->context, &result);
    call_unref(call);
}

/* A version 4 UUID out of the client's own numbers, so that equal seeds give equal requests. */
static void make_invocation_id(struct call *call)
{
    uint64_t a = call_random_next(&call->client->random);
    uint64_t b = call_random_next(&call->client->random);
    (void)snprintf(call->invocation_id, sizeof call->invocation_id, "%08x-%04x-4%03x-%04x-%012llx",
                   (unsigned)(a >> 32), (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
                   (unsigned)(b >> 48 & 0x3fff) | 0x8000,
                   (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

static struct call *new_call(struct call_client *client, const struct call_request *request)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->client = client;
    call->request = *request;
    call->started_us = clock_mono_us(client->config.clock);
    atomic_init(&call->refs, 1);
    if (call->request.max_attempts == 0) {
        call->request.max_attempts = client->config.max_attempts;
    }
    make_invocation_id(call);
    buf_add_str(&call->url, client->endpoint.url);
    buf_add_str(&call->url, request->path);
    call->url_len = call->url.len;
    bool hashed = sigv4_payload_hash(client->config.signer, request->body, call->payload_hash);
    if (buf_failed(&call->url) || !hashed) {
        free_call(call);
        return NULL;
    }
    return call;
}

/* An outcome that was known at once is told from the transport's thread all the same. */
static void on_early_end(void *context)
{
    struct call *call = context;
    call_finish(call, call->early, NULL);
}

static bool end_early(struct call *call, enum call_outcome outcome)
{
    call->early = outcome;
    if (transport_after(call->client->config.transport, 0, on_early_end, call) != 0) {
        return true;
    }
    unlink_call(call);
    call_unref(call);
    return false;
}

bool call_start(struct call_client *client, const struct call_request *request, call_done *done,
                void *context)
{
    struct call *call = new_call(client, request);
    if (call == NULL) {
        return false;
    }
    call->done = done;
    call->context = context;
    link_call(call);
    enum call_outcome outcome = call_attempt(call);
    return outcome == CALL_OK || end_early(call, outcome);
}
