#include "sqlite_health.h"

#include "base/log.h"

#include <stdio.h>

static struct metric *error_counter(struct metrics *metrics, const char *kind)
{
    char labels[48];
    snprintf(labels, sizeof labels, "kind=\"%s\"", kind);
    return metrics_counter(metrics,
                           (struct metric_name){"reviewd_store_errors_total",
                                                "Store operations that failed, by cause.", labels});
}

int sqlite_health_init(struct sqlite_health *h, struct metrics *metrics)
{
    *h = (struct sqlite_health){0};
    if (pthread_mutex_init(&h->lock, NULL) != 0) {
        return -1;
    }
    for (enum sqlite_kind kind = 0; kind < SQLITE_KIND_COUNT; kind++) {
        h->errors[kind] = error_counter(metrics, sqlite_error_name(kind));
    }
    h->deadline = error_counter(metrics, "deadline");
    return 0;
}

void sqlite_health_destroy(struct sqlite_health *h)
{
    pthread_mutex_destroy(&h->lock);
}

bool sqlite_health_ready(struct sqlite_health *h, char reason[STORE_ERROR_SIZE])
{
    pthread_mutex_lock(&h->lock);
    bool ready = !h->failing;
    if (!ready) {
        memcpy(reason, h->error.reason, STORE_ERROR_SIZE);
    }
    pthread_mutex_unlock(&h->lock);
    return ready;
}

void sqlite_health_count(struct sqlite_health *h, const struct sqlite_error *error)
{
    metric_add(h->errors[error->kind], 1);
}

void sqlite_health_failed(struct sqlite_health *h, const struct sqlite_error *error, int64_t now_us)
{
    bool news = !h->failing || h->error.kind != error->kind;
    sqlite_health_count(h, error);
    if (!h->failing) {
        h->since_us = now_us;
    }
    h->tried_us = now_us;
    switch (error->kind) {
    case SQLITE_KIND_FULL:
    case SQLITE_KIND_BUSY:
    case SQLITE_KIND_MEMORY:
    case SQLITE_KIND_CORRUPT:
        break; /* the connection is as good as a new one */
    default:
        h->reopen = true;
    }
    pthread_mutex_lock(&h->lock);
    h->failing = true;
    h->error = *error;
    pthread_mutex_unlock(&h->lock);
    if (news) {
        log_error("store cannot write", LOG_STR("kind", sqlite_error_name(error->kind)),
                  LOG_STR("reason", error->reason));
    }
}

void sqlite_health_recovered(struct sqlite_health *h, int64_t now_us)
{
    if (!h->failing) {
        return;
    }
    pthread_mutex_lock(&h->lock);
    h->failing = false;
    pthread_mutex_unlock(&h->lock);
    log_info("store writes again", LOG_INT("failing_ms", (now_us - h->since_us) / 1000),
             LOG_INT("refused", (int64_t)h->refused));
    h->refused = 0;
}

bool sqlite_health_may_try(const struct sqlite_health *h, int64_t now_us)
{
    return !h->failing || now_us - h->tried_us >= SQLITE_HEALTH_RETRY_PUT_US;
}
