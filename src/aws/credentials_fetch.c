/* The source's work on the transport's thread: fetches, their ends, and when the next one is due.
 */
#include "base/log.h"
#include "credentials_source.h"

#define SECOND_US       ((int64_t)1000000)
#define MAX_LEAD_US     (SECOND_US * 60 * 15)
#define MAX_BACK_OFF_US (SECOND_US * 60)

static int64_t mono(const struct credentials_source *s)
{
    return clock_mono_us(s->config.clock);
}

static int64_t wall(const struct credentials_source *s)
{
    return clock_wall_us(s->config.clock);
}

/* --- times ---------------------------------------------------------------------------------- */

/* min(15 minutes, half of the lifetime) before the expiry, up to a tenth of that later by chance,
 * so that many instances do not ask at once. */
static int64_t refresh_time(const struct credentials_source *s, const struct credentials *c)
{
    if (c->expires_us == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t left = c->expires_us - wall(s);
    int64_t lead = left / 2 < MAX_LEAD_US ? left / 2 : MAX_LEAD_US;
    int64_t at = c->expires_us - lead + provider_random(&s->config, lead / 10 + 1);
    int64_t asked = credentials_refresh_us(c);
    return asked < at ? asked : at;
}

/* 1 s, doubled with each further failure up to 60 s; of that at least a half, the rest by chance.
 */
static int64_t back_off(const struct credentials_source *s, unsigned failures)
{
    int64_t longest = SECOND_US;
    for (unsigned i = 1; i < failures && longest < MAX_BACK_OFF_US; i++) {
        longest *= 2;
    }
    longest = longest < MAX_BACK_OFF_US ? longest : MAX_BACK_OFF_US;
    return longest / 2 + provider_random(&s->config, longest / 2 + 1);
}

int64_t credentials_fetch_until(const struct credentials_source *s)
{
    if (s->closed || s->fetching || s->current == NULL || s->refresh_wall_us == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t until = s->refresh_wall_us - wall(s);
    int64_t held_back = s->retry_mono_us > 0 ? s->retry_mono_us - mono(s) : 0;
    int64_t pause = s->tried_mono_us + SECOND_US - mono(s); /* however short the lifetime is */
    until = until > held_back ? until : held_back;
    until = until > pause ? until : pause;
    return until > 0 ? until : 0;
}

bool credentials_fetch_usable(const struct credentials_source *s)
{
    return s->current != NULL && !s->rejected && wall(s) < s->current->expires_us;
}

/* --- one fetch ------------------------------------------------------------------------------ */

static void schedule(struct credentials_source *s);

struct credentials_waiter *credentials_fetch_take_waiters(struct credentials_source *s)
{
    struct credentials_waiter *list = s->first;
    s->first = NULL;
    s->last = &s->first;
    return list;
}

void credentials_fetch_tell(struct credentials_waiter *list, struct credentials *c,
                            const char *reason)
{
    while (list != NULL) {
        struct credentials_waiter *waiter = list;
        list = list->next; /* once told, it may be gone */
        waiter->ready(waiter, c != NULL ? credentials_ref(c) : NULL, c != NULL ? "" : reason);
    }
}

/* Under the lock: takes over what a fetch brought. */
static void accept(struct credentials_source *s, struct credentials *c)
{
    s->current = c;
    s->refresh_wall_us = refresh_time(s, c);
    s->retry_mono_us = 0;
    s->failures = 0;
    s->reason[0] = '\0';
}

/* Under the lock: notes that it brought nothing. */
static void refuse(struct credentials_source *s, const char *reason)
{
    s->failures++;
    s->retry_mono_us = mono(s) + back_off(s, s->failures);
    provider_reason(s->reason, "%s: %.290s", s->name, reason);
}

static void report(struct credentials_source *s, const struct credentials *c, const char *reason)
{
    if (c == NULL) {
        metric_add(s->failed, 1);
        log_warn("AWS credentials could not be fetched", LOG_STR("reason", reason));
        return;
    }
    bool ends = c->expires_us != INT64_MAX;
    metric_add(s->refreshed, 1);
    metric_set(s->expiry, ends ? c->expires_us / SECOND_US : 0);
    log_info("AWS credentials fetched", LOG_STR("source", s->name),
             LOG_INT("expires_in_s", ends ? (c->expires_us - wall(s)) / SECOND_US : -1));
}

void credentials_fetch_conclude(struct credentials_source *s, struct credentials *c,
                                const char *reason)
{
    if (c != NULL && c->expires_us <= wall(s)) {
        credentials_unref(c);
        c = NULL;
        reason = "the credentials had expired already";
    }
    char why[CREDENTIALS_REASON_SIZE];
    (void)pthread_mutex_lock(&s->lock);
    struct credentials *old = NULL;
    if (c != NULL) {
        old = s->current;
        accept(s, c);
    } else {
        refuse(s, reason);
    }
    s->rejected = false;
    s->fetching = false;
    bool closed = s->closed;
    struct credentials_waiter *list = credentials_fetch_take_waiters(s);
    struct credentials *given =
        c != NULL || credentials_fetch_usable(s) ? credentials_ref(s->current) : NULL;
    memcpy(why, s->reason, sizeof(why));
    (void)pthread_mutex_unlock(&s->lock);
    if (!closed) {
        report(s, c != NULL ? given : NULL, why);
    }
    credentials_fetch_tell(list, given, why);
    credentials_unref(given);
    credentials_unref(old);
    schedule(s);
}

static void fetched(void *context, struct credentials *c, const char *reason)
{
    struct credentials_source *s = context;
    s->running = false;
    credentials_fetch_conclude(s, c, reason);
    credentials_source_release(s);
}

static void begin(void *context)
{
    struct credentials_source *s = context;
    (void)pthread_mutex_lock(&s->lock);
    bool closed = s->closed;
    (void)pthread_mutex_unlock(&s->lock);
    if (closed) {
        credentials_fetch_conclude(s, NULL, "closed");
        credentials_source_release(s);
        return;
    }
    s->running = true;
    provider_fetch(s->provider, fetched, s); /* keeps this call's reference until fetched() */
}

void credentials_fetch_claim(struct credentials_source *s)
{
    s->fetching = true;
    s->tried_mono_us = mono(s);
}

bool credentials_fetch_start(struct credentials_source *s)
{
    return credentials_source_post(s, 0, begin);
}

/* --- the timer ------------------------------------------------------------------------------ */

static void due(void *context)
{
    struct credentials_source *s = context;
    (void)pthread_mutex_lock(&s->lock);
    if (--s->timers == 0) {
        s->timer_mono_us = INT64_MAX;
    }
    bool now = credentials_fetch_until(s) == 0;
    if (now) {
        credentials_fetch_claim(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (!now) {
        schedule(s);
    } else if (!credentials_fetch_start(s)) {
        credentials_fetch_conclude(s, NULL, "out of memory");
    }
    credentials_source_release(s);
}

/* Sees to it that a timer fires when the next refresh is due. Without memory for one, the next
 * credentials_get() starts the refresh. */
static void schedule(struct credentials_source *s)
{
    (void)pthread_mutex_lock(&s->lock);
    int64_t until = credentials_fetch_until(s);
    int64_t at = until < INT64_MAX ? mono(s) + until : INT64_MAX;
    bool wanted = at < s->timer_mono_us;
    if (wanted) {
        s->timers++;
        s->timer_mono_us = at;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (wanted && !credentials_source_post(s, until, due)) {
        (void)pthread_mutex_lock(&s->lock);
        s->timers--;
        s->timer_mono_us = INT64_MAX;
        (void)pthread_mutex_unlock(&s->lock);
    }
}
