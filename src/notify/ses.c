/* The mailer over SES: making it, and its pace. Sending is in ses_send.c. */
#include "notify/ses.h"

#include "base/log.h"
#include "ses_account.h"
#include "ses_body.h"
#include "ses_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_MAX = 500,
    BATCH_SECONDS = 2,
    DIGEST_BATCH_MAX = 5 * SES_DIGEST_MAX,
    ASK_AGAIN_S = 600,
    ASK_SOON_S = 30 /* after no answer */
};

static const double safe_share = 0.8; /* of MaxSendRate: at 1.0 SES still throttles */
static const double unknown_rate = 1; /* what every account may, the sandbox's too */

static double rate_now(struct ses *s)
{
    pthread_mutex_lock(&s->lock);
    double rate = pace_rate(&s->pace, clock_mono_us(s->config.clock));
    pthread_mutex_unlock(&s->lock);
    return rate;
}

static void set_rate(struct ses *s, double rate)
{
    pthread_mutex_lock(&s->lock);
    pace_set(&s->pace, rate);
    pthread_mutex_unlock(&s->lock);
}

/* The pace from the account, asked anew now and then. Where it cannot be asked, the pace stays as
 * it was. */
static void refresh_rate(struct ses *s, const _Atomic bool *stop)
{
    char reason[OUTBOX_ERROR_SIZE];
    struct ses_account account;
    int64_t now = clock_mono_us(s->config.clock);
    if (s->config.rate > 0 || now < s->ask_us) {
        return;
    }
    enum ses_account_result result = ses_account_get(&s->config, &account, stop, reason);
    int64_t wait_s = result == SES_ACCOUNT_UNKNOWN ? ASK_SOON_S : ASK_AGAIN_S;
    s->ask_us = now + wait_s * 1000000;
    if (result == SES_ACCOUNT_OK) {
        set_rate(s, account.max_rate * safe_share);
        s->told = false;
    } else if (!s->told && !atomic_load(stop)) {
        s->told = true;
        log_warn("SES does not tell the account's sending rate; allow ses:GetAccount, or set "
                 "REVIEWD_SES_RATE",
                 LOG_STR("reason", reason), LOG_INT("receivers_per_minute", 60 * rate_now(s)));
    }
}

/* So that the first mail finds the pace, credentials and a connection. With a rate that is set the
 * answer does not matter. */
static void ses_start(struct mailer *mailer, const _Atomic bool *stop)
{
    struct ses *s = (struct ses *)mailer;
    char reason[OUTBOX_ERROR_SIZE];
    struct ses_account account;
    if (s->config.rate > 0) {
        (void)ses_account_get(&s->config, &account, stop, reason);
    } else {
        refresh_rate(s, stop);
    }
}

static void ses_send(struct mailer *mailer, const struct outbox_entry *entries, size_t count,
                     struct mail_outcome *outcomes, const _Atomic bool *stop)
{
    struct ses *s = (struct ses *)mailer;
    refresh_rate(s, stop);
    ses_send_all(s, entries, count, outcomes, stop);
    metric_set(s->rate, (int64_t)(rate_now(s) * 1000));
}

/* How many mails leave within `seconds` at the pace; at least 1. */
static double mails_within(struct ses *s, double seconds)
{
    double mails = rate_now(s) * seconds / (double)s->config.addresses->receiver_count;
    return mails > 1 ? mails : 1;
}

/* The shortest backlog that takes longer than is allowed. */
static uint64_t ses_enough(struct mailer *mailer)
{
    struct ses *s = (struct ses *)mailer;
    return (uint64_t)mails_within(s, (double)s->config.digest_after_ms / 1000) + 1;
}

/* Whether the backlog is so long that reviews are put together. */
static void ses_backlog(struct mailer *mailer, uint64_t pending)
{
    struct ses *s = (struct ses *)mailer;
    s->digest = pending >= ses_enough(mailer);
}

/* What leaves within a moment, so that a kill repeats few and a change of the rate is soon seen;
 * but not less, because each batch ends with a wait for its last mail. */
static size_t ses_batch(struct mailer *mailer)
{
    struct ses *s = (struct ses *)mailer;
    double most = s->digest ? DIGEST_BATCH_MAX : BATCH_MAX;
    double want = mails_within(s, BATCH_SECONDS) * (s->digest ? SES_DIGEST_MAX : 1);
    return (size_t)(want < most ? want : most);
}

static int ses_check(struct mailer *mailer, char reason[OUTBOX_ERROR_SIZE])
{
    return ses_account_check(&((struct ses *)mailer)->config, reason);
}

static void ses_free(struct mailer *mailer)
{
    struct ses *s = (struct ses *)mailer;
    for (size_t i = 0; i < SES_IN_FLIGHT_MAX; i++) {
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

static void init_lock(struct ses *s)
{
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ended, NULL);
}

/* Counting a backlog may cost the store some reading, so it is only asked for where it matters. */
static const struct mailer_ops *operations(const struct ses_config *config)
{
    static const struct mailer_ops plain = {.start = ses_start,
                                            .send = ses_send,
                                            .batch = ses_batch,
                                            .check = ses_check,
                                            .free = ses_free};
    static const struct mailer_ops digesting = {.start = ses_start,
                                                .send = ses_send,
                                                .backlog = ses_backlog,
                                                .enough = ses_enough,
                                                .batch = ses_batch,
                                                .check = ses_check,
                                                .free = ses_free};
    return config->digest_after_ms > 0 ? &digesting : &plain;
}

struct mailer *ses_open(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE])
{
    if (!ses_tags_valid(config->tags)) {
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "REVIEWD_SES_TAGS=%.80s must be name=value, several separated by commas, of "
                 "letters, digits, _ and -, up to 256 of them",
                 config->tags);
        return NULL;
    }
    struct ses *s = calloc(1, sizeof *s);
    if (s == NULL) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: out of memory");
        return NULL;
    }
    s->mailer.ops = operations(config);
    s->config = *config;
    pace_init(&s->pace, config->rate > 0 ? config->rate : unknown_rate);
    init_lock(s);
    if (!copy(&s->configuration_set, config->configuration_set) || !copy(&s->tags, config->tags)) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "SES: out of memory");
        ses_free(&s->mailer);
        return NULL;
    }
    s->config.configuration_set = s->configuration_set;
    s->config.tags = s->tags;
    register_metrics(s);
    return &s->mailer;
}
