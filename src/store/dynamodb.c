#include "dynamodb_count.h"

#include "base/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HELD_DEFAULT = 16384, LEASE_DEFAULT_MS = 5 * 60 * 1000 };

/* Of the time for the close: what puts under way and leases get when DynamoDB is silent. The
 * requests of the puts have been answered by then, and leases end by themselves. */
enum { CLOSE_DEFAULT_MS = 5000, CLOSE_PUTS_PERCENT = 40, CLOSE_LEASES_PERCENT = 20 };

/* What was sent is tried to be noted in any case: else it is mailed again. */
enum { SETTLE_LEAST_US = 1000000 };

void dynamodb_begin(struct dynamodb_store *s)
{
    pthread_mutex_lock(&s->lock);
    s->outstanding++;
    pthread_mutex_unlock(&s->lock);
}

void dynamodb_end(struct dynamodb_store *s)
{
    pthread_mutex_lock(&s->lock);
    s->outstanding--;
    if (s->closing) {
        pthread_cond_broadcast(&s->idle);
    }
    pthread_mutex_unlock(&s->lock);
}

int64_t dynamodb_now_us(const struct dynamodb_store *s)
{
    return clock_wall_us(s->config.clock) + call_clock_offset_us(s->client);
}

void dynamodb_write_table(struct buf *out, const struct dynamodb_store *s)
{
    buf_add_str(out, "{\"TableName\":");
    buf_add_span(out, buf_span(&s->table));
}

static struct dynamodb_store *of(struct store *s)
{
    return (struct dynamodb_store *)s;
}

static enum store_result put(struct store *s, struct store_put *p)
{
    return dynamodb_puts_put(of(s), p);
}

static bool ready(struct store *s, char reason[STORE_ERROR_SIZE])
{
    return dynamodb_health_ready(of(s), reason);
}

static void note_pending(struct dynamodb_store *s)
{
    metric_set(s->pending, (int64_t)dynamodb_duties_held(&s->duties));
}

static int claim(struct store *store, int64_t now_us, struct outbox_entry *entries, size_t max,
                 int64_t *next_due_us)
{
    struct dynamodb_store *s = of(store);
    if (!dynamodb_limit_passed(&s->claims)) {
        dynamodb_recover(s);
        dynamodb_count_dead(s);
    }
    int count = dynamodb_outbox_claim(s, now_us, entries, max);
    *next_due_us = dynamodb_duties_next_due_us(&s->duties);
    note_pending(s);
    return count;
}

static int settle(struct store *store, const struct outbox_outcome *outcomes, size_t count)
{
    struct dynamodb_store *s = of(store);
    int result = dynamodb_outbox_settle(s, outcomes, count);
    note_pending(s);
    return result;
}

static void end_outbox(struct store *store, int64_t deadline_us)
{
    struct dynamodb_store *s = of(store);
    dynamodb_limit_set(&s->claims, INT64_MIN);
    dynamodb_limit_set(&s->settles, deadline_us);
}

static int count(struct store *s, struct outbox_counts *counts)
{
    return dynamodb_count_all(of(s), counts);
}

static int backlog(struct store *s, uint64_t enough, uint64_t *pending)
{
    return dynamodb_count_backlog(of(s), enough, pending);
}

static int dead_list(struct store *s, uint64_t after_id, struct outbox_entry *entries, size_t max)
{
    return dynamodb_dead_list(of(s), after_id, entries, max);
}

static int dead_requeue(struct store *s, uint64_t id)
{
    return dynamodb_dead_requeue(of(s), id);
}

static int dead_drop(struct store *s, uint64_t id)
{
    return dynamodb_dead_drop(of(s), id);
}

static enum store_result read_page(struct store *s, struct store_read *read)
{
    return dynamodb_read_page(of(s), read);
}

static void free_store(struct dynamodb_store *s)
{
    dynamodb_puts_free(s);
    dynamodb_recover_free(s);
    dynamodb_dead_free(s);
    dynamodb_duties_free(&s->duties);
    dynamodb_limit_free(&s->claims);
    dynamodb_limit_free(&s->settles);
    buf_free(&s->health.probe_body);
    pthread_mutex_destroy(&s->health.lock);
    pthread_cond_destroy(&s->idle);
    pthread_mutex_destroy(&s->lock);
    buf_free(&s->table);
    free(s);
}

static void close_store(struct store *store)
{
    struct dynamodb_store *s = of(store);
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    uint64_t timer = s->wake_timer;
    pthread_mutex_unlock(&s->lock);
    if (timer != 0) {
        transport_cancel(s->transport, timer);
    }
    dynamodb_puts_close(s, s->config.close_ms * 1000 * CLOSE_PUTS_PERCENT / 100);
    dynamodb_outbox_release(s, s->config.close_ms * 1000 * CLOSE_LEASES_PERCENT / 100);
    call_client_stop(s->client);
    pthread_mutex_lock(&s->lock);
    while (s->outstanding > 0) {
        pthread_cond_wait(&s->idle, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    free_store(s);
}

static const struct store_ops ops = {
    .put = put,
    .ready = ready,
    .claim = claim,
    .settle = settle,
    .end_outbox = end_outbox,
    .count = count,
    .backlog = backlog,
    .dead_list = dead_list,
    .dead_requeue = dead_requeue,
    .dead_drop = dead_drop,
    .read = read_page,
    .close = close_store,
};

static void register_metrics(struct dynamodb_store *s)
{
    struct metrics *m = s->config.metrics;
    s->pending = metrics_gauge(
        m, (struct metric_name){"reviewd_outbox_pending", "Reviews that wait to be mailed.", NULL});
    s->dead =
        metrics_gauge(m, (struct metric_name){"reviewd_outbox_dead",
                                              "Mails that were given up (dead letters).", NULL});
    s->lost = metrics_counter(
        m, (struct metric_name){"reviewd_store_leases_lost_total",
                                "Duties to mail that another instance took over meanwhile.", NULL});
}

/* Half of a random UUID: who this process is, in leases. */
static void make_owner(char out[DYNAMODB_OWNER_SIZE])
{
    char uuid[UUID_SIZE];
    size_t len = 0;
    uuid_make(uuid);
    for (size_t i = 0; len < DYNAMODB_OWNER_SIZE - 1; i++) {
        if (uuid[i] != '-') {
            out[len++] = uuid[i];
        }
    }
    out[len] = '\0';
}

struct store *store_dynamodb_open(const struct dynamodb_config *config,
                                  const struct store_config *store_config,
                                  char reason[STORE_ERROR_SIZE])
{
    struct dynamodb_store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        goto no_memory;
    }
    s->store.ops = &ops;
    s->config = *store_config;
    s->config.close_ms = store_config->close_ms != 0 ? store_config->close_ms : CLOSE_DEFAULT_MS;
    s->client = config->client;
    s->transport = config->transport;
    s->lease_us = (config->lease_ms != 0 ? config->lease_ms : LEASE_DEFAULT_MS) * 1000;
    s->census.dead_every_us = config->count_ms * 1000;
    json_write_string(&s->table, span_of(config->table));
    if (buf_failed(&s->table) ||
        dynamodb_duties_init(&s->duties, config->held != 0 ? config->held : HELD_DEFAULT) != 0) {
        buf_free(&s->table);
        free(s);
        goto no_memory;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->idle, NULL);
    dynamodb_limit_init(&s->claims, s->config.clock, 0);
    dynamodb_limit_init(&s->settles, s->config.clock, SETTLE_LEAST_US);
    make_owner(s->owner);
    register_metrics(s);
    dynamodb_health_init(s);
    dynamodb_puts_init(s, config);
    dynamodb_recover_init(s);
    if (store_config->queue_limit > 0) {
        dynamodb_health_probe(s); /* also opens a connection, before anybody waits for it */
    }
    return &s->store;
no_memory:
    (void)snprintf(reason, STORE_ERROR_SIZE, "cannot open the table %s: out of memory",
                   config->table);
    return NULL;
}
