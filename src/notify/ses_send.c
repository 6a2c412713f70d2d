/* Sending a batch. The notify thread starts calls at the account's pace and waits for their ends;
 * each call fills the outcomes of its entries (several, when it is a digest) from the transport's
 * thread, under the lock. What says that no mail can be sent ends the batch: the rest of it is not
 * tried. When the service ends, nothing more is started, and what is under way after a moment of
 * grace is cancelled: its mails come again after the restart. */
#include "ses_body.h"
#include "ses_internal.h"

#include <stdio.h>
#include <time.h>

enum {
    REPLY_MAX = 64 * 1024,
    LOOK_MS = 50, /* how often a wait looks whether the service ends */
    GRACE_MS = 3000
};

/* A batch on its way. */
struct batch {
    const struct outbox_entry *entries;
    struct mail_outcome *outcomes;
    size_t count;
    size_t next; /* the first that was not started */
    const _Atomic bool *stop;
    int64_t cancel_us; /* mono, when what is under way is cancelled; 0: the service goes on */
    bool cancelled;
};

static int64_t now_us(const struct ses *s)
{
    return clock_mono_us(s->config.clock);
}

/* What became of the entries of a job. Under the lock. */
static void note(struct ses *s, struct ses_job *job, const struct mail_outcome *outcome)
{
    for (size_t i = 0; i < job->count; i++) {
        job->outcomes[i] = *outcome;
    }
    if (outcome->result == MAIL_PAUSE && !s->paused) {
        s->paused = true;
        s->pause = *outcome;
    }
    job->outcomes = NULL;
    s->active--;
    pthread_cond_signal(&s->ended);
}

static void on_done(void *context, const struct call_result *result)
{
    struct ses_job *job = context;
    struct ses *s = job->ses;
    enum ses_verdict verdict = ses_verdict(result);
    struct mail_outcome outcome = {0};
    ses_outcome(&outcome, verdict, result);
    if (outcome.result == MAIL_PERMANENT && job->count > 1) {
        outcome.result = MAIL_TEMPORARY; /* each alone then, so that only the bad one is dead */
    }
    metric_add(s->answers[verdict], 1);
    pthread_mutex_lock(&s->lock);
    if (verdict == SES_RATE) {
        pace_slow(&s->pace, now_us(s));
    }
    note(s, job, &outcome);
    pthread_mutex_unlock(&s->lock);
}

/* There is a free one while active < SES_IN_FLIGHT_MAX. Under the lock. */
static struct ses_job *take_job(struct ses *s, struct mail_outcome *outcomes, size_t count)
{
    struct ses_job *job = s->jobs;
    while (job->outcomes != NULL) {
        job++;
    }
    job->ses = s;
    job->outcomes = outcomes;
    job->count = count;
    s->active++;
    return job;
}

/* Under the lock, which it gives back meanwhile. */
static void start_next(struct ses *s, struct batch *b)
{
    const struct outbox_entry *entries = b->entries + b->next;
    size_t count = s->digest ? ses_digest_fits(entries, b->count - b->next) : 1;
    struct ses_job *job = take_job(s, b->outcomes + b->next, count);
    b->next += count;
    pthread_mutex_unlock(&s->lock);
    buf_clear(&job->body);
    ses_body(&job->body, &s->config, entries, count);
    struct call_request request = ses_request(buf_span(&job->body));
    request.deadline_us = now_us(s) + s->config.timeout_ms * 1000;
    request.max_reply = REPLY_MAX;
    bool started = !buf_failed(&job->body) && call_start(s->config.client, &request, on_done, job);
    metric_add(s->digests, started && count > 1);
    pthread_mutex_lock(&s->lock);
    if (!started) {
        struct mail_outcome outcome = {.result = MAIL_PAUSE, .error = "SES: out of memory"};
        note(s, job, &outcome);
    }
}

/* Until a mail ends or `until_us`, and no longer than a moment. Under the lock. */
static void wait_until(struct ses *s, int64_t until_us)
{
    int64_t left_us = until_us - now_us(s);
    int64_t most_us = (int64_t)LOOK_MS * 1000;
    if (left_us > most_us) {
        left_us = most_us;
    }
    if (left_us <= 0) {
        return;
    }
    struct timespec until = clock_after(left_us);
    pthread_cond_clockwait(&s->ended, &s->lock, CLOCK_MONOTONIC, &until);
}

/* The service ends: what is under way has a moment. Under the lock, which it gives back meanwhile.
 */
static void cancel_late(struct ses *s, struct batch *b)
{
    int64_t now = now_us(s);
    if (b->cancel_us == 0) {
        b->cancel_us = now + (int64_t)GRACE_MS * 1000;
    }
    if (now >= b->cancel_us && !b->cancelled) {
        b->cancelled = true;
        pthread_mutex_unlock(&s->lock);
        call_client_stop(s->config.client);
        pthread_mutex_lock(&s->lock);
    }
}

/* Starts what may be started, until nothing more is and all has ended. Under the lock. */
static void run(struct ses *s, struct batch *b)
{
    double units = (double)s->config.addresses->receiver_count;
    for (;;) {
        bool stopping = atomic_load(b->stop);
        bool more = b->next < b->count && !s->paused && !stopping;
        bool room = s->active < SES_IN_FLIGHT_MAX;
        if (!more && s->active == 0) {
            return;
        }
        if (more && room && pace_take(&s->pace, now_us(s), units)) {
            start_next(s, b);
            continue;
        }
        if (stopping) {
            cancel_late(s, b);
        }
        wait_until(s, more && room ? s->pace.next_us : INT64_MAX);
    }
}

void ses_send_all(struct ses *s, const struct outbox_entry *entries, size_t count,
                  struct mail_outcome *outcomes, const _Atomic bool *stop)
{
    struct batch b = {.entries = entries, .outcomes = outcomes, .count = count, .stop = stop};
    struct mail_outcome rest = {.result = MAIL_PAUSE, .error = "not sent: the service ends"};
    pthread_mutex_lock(&s->lock);
    s->paused = false;
    run(s, &b);
    for (; b.next < count; b.next++) {
        outcomes[b.next] = s->paused ? s->pause : rest;
    }
    pthread_mutex_unlock(&s->lock);
}
