/* The mailer over SES, and its two halves: ses.c makes it and knows the pace, ses_send.c sends. */
#ifndef NOTIFY_SES_INTERNAL_H
#define NOTIFY_SES_INTERNAL_H

#include "notify/ses.h"
#include "ses_outcome.h"
#include "ses_pace.h"

#include <pthread.h>
#include <stdatomic.h>

enum { SES_IN_FLIGHT_MAX = 64 }; /* as many connections as the network thread has for one host */

/* A mail under way. Free while `outcomes` is NULL, which is guarded by the lock; the rest is the
 * notify thread's until the call is started, then the transport's. */
struct ses_job {
    struct ses *ses;
    struct buf body;
    struct mail_outcome *outcomes; /* of its entries */
    size_t count;                  /* of its entries: more than one is a digest */
};

struct ses {
    struct mailer mailer;
    struct ses_config config;
    char *configuration_set;
    char *tags;
    struct metric *answers[SES_VERDICTS];
    struct metric *rate, *digests;

    /* The notify thread's. */
    int64_t ask_us; /* when to ask for the account, mono */
    bool told;      /* that it could not be asked */
    bool digest;    /* the backlog is long: put many reviews in one mail */

    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t ended; /* CLOCK_MONOTONIC */
    struct pace pace;
    size_t active;
    bool paused;               /* no further mail of this batch is started */
    struct mail_outcome pause; /* why */
    struct ses_job jobs[SES_IN_FLIGHT_MAX];
};

/* mailer_ops.send, without the question for the account. */
void ses_send_all(struct ses *s, const struct outbox_entry *entries, size_t count,
                  struct mail_outcome *outcomes, const _Atomic bool *stop);

#endif
