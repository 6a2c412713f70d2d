/* The mailer over SES. The notify thread starts calls at the account's pace and waits for their
 * ends; each call fills the outcomes of its entries (several, when it is a digest) from the
 * transport's thread, under the lock. */
#include "notify/ses.h"

#include "base/log.h"
#include "ses_account.h"
#include "ses_body.h"
#include "ses_outcome.h"
#include "ses_pace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    IN_FLIGHT_MAX = 128,
    BATCH_MAX = 200,
    DIGEST_BATCH = 500,
    REPLY_MAX = 64 * 1024,
    LOOK_MS = 50, /* how often a wait looks whether the service ends */
    ACCOUNT_AGE_S = 600
};

static const double safe_share = 0.8; /* of MaxSendRate: at 1.0 SES still throttles */
static const double unknown_rate = 1; /* what every account may, the sandbox's too */

static const struct net_header headers[] = {{"Content-Type", "application/json"}};

struct job {
    struct ses *ses;
    struct buf body;
    struct mail_outcome *outcomes; /* of its entries; NULL: the job is free */
    size_t count;
};

struct ses {
    struct mailer mailer;
    struct ses_config config;
    char *configuration_set;
    char *tags;
    struct metric *answers[SES_VERDICTS];
    struct metric *rate, *digests;

    /* The notify thread's. */
    int64_t asked_us; /* when the account was asked last; 0: never */
    bool told;        /* that it could not be asked */
    bool digest;      /* the backlog is long: put many reviews in one mail */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t ended; /* CLOCK_MONOTONIC */
    struct pace pace;
    size_t active;
    bool paused;
    struct mail_outcome pause; /* why */
    struct job jobs[IN_FLIGHT_MAX];
};

static int64_t now_us(const struct ses *s)
{
    return clock_mono_us(s->config.clock);
}

static void set_rate(struct ses *s, double rate)
{
    pthread_mutex_lock(&s->lock);
    pace_set(&s->pace, rate);
    pthread_mutex_unlock(&s->lock);
    metric_set(s->rate, (int64_t)(rate * 1000));
}

/* The pace, from the setting or from the account, asked anew now and then. */
static void refresh_rate(struct ses *s)
{
    char reason[OUTBOX_ERROR_SIZE];
    struct ses_account account;
    int64_t now = now_us(s);
    if (s->asked_us != 0 && now - s->asked_us < (int64_t)ACCOUNT_AGE_S * 1000000) {
        return;
    }
    s->asked_us = now > 0 ? now : 1;
    if (s->config.rate > 0) {
        set_rate(s, s->config.rate);
    } else if (ses_account_get(&s->config, &account, reason) == 0) {
        set_rate(s, account.max_rate * safe_share);
        s->told = false;
    } else {
        set_rate(s, unknown_rate);
        if (!s->told) {
            log_warn("the account's sending rate is not known; one mail a second until it is: "
                     "allow ses:GetAccount, or "
                     "set REVIEWD_SES_RATE",
                     LOG_STR("reason", reason));
        }
        s->told = true;
    }
}

static void on_done(void *context, const struct call_result *result)
{
    struct job *job = context;
    struct ses *s = job->ses;
    enum ses_verdict verdict = ses_verdict(result);
    struct mail_outcome outcome = {0};
    ses_outcome(&outcome, verdict, result);
    metric_add(s->answers[verdict], 1);
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < job->count; i++) {
        job->outcomes[i] = outcome;
    }
    if (outcome.result == MAIL_PAUSE && !s->paused) {
        s->paused = true;
        s->pause = outcome;
    }
    if (verdict == SES_RATE) {
        pace_slow(&s->pace, now_us(s));
    }
    job->outcomes = NULL;
    s->active--;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
}

/* There is a free one while active < IN_FLIGHT_MAX. Under the lock. */
static struct job *free_job(struct ses *s)
{
    struct job *job = s->jobs;
    while (job->outcomes != NULL) {
        job++;
    }
    return job;
}

/* Under the lock. */
static void start(struct ses *s, const struct outbox_entry *entries, size_t count,
                  struct mail_outcome *outcomes)
{
    struct job *job = free_job(s);
    buf_clear(&job->body);
    ses_body(&job->body, &s->config, entries, count);
    struct call_request request = {.method = "POST",
                                   .path = "/v2/email/outbound-emails",
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof headers[0],
                                   .body = buf_span(&job->body),
                                   .deadline_us = now_us(s) + s->config.timeout_ms * 1000,
                                   .max_reply = REPLY_MAX};
    job->ses = s;
    job->outcomes = outcomes;
    job->count = count;
    s->active++;
    metric_add(s->digests, count > 1);
    if (!buf_failed(&job->body) && call_start(s->config.client, &request, on_done, job)) {
        return;
    }
    s->active--;
    job->outcomes = NULL;
    s->paused = true;
    s->pause = (struct mail_outcome){.result = MAIL_PAUSE, .error = "SES: out of memory"};
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = s->pause;
    }
}

/* Until a mail ends or `until_us`, and no longer than a moment. Under the lock. */
static void wait_until(struct ses *s, int64_t until_us)
{
    int64_t left = until_us - now_us(s);
    int64_t most = (int64_t)LOOK_MS * 1000;
    if (left > most) {
        left = most;
    }
    if (left <= 0) {
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += left * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&s->ended, &s->lock, &until);
}

static void ses_send(struct mailer *mailer, const struct outbox_entry *entries, size_t count,
                     struct mail_outcome *outcomes, const _Atomic bool *stop)
{
    struct ses *s = (struct ses *)mailer;
    double units = (double)s->config.addresses->receiver_count;
    size_t next = 0;
    refresh_rate(s);
    pthread_mutex_lock(&s->lock);
    s->paused = false;
    for (;;) {
        bool more = next < count && !s->paused && !atomic_load(stop);
        if (!more && s->active == 0) {
            break;
        }
        if (more && s->active < IN_FLIGHT_MAX && pace_take(&s->pace, now_us(s), units)) {
            size_t together = s->digest ? ses_digest_fits(entries + next, count - next) : 1;
            start(s, entries + next, together, outcomes + next);
            next += together;
            continue;
        }
        wait_until(s, more && s->active < IN_FLIGHT_MAX ? s->pace.next_us : INT64_MAX);
    }
    struct mail_outcome rest = {.result = MAIL_PAUSE, .error = "not sent: the service ends"};
    for (; next < count; next++) {
        outcomes[next] = s->paused ? s->pause : rest;
    }
    pthread_mutex_unlock(&s->lock);
}

/* Whether the backlog is so long that reviews are put together. */
static void ses_backlog(struct mailer *mailer, uint64_t pending)
{
    struct ses *s = (struct ses *)mailer;
    pthread_mutex_lock(&s->lock);
    double rate = s->pace.rate;
    pthread_mutex_unlock(&s->lock);
    double backlog_ms = (double)pending * (double)s->config.addresses->receiver_count / rate * 1000;
    s->digest = s->config.digest_after_ms > 0 && backlog_ms > (double)s->config.digest_after_ms;
}

/* About one second's worth, so that a kill repeats few and a change of the rate is soon seen. */
static size_t ses_batch(struct mailer *mailer)
{
    struct ses *s = (struct ses *)mailer;
    if (s->digest) {
        return DIGEST_BATCH;
    }
    pthread_mutex_lock(&s->lock);
    double rate = s->pace.rate;
    pthread_mutex_unlock(&s->lock);
    return rate < 1 ? 1 : rate > BATCH_MAX ? BATCH_MAX : (size_t)rate;
}

static int ses_check(struct mailer *mailer, char reason[OUTBOX_ERROR_SIZE])
{
    return ses_account_check(&((struct ses *)mailer)->config, reason);
}

static void ses_free(struct mailer *mailer)
{
    struct ses *s = (struct ses *)mailer;
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        buf_free(&s->jobs[i].body);
    }
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    free(s->configuration_set);
    free(s->tags);
    free(s);
}

static void register_metrics(struct ses *s)
{
    struct metrics *m = s->config.metrics;
    s->rate = metrics_gauge(
        m, (struct metric_name){"reviewd_ses_pace_millireceivers_per_second",
                                "The pace of mails, in thousandths of a receiver a second.", NULL});
    s->digests =
        metrics_counter(m, (struct metric_name){"reviewd_ses_digests_total",
                                                "Mails that held more than one review.", NULL});
    for (size_t i = 0; i < SES_VERDICTS; i++) {
        char labels[64];
        snprintf(labels, sizeof labels, "verdict=\"%s\"", ses_verdict_name((enum ses_verdict)i));
        s->answers[i] =
            metrics_counter(m, (struct metric_name){"reviewd_ses_answers_total",
                                                    "Answers of SES, by what they mean.", labels});
    }
}

static bool copy(char **out, const char *text)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

struct mailer *ses_open(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE])
{
    static const struct mailer_ops operations = {.send = ses_send,
                                                 .backlog = ses_backlog,
                                                 .batch = ses_batch,
                                                 .check = ses_check,
                                                 .free = ses_free};
    if (!ses_tags_valid(config->tags)) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "SES: tags %.80s must be name=value, several separated by commas, of letters, "
                 "digits, _ and -",
                 config->tags);
        return NULL;
    }
    struct ses *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: out of memory");
        return NULL;
    }
    s->mailer.ops = &operations;
    s->config = *config;
    pace_set(&s->pace, unknown_rate);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    register_metrics(s);
    if (!copy(&s->configuration_set, config->configuration_set) || !copy(&s->tags, config->tags)) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: out of memory");
        ses_free(&s->mailer);
        return NULL;
    }
    s->config.configuration_set = s->configuration_set;
    s->config.tags = s->tags;
    return &s->mailer;
}
