/* Whether the table can be used.
 *
 * Up: everything is tried. Down, after faults that would hit every put: puts end at once, but one a
 * second is let through to try, so a client is not made to wait for what is known to fail. When
 * nobody puts but somebody asks store_ready(), a probe tries instead: a PutItem whose condition
 * cannot come true. It needs what a put needs (network, credentials, table, permission) and writes
 * nothing. */
#include "dynamodb_internal.h"

#include "base/log.h"

#include <stdio.h>

enum { FAILURES_MAX = 3, TRY_EVERY_US = 1000000, PROBE_US = 5000000 };

void dynamodb_health_init(struct dynamodb_store *s)
{
    struct dynamodb_health *h = &s->health;
    pthread_mutex_init(&h->lock, NULL);
    for (int i = 0; i < DYNAMODB_FAULTS; i++) {
        char labels[48];
        (void)snprintf(labels, sizeof labels, "kind=\"%s\"",
                       dynamodb_fault_name((enum dynamodb_fault)i));
        h->errors[i] = metrics_counter(
            s->config.metrics,
            (struct metric_name){"reviewd_store_errors_total",
                                 "Store operations that failed, by cause.", labels});
    }
}

/* How many in a row make the store go down; 0: they never do. A tool is told of the first. */
static unsigned patience(const struct dynamodb_store *s, enum dynamodb_fault fault)
{
    if (s->config.queue_limit == 0) {
        return 1;
    }
    switch (fault) {
    case DYNAMODB_FAULT_CREDENTIALS:
    case DYNAMODB_FAULT_TABLE:
    case DYNAMODB_FAULT_SCHEMA:
    case DYNAMODB_FAULT_DENIED:
        return 1;
    case DYNAMODB_FAULT_UNREACHABLE:
    case DYNAMODB_FAULT_DEADLINE:
    case DYNAMODB_FAULT_ANSWER:
        return FAILURES_MAX;
    default:
        return 0;
    }
}

/* Whether somebody may try now; under the lock. */
static bool may_try(struct dynamodb_store *s)
{
    struct dynamodb_health *h = &s->health;
    int64_t now = clock_mono_us(s->config.clock);
    bool may = now - h->tried_us >= TRY_EVERY_US;
    if (may) {
        h->tried_us = now;
    }
    return may;
}

bool dynamodb_health_admit(struct dynamodb_store *s)
{
    pthread_mutex_lock(&s->health.lock);
    bool admit = !s->health.down || may_try(s);
    pthread_mutex_unlock(&s->health.lock);
    return admit;
}

bool dynamodb_health_ready(struct dynamodb_store *s, char reason[STORE_ERROR_SIZE])
{
    struct dynamodb_health *h = &s->health;
    pthread_mutex_lock(&h->lock);
    bool ready = !h->down;
    bool probe = h->down && may_try(s);
    (void)snprintf(reason, STORE_ERROR_SIZE, "%s", ready ? "" : h->reason);
    pthread_mutex_unlock(&h->lock);
    if (probe) {
        dynamodb_health_probe(s);
    }
    return ready;
}

void dynamodb_health_good(struct dynamodb_store *s)
{
    struct dynamodb_health *h = &s->health;
    pthread_mutex_lock(&h->lock);
    bool was_down = h->down;
    int64_t seconds = (clock_mono_us(s->config.clock) - h->since_us) / 1000000;
    h->down = false;
    h->failures = 0;
    pthread_mutex_unlock(&h->lock);
    if (was_down) {
        log_info("the table can be used again", LOG_INT("seconds", seconds));
    }
}

void dynamodb_health_bad(struct dynamodb_store *s, enum dynamodb_fault fault, const char *detail)
{
    struct dynamodb_health *h = &s->health;
    const char *remedy = dynamodb_fault_remedy(fault);
    metric_add(h->errors[fault], 1);
    if (patience(s, fault) == 0) {
        return;
    }
    char reason[STORE_ERROR_SIZE];
    (void)snprintf(reason, sizeof reason, "table %.60s: %.*s%s%s", buf_str(&s->table),
                   remedy[0] != '\0' ? 110 : 180, detail, remedy[0] != '\0' ? "; " : "", remedy);
    pthread_mutex_lock(&h->lock);
    if (h->failures == 0) {
        h->since_us = clock_mono_us(s->config.clock);
    }
    h->failures++;
    bool goes_down = !h->down && h->failures >= patience(s, fault);
    h->down = h->down || goes_down;
    (void)snprintf(h->reason, sizeof h->reason, "%s", reason);
    if (goes_down) {
        h->tried_us = clock_mono_us(s->config.clock);
    }
    pthread_mutex_unlock(&h->lock);
    if (goes_down) {
        log_error("the table cannot be used", LOG_STR("reason", reason));
    }
}

/* --- the probe --- */

static void end_probe(struct dynamodb_store *s)
{
    pthread_mutex_lock(&s->health.lock);
    s->health.probing = false;
    pthread_mutex_unlock(&s->health.lock);
    dynamodb_end(s);
}

static void on_probe(void *context, const struct call_result *result)
{
    struct dynamodb_store *s = context;
    const char *code = result->error->code;
    enum dynamodb_fault fault = dynamodb_fault_of(result->outcome, code);
    if (result->outcome == CALL_OK || errors_same_code(code, "ConditionalCheckFailed") ||
        fault == DYNAMODB_FAULT_THROTTLED) {
        dynamodb_health_good(s);
    } else {
        /* There is nothing wrong with the probe's item, so it is the table. */
        dynamodb_health_bad(s, fault == DYNAMODB_FAULT_INVALID ? DYNAMODB_FAULT_SCHEMA : fault,
                            result->detail);
    }
    end_probe(s);
}

static bool begin_probe(struct dynamodb_store *s)
{
    pthread_mutex_lock(&s->health.lock);
    bool begin = !s->health.probing;
    s->health.probing = true;
    pthread_mutex_unlock(&s->health.lock);
    return begin;
}

void dynamodb_health_probe(struct dynamodb_store *s)
{
    if (!begin_probe(s)) {
        return;
    }
    dynamodb_begin(s);
    struct buf *body = &s->health.probe_body;
    if (body->len == 0 || buf_failed(body)) {
        buf_clear(body);
        dynamodb_item_write_probe(body, buf_span(&s->table));
    }
    struct dynamodb_request request = {DYNAMODB_PUT_ITEM, buf_span(body),
                                       clock_mono_us(s->config.clock) + PROBE_US};
    if (buf_failed(body) || !dynamodb_call(s->client, &request, on_probe, s)) {
        end_probe(s);
    }
}
