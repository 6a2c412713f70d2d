/* The source of credentials: hands out the current snapshot and keeps it fresh.
 *
 * Callers on any thread only take the lock for a few instructions. A fetch is started by posting
 * begin() to the transport's thread, where all of a provider runs, and ends there in fetched(): so
 * one fetch is under way at a time (`fetching`), and no provider needs a lock. Whatever happens,
 * fetched() is reached, and it ends the fetch on every path.
 *
 * A reference is held by the opener, by every posted function and by the fetch that is under way;
 * the last one frees. So credentials_close() does not wait: it stops what it can, and what is still
 * under way then ends, at the latest when the transport is stopped. */
#include "base/log.h"
#include "provider.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_US       ((int64_t)1000000)
#define MAX_LEAD_US     (15 * 60 * SECOND_US)
#define MAX_BACK_OFF_US (60 * SECOND_US)
#define FORCE_PAUSE_US  (5 * SECOND_US)

struct credentials_source {
    /* Never changed after the start: */
    struct credentials_config config;
    const char *name;
    struct metric *refreshed;
    struct metric *failed;
    struct metric *expiry;
    /* The transport's thread: */
    struct provider *provider;
    bool running; /* the provider has a fetch under way */

    atomic_uint references; /* atomic: given back from several threads */
    pthread_mutex_t lock;
    /* Under the lock: */
    struct credentials *current; /* NULL until the first fetch succeeds */
    bool rejected;               /* AWS refused `current`; it is not handed out while fetching */
    bool fetching;               /* from the decision to fetch until fetched() */
    bool closed;
    int64_t refresh_wall_us; /* when `current` is to be renewed */
    int64_t retry_mono_us;   /* after a failure: not before; else 0 */
    int64_t tried_mono_us;   /* the last start of a fetch */
    unsigned failures;       /* since the last success */
    size_t timers;           /* posted and not fired yet */
    int64_t timer_mono_us;   /* the earliest of them */
    struct credentials_waiter *first;
    struct credentials_waiter **last;
    char reason[CREDENTIALS_REASON_SIZE];
};

/* --- life
 * ------------------------------------------------------------------------------------------ */

static void hold(struct credentials_source *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
}

static void release(struct credentials_source *s)
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

/* Runs `fire` on the transport's thread, with a reference of its own; false when memory ran out. */
static bool post(struct credentials_source *s, int64_t delay_us, void (*fire)(void *context))
{
    hold(s);
    if (transport_after(s->config.transport, delay_us, fire, s) != 0) {
        return true;
    }
    release(s);
    return false;
}

static int64_t mono(const struct credentials_source *s)
{
    return clock_mono_us(s->config.clock);
}

static int64_t wall(const struct credentials_source *s)
{
    return clock_wall_us(s->config.clock);
}

/* --- times
 * ----------------------------------------------------------------------------------------- */

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

/* Under the lock: how long until the next refresh may start; INT64_MAX when none is wanted. */
static int64_t until_refresh(const struct credentials_source *s)
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

/* Under the lock: credentials that may be handed out. */
static bool usable(const struct credentials_source *s)
{
    return s->current != NULL && !s->rejected && wall(s) < s->current->expires_us;
}

/* --- one fetch
 * ------------------------------------------------------------------------------------- */

static void begin(void *context);
static void schedule(struct credentials_source *s);

/* Under the lock: takes all waiters away. */
static struct credentials_waiter *take_waiters(struct credentials_source *s)
{
    struct credentials_waiter *list = s->first;
    s->first = NULL;
    s->last = &s->first;
    return list;
}

/* Calls waiters in their order; `c` is borrowed. */
static void tell(struct credentials_waiter *list, struct credentials *c, const char *reason)
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

/* The end of every fetch. Takes over the reference `c`. */
static void conclude(struct credentials_source *s, struct credentials *c, const char *reason)
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
    struct credentials_waiter *list = take_waiters(s);
    struct credentials *given = c != NULL || usable(s) ? credentials_ref(s->current) : NULL;
    memcpy(why, s->reason, sizeof(why));
    (void)pthread_mutex_unlock(&s->lock);
    if (!closed) {
        report(s, c != NULL ? given : NULL, why);
    }
    tell(list, given, why);
    credentials_unref(given);
    credentials_unref(old);
    schedule(s);
}

static void fetched(void *context, struct credentials *c, const char *reason)
{
    struct credentials_source *s = context;
    s->running = false;
    conclude(s, c, reason);
    release(s);
}

static void begin(void *context)
{
    struct credentials_source *s = context;
    (void)pthread_mutex_lock(&s->lock);
    bool closed = s->closed;
    (void)pthread_mutex_unlock(&s->lock);
    if (closed) {
        conclude(s, NULL, "closed");
        release(s);
        return;
    }
    s->running = true;
    provider_fetch(s->provider, fetched, s); /* keeps this call's reference until fetched() */
}

/* Under the lock: decides for a fetch; the caller starts it after unlocking. */
static void claim(struct credentials_source *s)
{
    s->fetching = true;
    s->tried_mono_us = mono(s);
}

/* Starts the fetch that was claimed. */
static void start(struct credentials_source *s)
{
    if (!post(s, 0, begin)) {
        conclude(s, NULL, "out of memory");
    }
}

/* --- the timer
 * ------------------------------------------------------------------------------------- */

static void due(void *context)
{
    struct credentials_source *s = context;
    (void)pthread_mutex_lock(&s->lock);
    if (--s->timers == 0) {
        s->timer_mono_us = INT64_MAX;
    }
    bool now = until_refresh(s) == 0;
    if (now) {
        claim(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (now) {
        start(s);
    } else {
        schedule(s);
    }
    release(s);
}

/* Sees to it that a timer fires when the next refresh is due. Without memory for one, the next
 * credentials_get() starts the refresh. */
static void schedule(struct credentials_source *s)
{
    (void)pthread_mutex_lock(&s->lock);
    int64_t until = until_refresh(s);
    int64_t at = until < INT64_MAX ? mono(s) + until : INT64_MAX;
    bool wanted = at < s->timer_mono_us;
    if (wanted) {
        s->timers++;
        s->timer_mono_us = at;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (wanted && !post(s, until, due)) {
        (void)pthread_mutex_lock(&s->lock);
        s->timers--;
        s->timer_mono_us = INT64_MAX;
        (void)pthread_mutex_unlock(&s->lock);
    }
}

/* --- the contract
 * ---------------------------------------------------------------------------------- */

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
    bool kept = keep(&s->config.region); /* both, so that release() may free both */
    kept = keep(&s->config.sts_url) && kept;
    s->provider = kept ? credentials_choose(&s->config, &s->name) : NULL;
    if (s->provider == NULL) {
        release(s);
        return NULL;
    }
    register_metrics(s);
    claim(s);
    start(s);
    return s;
}

/* On the transport's thread: ends the fetch that is under way. */
static void stop(void *context)
{
    struct credentials_source *s = context;
    if (s->running) {
        provider_cancel(s->provider);
    }
    release(s);
}

void credentials_close(struct credentials_source *s)
{
    if (s == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->closed = true;
    struct credentials_waiter *list = take_waiters(s);
    bool fetching = s->fetching;
    (void)pthread_mutex_unlock(&s->lock);
    tell(list, NULL, "closed");
    while (fetching && !post(s, 0, stop)) {
        const struct timespec pause = {.tv_nsec = SECOND_US * 10}; /* no memory: must be told */
        (void)nanosleep(&pause, NULL);
    }
    release(s);
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
    bool ready = usable(s);
    bool held_back = s->retry_mono_us > 0 && mono(s) < s->retry_mono_us;
    bool fetch = !s->fetching && !held_back && (!ready || until_refresh(s) == 0);
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
        claim(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (fetch && !post(s, 0, begin)) {
        /* Before the others are told, so that our own is never called from within. */
        bool ours = !ready && waiter != NULL && credentials_unwait(s, waiter);
        conclude(s, NULL, "out of memory");
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
        claim(s);
    }
    bool again = newer || s->fetching;
    s->rejected = s->rejected || (!newer && again);
    (void)pthread_mutex_unlock(&s->lock);
    if (fetch) {
        start(s);
    }
    return again;
}

void credentials_reason(struct credentials_source *s, char out[CREDENTIALS_REASON_SIZE])
{
    (void)pthread_mutex_lock(&s->lock);
    memcpy(out, s->reason, CREDENTIALS_REASON_SIZE);
    (void)pthread_mutex_unlock(&s->lock);
}
