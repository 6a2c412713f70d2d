#include "outbox_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { NICENESS = 19, STOP_US = 5000000 };

static struct metric *mails_total(struct metrics *m, const char *labels)
{
    return metrics_counter(m, (struct metric_name){"reviewd_mails_total",
                                                   "What became of mails, by attempt.", labels});
}

static void register_metrics(struct outbox *o, struct metrics *m)
{
    o->sent = mails_total(m, "outcome=\"sent\"");
    o->retried = mails_total(m, "outcome=\"retried\"");
    o->deferred = mails_total(m, "outcome=\"deferred\"");
    o->dead = mails_total(m, "outcome=\"dead\"");
    o->seconds =
        metrics_histogram(m, (struct metric_name){"reviewd_mail_send_seconds",
                                                  "Time the mailer took for a batch.", NULL});
    o->pause_gauge = metrics_gauge(
        m, (struct metric_name){"reviewd_mail_paused", "1 while no mail can be sent.", NULL});
}

struct outbox *outbox_new(const struct outbox_config *config)
{
    struct outbox *o = calloc(1, sizeof(*o));
    if (o == NULL) {
        return NULL;
    }
    o->config = *config;
    o->random = config->seed != 0 ? config->seed : (uint64_t)clock_wall_us(config->clock) | 1;
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->changed, NULL);
    pthread_cond_init(&o->rested, NULL);
    register_metrics(o, config->metrics);
    return o;
}

/* Sleeps until it is woken, stopped, or `due_us` of the configured clock has come. */
static void sleep_until(struct outbox *o, int64_t due_us)
{
    int64_t wait_us = due_us == INT64_MAX ? INT64_MAX : due_us - clock_mono_us(o->config.clock);
    struct timespec until = clock_after(wait_us > 0 && wait_us != INT64_MAX ? wait_us : 0);
    pthread_mutex_lock(&o->lock);
    int result = wait_us > 0 ? 0 : ETIMEDOUT;
    o->resting = wait_us > 0;
    pthread_cond_signal(&o->rested);
    while (!o->woken && !o->stop && result != ETIMEDOUT) {
        result = wait_us == INT64_MAX
                     ? pthread_cond_wait(&o->changed, &o->lock)
                     : pthread_cond_clockwait(&o->changed, &o->lock, CLOCK_MONOTONIC, &until);
    }
    o->woken = false;
    o->resting = false;
    pthread_mutex_unlock(&o->lock);
}

/* The last chance to note what was sent, unless all the time went into the one before. */
static void settle_rest(struct outbox *o)
{
    if (o->unsettled > 0 && clock_mono_us(o->config.clock) < o->deadline_us) {
        outbox_step(o);
    }
}

static void *notify_main(void *context)
{
    struct outbox *o = context;
    pthread_setname_np(pthread_self(), "notify");
    /* Answering comes first: what the mails cost is taken from what is left. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    struct mailer *mailer = o->config.mailer;
    if (mailer->ops->start != NULL) {
        mailer->ops->start(mailer, &o->stop);
    }
    while (!o->stop) {
        sleep_until(o, outbox_step(o));
    }
    settle_rest(o);
    return NULL;
}

int outbox_start(struct outbox *o)
{
    errno = pthread_create(&o->thread, NULL, notify_main, o);
    o->started = errno == 0;
    return o->started ? 0 : -1;
}

void outbox_wake(struct outbox *o)
{
    pthread_mutex_lock(&o->lock);
    o->woken = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

bool outbox_rest(struct outbox *o, int64_t deadline_us)
{
    int64_t wait_us = deadline_us - clock_mono_us(o->config.clock);
    struct timespec until = clock_after(wait_us > 0 ? wait_us : 0);
    int result = 0;
    pthread_mutex_lock(&o->lock);
    o->woken = true; /* a store may acknowledge a put before it tells of its mail: one more round */
    pthread_cond_signal(&o->changed);
    while ((!o->resting || o->woken) && !o->stop && result != ETIMEDOUT) {
        result = pthread_cond_clockwait(&o->rested, &o->lock, CLOCK_MONOTONIC, &until);
    }
    bool rests = o->resting && !o->woken;
    pthread_mutex_unlock(&o->lock);
    return rests;
}

void outbox_stop_begin(struct outbox *o, int64_t deadline_us)
{
    pthread_mutex_lock(&o->lock);
    bool first = !o->stop;
    o->deadline_us = first ? deadline_us : o->deadline_us;
    o->stop = true;
    pthread_cond_signal(&o->changed);
    pthread_mutex_unlock(&o->lock);
    if (first) {
        store_end_outbox(o->config.store, deadline_us);
    }
}

void outbox_stop(struct outbox *o)
{
    outbox_stop_begin(o, clock_mono_us(o->config.clock) + STOP_US);
    if (o->started) {
        pthread_join(o->thread, NULL);
    } else {
        settle_rest(o);
    }
    o->started = false;
}

void outbox_free(struct outbox *o)
{
    if (o == NULL) {
        return;
    }
    free(o->entries);
    free(o->mails);
    free(o->outcomes);
    pthread_cond_destroy(&o->rested);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
