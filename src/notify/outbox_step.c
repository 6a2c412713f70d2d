/* One round of the dispatcher: settle what is open, claim, send, settle.
 *
 * Two things stop everything for a while, each with its own back-off of 1 s, 2 s, 4 s …: a store
 * that cannot be read or written (up to 30 s), and a mailer that says MAIL_PAUSE (5 min). After a
 * pause a single mail is tried first, so that a server that is still down costs one note in the
 * store and not a batch of them. */
#include "outbox_internal.h"

#include "base/jitter.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_US    ((int64_t)1000000)
#define STORE_MAX_US (30 * SECOND_US)
#define PAUSE_MAX_US (300 * SECOND_US)
#define RETRY_MAX_US (900 * SECOND_US)

/* 1 s · 2^n, at most `max_us`. */
static int64_t doubled(unsigned n, int64_t max_us)
{
    int64_t us = n < 20 ? SECOND_US << n : max_us;
    return us < max_us ? us : max_us;
}

static int64_t mono_us(const struct outbox *o)
{
    return clock_mono_us(o->config.clock);
}

/* Sets the time of the next try; true when this is the first failure. */
static bool episode_failed(struct outbox *o, struct episode *e, int64_t wait_us)
{
    int64_t now = mono_us(o);
    if (e->failures == 0) {
        e->since_us = now;
    }
    e->resume_us = now + wait_us;
    return e->failures++ == 0;
}

static void episode_over(struct outbox *o, struct episode *e, const char *message)
{
    if (e->failures == 0) {
        return;
    }
    log_info(message, LOG_INT("seconds", (mono_us(o) - e->since_us) / SECOND_US),
             LOG_INT("tries", e->failures));
    *e = (struct episode){0};
}

static void store_failed(struct outbox *o, const char *what)
{
    int64_t wait_us = doubled(o->store_failing.failures, STORE_MAX_US);
    if (episode_failed(o, &o->store_failing, wait_us)) {
        log_error("the outbox cannot be used; mails wait", LOG_STR("failed", what));
    }
}

/* 0, or -1 when the outcomes could not be noted and are kept. */
static int settle(struct outbox *o)
{
    if (o->unsettled == 0) {
        return 0;
    }
    if (store_settle(o->config.store, o->outcomes, o->unsettled) != 0) {
        store_failed(o, "noting what was sent");
        return -1;
    }
    o->unsettled = 0;
    if (o->config.mailer->ops->settled != NULL) {
        o->config.mailer->ops->settled(o->config.mailer);
    }
    return 0;
}

static bool make_room(struct outbox *o, size_t count)
{
    if (count <= o->capacity) {
        return true;
    }
    free(o->entries);
    free(o->mails);
    free(o->outcomes);
    o->entries = calloc(count, sizeof(*o->entries));
    o->mails = calloc(count, sizeof(*o->mails));
    o->outcomes = calloc(count, sizeof(*o->outcomes));
    bool ok = o->entries != NULL && o->mails != NULL && o->outcomes != NULL;
    o->capacity = ok ? count : 0;
    return ok;
}

static void begin_pause(struct outbox *o, const struct mail_outcome *why)
{
    int64_t wait_us = doubled(o->paused.failures, PAUSE_MAX_US);
    if (why->pause_ms > 0) {
        wait_us = why->pause_ms * 1000;
    }
    bool first = episode_failed(o, &o->paused, wait_us);
    if (first || why->kind != o->pause_kind) { /* static words, each exists once */
        log_warn("mails are paused", LOG_STR("reason", why->error));
    }
    o->pause_kind = why->kind;
    metric_set(o->pause_gauge, 1);
}

static void end_pause(struct outbox *o)
{
    episode_over(o, &o->paused, "mails are sent again");
    metric_set(o->pause_gauge, 0);
}

static void give_up(struct outbox *o, const struct outbox_entry *entry,
                    const struct mail_outcome *mail, struct outbox_outcome *out)
{
    char id[24];
    snprintf(id, sizeof(id), "%" PRIu64, entry->id);
    out->what = OUTBOX_DEAD;
    metric_add(o->dead, 1);
    log_error("a mail was given up and is kept as a dead letter", LOG_STR("id", id),
              LOG_INT("attempts", entry->attempts + 1), LOG_STR("reason", mail->error));
}

/* What is to be noted about one entry. The pause, if any, has begun already. */
static void decide(struct outbox *o, const struct outbox_entry *entry,
                   const struct mail_outcome *mail, struct outbox_outcome *out)
{
    int64_t now = clock_wall_us(o->config.clock);
    *out = (struct outbox_outcome){.id = entry->id};
    snprintf(out->error, sizeof(out->error), "%s", mail->error);
    switch (mail->result) {
    case MAIL_SENT:
        out->what = OUTBOX_SENT;
        metric_add(o->sent, 1);
        break;
    case MAIL_PAUSE:
        out->what = OUTBOX_DEFER;
        out->due_us = now + (o->paused.resume_us - mono_us(o));
        metric_add(o->deferred, 1);
        break;
    case MAIL_TEMPORARY:
        if (now - entry->created_us >= o->config.max_age_ms * 1000) {
            give_up(o, entry, mail, out);
            break;
        }
        out->what = OUTBOX_RETRY;
        out->due_us = now + jitter(&o->random, doubled(entry->attempts, RETRY_MAX_US));
        metric_add(o->retried, 1);
        break;
    case MAIL_PERMANENT:
        give_up(o, entry, mail, out);
        break;
    }
}

/* Whether any mail got an answer of its own, and the pause, if one was asked for. */
static void judge_batch(struct outbox *o, size_t count)
{
    const struct mail_outcome *pause = NULL;
    bool answered = false;
    for (size_t i = 0; i < count; i++) {
        if (o->mails[i].result != MAIL_PAUSE) {
            answered = true;
        } else if (pause == NULL) {
            pause = &o->mails[i];
        }
    }
    if (answered) {
        end_pause(o);
    }
    if (pause != NULL && !o->stop) {
        begin_pause(o, pause);
    }
}

static void send_batch(struct outbox *o, size_t count)
{
    int64_t start = mono_us(o);
    memset(o->mails, 0, count * sizeof(*o->mails));
    o->config.mailer->ops->send(o->config.mailer, o->entries, count, o->mails, &o->stop);
    metric_observe_us(o->seconds, mono_us(o) - start);
    judge_batch(o, count);
    for (size_t i = 0; i < count; i++) {
        decide(o, &o->entries[i], &o->mails[i], &o->outcomes[i]);
        outbox_entry_free(&o->entries[i]);
    }
    o->unsettled = count;
}

/* The mono time at which an entry with that wall time is due. */
static int64_t mono_of(const struct outbox *o, int64_t wall_us)
{
    if (wall_us == INT64_MAX) {
        return INT64_MAX;
    }
    int64_t wait = wall_us - clock_wall_us(o->config.clock);
    return mono_us(o) + (wait > 0 ? wait : 0);
}

static void tell_backlog(struct outbox *o)
{
    uint64_t pending = 0;
    struct mailer *mailer = o->config.mailer;
    if (mailer->ops->backlog != NULL &&
        store_backlog(o->config.store, mailer->ops->enough(mailer), &pending) == 0) {
        mailer->ops->backlog(mailer, pending);
    }
}

static void free_entries(struct outbox *o, int count)
{
    for (int i = 0; i < count; i++) {
        outbox_entry_free(&o->entries[i]);
    }
}

int64_t outbox_step(struct outbox *o)
{
    if (mono_us(o) < o->store_failing.resume_us && !o->stop) {
        return o->store_failing.resume_us;
    }
    if (settle(o) != 0) {
        return o->store_failing.resume_us;
    }
    if (o->stop) {
        return INT64_MAX;
    }
    if (mono_us(o) < o->paused.resume_us) {
        return o->paused.resume_us;
    }
    tell_backlog(o);
    size_t batch = o->config.mailer->ops->batch(o->config.mailer);
    if (o->paused.failures > 0 || batch == 0) {
        batch = 1;
    }
    if (!make_room(o, batch)) {
        store_failed(o, "memory for a batch");
        return o->store_failing.resume_us;
    }
    int64_t next_due = INT64_MAX;
    int count =
        store_claim(o->config.store, clock_wall_us(o->config.clock), o->entries, batch, &next_due);
    if (o->stop) { /* perhaps meanwhile, and the reason why nothing came */
        free_entries(o, count);
        return INT64_MAX;
    }
    if (count < 0) {
        store_failed(o, "reading what is to be mailed");
        return o->store_failing.resume_us;
    }
    episode_over(o, &o->store_failing, "the outbox can be used again");
    if (count == 0) {
        return mono_of(o, next_due);
    }
    send_batch(o, (size_t)count);
    if (settle(o) != 0) {
        return o->store_failing.resume_us;
    }
    return o->paused.failures > 0 ? o->paused.resume_us : mono_us(o);
}
