/* The dispatcher's parts: outbox.c is the thread, outbox_step.c one round of its work. */
#ifndef NOTIFY_OUTBOX_INTERNAL_H
#define NOTIFY_OUTBOX_INTERNAL_H

#include "notify/outbox.h"

#include <pthread.h>
#include <stdatomic.h>

/* Something that fails for a while: said once when it begins and once when it is over. */
struct episode {
    unsigned failures; /* in a row; 0: all is well */
    int64_t since_us;  /* mono */
    int64_t resume_us; /* mono: not tried again before */
};

struct outbox {
    struct outbox_config config;
    pthread_t thread;
    bool started;
    int64_t deadline_us; /* mono; not touched any more once `stop` is set */
    _Atomic bool stop;   /* also read by the mailer, without the lock */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* CLOCK_MONOTONIC, as the other */
    pthread_cond_t rested;
    bool woken;   /* guarded by lock */
    bool resting; /* guarded by lock: the thread sleeps */

    /* The rest belongs to the notify thread, or to whoever calls outbox_step(). */
    struct outbox_entry *entries;
    struct mail_outcome *mails;
    struct outbox_outcome *outcomes;
    size_t capacity;
    size_t unsettled; /* outcomes that are not in the store yet; they come before anything else */
    struct episode paused, store_failing;
    const char *pause_kind; /* of the pause; NULL: the mailer does not say */
    uint64_t random;
    struct metric *sent, *retried, *deferred, *dead, *seconds, *pause_gauge;
};

#endif
