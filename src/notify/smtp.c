/* Mails through an SMTP server: up to `concurrency` side by side, each as one request of the
 * transport.
 *
 * All receivers of a mail are in one transaction. If the server refuses one of them, nobody gets
 * the mail and it is treated by that reply's code: so no receiver ever gets it twice because of
 * another, and a wrong address shows as a dead letter, which can be sent again when the address is
 * right. */
#include "notify/smtp.h"

#include "base/clock.h"
#include "smtp_url.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    STOP_LOOK_MS = 250,  /* how often `stop` is looked at while mails are under way */
    STOP_GRACE_MS = 5000 /* for mails under way when the service ends */
};

struct smtp;

/* One mail under way. */
struct job {
    struct smtp *smtp;
    struct mail_outcome *outcome; /* NULL: free */
    struct buf text;
    struct net_request request;
    uint64_t id;
    bool again; /* it was sent once more on a fresh connection */
};

struct smtp {
    struct mailer mailer;
    struct transport *transport;
    const struct mail_addresses *addresses;
    struct smtp_url url;
    struct net_mail mail;
    int64_t timeout_ms;

    pthread_mutex_t lock;
    pthread_cond_t ended; /* CLOCK_MONOTONIC */
    /* guarded by lock, as are jobs[].outcome and jobs[].id */
    size_t active;
    bool paused;
    struct mail_outcome pause; /* of the mail that paused the rest */

    size_t concurrency;
    struct job jobs[];
};

/* Refusals that concern every mail, whatever their class: the service is closing (421), the login
 * is missing, too weak or wrong (530, 534, 535, 538), a quota or rate is used up (454, as SES says
 * it). */
static bool concerns_all(int status)
{
    return status == 421 || status == 454 || status == 530 || status == 534 || status == 535 ||
           status == 538;
}

/* Whether what was said to MAIL FROM is about this message and not its sender: it is too large (552
 * of RFC 1870; 5.2.3, 5.3.4) or of a kind that the server cannot take (5.6.z). */
static bool concerns_message(const struct net_reply *reply)
{
    return reply->status == 552 || strcmp(reply->enhanced, "5.2.3") == 0 ||
           strcmp(reply->enhanced, "5.3.4") == 0 || strncmp(reply->enhanced, "5.6.", 4) == 0;
}

/* All mails have the same sender: one that is refused for good is refused for all of them. */
static bool refuses_sender(const struct net_reply *reply)
{
    return reply->sender_refused && reply->status >= 500 && !concerns_all(reply->status) &&
           !concerns_message(reply);
}

static enum mail_result result_of(const struct net_reply *reply)
{
    switch (reply->error) {
    case NET_OK:
        return MAIL_SENT;
    case NET_REFUSED:
        if (concerns_all(reply->status) || refuses_sender(reply)) {
            return MAIL_PAUSE;
        }
        return reply->status >= 500 ? MAIL_PERMANENT : MAIL_TEMPORARY;
    case NET_BROKEN:
    case NET_TIMEOUT:
        /* A server that spoke may be choking on this very mail; one that did not is down for all.
         */
        return reply->status > 0 ? MAIL_TEMPORARY : MAIL_PAUSE;
    default:
        return MAIL_PAUSE;
    }
}

static void fill(struct mail_outcome *out, enum mail_result result, const char *error,
                 const char *detail)
{
    *out = (struct mail_outcome){.result = result};
    if (result != MAIL_SENT) {
        snprintf(out->error, sizeof(out->error), "SMTP, %s: %s", error, detail);
    }
}

/* What became of a mail. A refusal is told by its codes: the server's text may quote addresses, and
 * libcurl's says nothing ("Weird server reply"). */
static void fill_from(struct mail_outcome *out, const struct net_reply *reply)
{
    enum mail_result result = result_of(reply);
    if (reply->error != NET_REFUSED) {
        fill(out, result, net_error_name(reply->error), reply->detail);
        return;
    }
    *out = (struct mail_outcome){.result = result};
    snprintf(out->error, sizeof(out->error), "SMTP, %s %d%s%s",
             refuses_sender(reply) ? "the sender is refused:" : "refused by the server with",
             reply->status, reply->enhanced[0] != '\0' ? " " : "", reply->enhanced);
}

/* A kept connection may have been given up by the server between two mails. When the mail itself
 * was not under way yet (354 is the server's "go on"), it is sent once more, on a fresh connection.
 */
static bool is_stale(const struct job *job, const struct net_reply *reply)
{
    if (job->again || !reply->reused_connection) {
        return false;
    }
    return (reply->error == NET_BROKEN && reply->status < 354) ||
           (reply->error == NET_REFUSED && reply->status == 421);
}

static void on_done(void *context, const struct net_reply *reply)
{
    struct job *job = context;
    struct smtp *s = job->smtp;
    pthread_mutex_lock(&s->lock);
    if (is_stale(job, reply)) {
        job->again = true;
        job->id = transport_send(s->transport, &job->request, on_done, job);
        if (job->id != 0) {
            goto out;
        }
    }
    fill_from(job->outcome, reply);
    if (job->outcome->result == MAIL_PAUSE && !s->paused) {
        s->paused = true;
        s->pause = *job->outcome;
    }
    job->outcome = NULL;
    s->active--;
    pthread_cond_signal(&s->ended);
out:
    pthread_mutex_unlock(&s->lock);
}

/* A job that has nothing to do; there is one while active < concurrency. Under the lock. */
static struct job *free_job(struct smtp *s)
{
    struct job *job = s->jobs;
    while (job->outcome != NULL) {
        job++;
    }
    return job;
}

/* Starts one mail; under the lock. */
static void start(struct smtp *s, const struct outbox_entry *entry, struct mail_outcome *outcome)
{
    struct job *job = free_job(s);
    buf_clear(&job->text);
    message_rfc5322(&job->text, entry, s->addresses);
    job->smtp = s;
    job->again = false;
    job->request = (struct net_request){.method = "",
                                        .url = s->url.url,
                                        .body = buf_span(&job->text),
                                        .mail = &s->mail,
                                        .timeout_ms = s->timeout_ms};
    job->id =
        buf_failed(&job->text) ? 0 : transport_send(s->transport, &job->request, on_done, job);
    if (job->id == 0) {
        fill(outcome, MAIL_PAUSE, "not sent", "out of memory");
        s->paused = true;
        s->pause = *outcome;
        return;
    }
    job->outcome = outcome;
    s->active++;
}

static int64_t now_ms(void)
{
    return clock_mono_us(clock_system()) / 1000;
}

/* Waits for the end of a mail, or a moment. Under the lock. */
static void wait_a_moment(struct smtp *s)
{
    struct timespec until = clock_after((int64_t)STOP_LOOK_MS * 1000);
    pthread_cond_clockwait(&s->ended, &s->lock, CLOCK_MONOTONIC, &until);
}

static void cancel_all(struct smtp *s)
{
    for (size_t i = 0; i < s->concurrency; i++) {
        if (s->jobs[i].outcome != NULL) {
            transport_cancel(s->transport, s->jobs[i].id);
        }
    }
}

static void smtp_send(struct mailer *mailer, const struct outbox_entry *entries, size_t count,
                      struct mail_outcome *outcomes, const _Atomic bool *stop)
{
    struct smtp *s = (struct smtp *)mailer;
    size_t next = 0;
    int64_t stopped_ms = 0;
    pthread_mutex_lock(&s->lock);
    s->paused = false;
    for (;;) {
        bool may_start = next < count && !s->paused && !*stop;
        if (may_start && s->active < s->concurrency) {
            start(s, &entries[next], &outcomes[next]);
            next++;
            continue;
        }
        if (s->active == 0) {
            break;
        }
        if (*stop && stopped_ms == 0) {
            stopped_ms = now_ms();
        }
        if (*stop && now_ms() - stopped_ms >= STOP_GRACE_MS) {
            cancel_all(s);
        }
        wait_a_moment(s);
    }
    for (size_t i = next; i < count; i++) {
        if (s->paused) {
            outcomes[i] = s->pause;
        } else {
            fill(&outcomes[i], MAIL_PAUSE, "not sent", "the service ends");
        }
    }
    pthread_mutex_unlock(&s->lock);
}

/* Twice as many as go side by side: one slow mail does not leave the others idle, and a kill
 * repeats few. */
static size_t smtp_batch(struct mailer *mailer)
{
    return 2 * ((struct smtp *)mailer)->concurrency;
}

static const char *remedy(enum net_error error)
{
    switch (error) {
    case NET_RESOLVE:
    case NET_CONNECT:
        return "check host and port, and whether the server is up";
    case NET_TLS:
        return "check that the server offers TLS and that its certificate is trusted here";
    case NET_LOGIN:
        return "check user and password";
    default:
        return "look at the server's log";
    }
}

static int smtp_check(struct mailer *mailer, char reason[OUTBOX_ERROR_SIZE])
{
    struct smtp *s = (struct smtp *)mailer;
    struct net_mail mail = s->mail;
    mail.to_count = 0;
    struct net_request request = {
        .method = "", .url = s->url.url, .mail = &mail, .timeout_ms = s->timeout_ms};
    struct net_result result = transport_wait(s->transport, &request, NULL);
    if (result.error == NET_OK) {
        return 0;
    }
    snprintf(reason, OUTBOX_ERROR_SIZE, "the SMTP server cannot be used: %.140s; %s", result.detail,
             remedy(result.error));
    return -1;
}

static void smtp_free(struct mailer *mailer)
{
    struct smtp *s = (struct smtp *)mailer;
    for (size_t i = 0; i < s->concurrency; i++) {
        buf_free(&s->jobs[i].text);
    }
    smtp_url_free(&s->url);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct mailer *smtp_open(const struct smtp_config *config, struct transport *transport,
                         char reason[OUTBOX_ERROR_SIZE])
{
    static const struct mailer_ops operations = {
        .send = smtp_send, .batch = smtp_batch, .check = smtp_check, .free = smtp_free};
    struct smtp_url url;
    if (smtp_url_parse(&url, config->url, reason) != 0) {
        return NULL;
    }
    size_t concurrency = config->concurrency > 0 ? config->concurrency : 1;
    struct smtp *s = calloc(1, sizeof(*s) + concurrency * sizeof(s->jobs[0]));
    if (s == NULL) {
        smtp_url_free(&url);
        snprintf(reason, OUTBOX_ERROR_SIZE, "SMTP: out of memory");
        return NULL;
    }
    s->mailer.ops = &operations;
    s->transport = transport;
    s->addresses = config->addresses;
    s->url = url;
    s->timeout_ms = config->timeout_ms;
    s->concurrency = concurrency;
    s->mail = (struct net_mail){.from = config->addresses->sender,
                                .to = (const char *const *)config->addresses->receivers,
                                .to_count = config->addresses->receiver_count,
                                .user = config->user != NULL ? config->user : url.user,
                                .password = config->user != NULL ? config->password : url.password};
    s->mail.require_tls = config->require_tls || s->mail.user != NULL;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ended, NULL);
    return &s->mailer;
}
