#include "credentials_source.h"

#include <stdlib.h>
#include <time.h>

#define FORCE_PAUSE_US ((int64_t)5000000)

/* --- life ----------------------------------------------------------------------------------- */

static void hold(struct credentials_source *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
}

void credentials_source_release(struct credentials_source *s)
{
    /* acq_rel: what other threads did with the source comes before its end. */
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    provider_free(s->provider);
    credentials_unref(s->current);
    (void)pthread_mutex_destroy(&s->lock);
    free((char *)s->config.region);
    free((char *)s->config.sts_url);
    free(s);
}

bool credentials_source_post(struct credentials_source *s, int64_t delay_us,
                             void (*fire)(void *context))
{
    hold(s);
    if (transport_after(s->config.transport, delay_us, fire, s) != 0) {
        return true;
    }
    /* Never the last one: the caller holds one too. */
    atomic_fetch_sub_explicit(&s->references, 1, memory_order_relaxed);
    return false;
}

static int64_t mono(const struct credentials_source *s)
{
    return clock_mono_us(s->config.clock);
}

/* --- the contract --------------------------------------------------------------------------- */

static void register_metrics(struct credentials_source *s)
{
    static const char *const help = "Fetches of AWS credentials.";
    struct metrics *m = s->config.metrics;
    s->refreshed = metrics_counter(
        m, (struct metric_name){"reviewd_credentials_fetches_total", help, "outcome=\"ok\""});
    s->failed = metrics_counter(
        m, (struct metric_name){"reviewd_credentials_fetches_total", help, "outcome=\"failed\""});
    s->expiry = metrics_gauge(
        m, (struct metric_name){"reviewd_credentials_expiry_timestamp_seconds",
                                "When the AWS credentials expire; 0: never, or none yet.", NULL});
}

/* Copies a string of the configuration; NULL stays NULL. */
static bool keep(const char **text)
{
    if (*text == NULL) {
        return true;
    }
    *text = strdup(*text);
    return *text != NULL;
}

struct credentials_source *credentials_open(const struct credentials_config *config)
{
    struct credentials_source *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        return NULL;
    }
    atomic_init(&s->references, 1);
    s->config = *config;
    s->last = &s->first;
    s->timer_mono_us = INT64_MAX;
    s->refresh_wall_us = INT64_MAX;
    bool kept =
        keep(&s->config.region); /* both, so that credentials_source_release() may free both */
    kept = keep(&s->config.sts_url) && kept;
    s->provider = kept ? credentials_choose(&s->config, &s->name) : NULL;
    if (s->provider == NULL) {
        credentials_source_release(s);
        return NULL;
    }
    register_metrics(s);
    credentials_fetch_claim(s);
    if (!credentials_fetch_start(s)) {
        credentials_fetch_conclude(s, NULL, "out of memory");
    }
    return s;
}

/* On the transport's thread: ends the fetch that is under way. */
static void stop(void *context)
{
    struct credentials_source *s = context;
    if (s->running) {
        provider_cancel(s->provider);
    }
    credentials_source_release(s);
}

void credentials_close(struct credentials_source *s)
{
    if (s == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->closed = true;
    struct credentials_waiter *list = credentials_fetch_take_waiters(s);
    bool fetching = s->fetching;
    (void)pthread_mutex_unlock(&s->lock);
    credentials_fetch_tell(list, NULL, "closed");
    while (fetching && !credentials_source_post(s, 0, stop)) {
        const struct timespec pause = {.tv_nsec = 10000000}; /* no memory: must be told */
        (void)nanosleep(&pause, NULL);
    }
    credentials_source_release(s);
}

const char *credentials_source_name(const struct credentials_source *s)
{
    return s->name;
}

enum credentials_answer credentials_get(struct credentials_source *s,
                                        struct credentials_waiter *waiter, struct credentials **out)
{
    enum credentials_answer answer = CREDENTIALS_WAITING;
    *out = NULL;
    (void)pthread_mutex_lock(&s->lock);
    bool ready = credentials_fetch_usable(s);
    bool held_back = s->retry_mono_us > 0 && mono(s) < s->retry_mono_us;
    bool fetch = !s->fetching && !held_back && (!ready || credentials_fetch_until(s) == 0);
    if (ready) {
        *out = credentials_ref(s->current);
        answer = CREDENTIALS_READY;
    } else if (!s->fetching && held_back) {
        answer = CREDENTIALS_FAILED;
    } else if (waiter != NULL) {
        waiter->next = NULL;
        *s->last = waiter;
        s->last = &waiter->next;
    }
    if (fetch) {
        credentials_fetch_claim(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (fetch && !credentials_fetch_start(s)) {
        /* Before the others are told, so that our own is never called from within. */
        bool ours = !ready && waiter != NULL && credentials_unwait(s, waiter);
        credentials_fetch_conclude(s, NULL, "out of memory");
        return ours || (!ready && waiter == NULL) ? CREDENTIALS_FAILED : answer;
    }
    return answer;
}

bool credentials_unwait(struct credentials_source *s, struct credentials_waiter *waiter)
{
    bool found = false;
    (void)pthread_mutex_lock(&s->lock);
    for (struct credentials_waiter **at = &s->first; *at != NULL; at = &(*at)->next) {
        if (*at != waiter) {
            continue;
        }
        *at = waiter->next;
        if (s->last == &waiter->next) {
            s->last = at;
        }
        found = true;
        break;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return found;
}

bool credentials_invalidate(struct credentials_source *s, const struct credentials *used)
{
    (void)pthread_mutex_lock(&s->lock);
    bool newer = s->current != used;
    bool fetch = !newer && !s->fetching && mono(s) - s->tried_mono_us >= FORCE_PAUSE_US &&
                 mono(s) >= s->retry_mono_us;
    if (fetch) {
        credentials_fetch_claim(s);
    }
    bool again = newer || s->fetching;
    s->rejected = s->rejected || (!newer && again);
    (void)pthread_mutex_unlock(&s->lock);
    if (fetch && !credentials_fetch_start(s)) {
        credentials_fetch_conclude(s, NULL, "out of memory");
    }
    return again;
}

void credentials_reason(struct credentials_source *s, char out[CREDENTIALS_REASON_SIZE])
{
    (void)pthread_mutex_lock(&s->lock);
    memcpy(out, s->reason, CREDENTIALS_REASON_SIZE);
    (void)pthread_mutex_unlock(&s->lock);
}
