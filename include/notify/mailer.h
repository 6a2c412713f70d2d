/* A way to send mails: the seam between the outbox dispatcher and maildir, SMTP, SES. */
#ifndef NOTIFY_MAILER_H
#define NOTIFY_MAILER_H

#include "store/store.h"

enum mail_result {
    MAIL_SENT,      /* accepted: the duty is done */
    MAIL_TEMPORARY, /* try this one again later */
    MAIL_PERMANENT, /* this one will never be accepted: dead letter */
    MAIL_PAUSE /* none can be sent now (server down, quota): try all again later, no attempt counted
                */
};

struct mail_outcome {
    enum mail_result result;
    int64_t pause_ms;              /* for MAIL_PAUSE: how long, 0 = the dispatcher's own back-off */
    const char *kind;              /* for MAIL_PAUSE: a static word for its cause, or NULL; another
                                      one during a pause is news to be logged */
    char error[OUTBOX_ERROR_SIZE]; /* one line when not sent: no address, no text of the review */
};

struct mailer;

struct mailer_ops {
    /* Makes ready for the first mail. Once, on the notify thread, before all else of it; may block,
     * but ends soon when `stop` is set. NULL: nothing to do. */
    void (*start)(struct mailer *m, const _Atomic bool *stop);
    /* Sends all `count` entries and fills outcomes[i] for entries[i]; returns when each is decided.
     * Runs on the notify thread and may block; `stop` is set when the service ends: then it returns
     * soon, with MAIL_PAUSE for what was not tried. */
    void (*send)(struct mailer *m, const struct outbox_entry *entries, size_t count,
                 struct mail_outcome *outcomes, const _Atomic bool *stop);
    /* The outcomes of the last send() are durable in the store, so that none of its entries comes
     * again but for a retry: what was kept to recognise one may go. NULL: it keeps nothing. */
    void (*settled)(struct mailer *m);
    /* Told before each batch how many mails wait, or of the first `enough()` of them, from the
     * notify thread; NULL, both: it does not matter. */
    void (*backlog)(struct mailer *m, uint64_t pending);
    uint64_t (*enough)(struct mailer *m);
    /* How many entries it wants at once, at least 1. */
    size_t (*batch)(struct mailer *m);
    /* Tries what the settings name (folder writable, server answers). 0 with what was found, which
     * may be ""; 1 when mails go out but not all or not for long; -1 when none does. For both
     * `reason` is one line with the remedy. For `reviewd check`. */
    int (*check)(struct mailer *m, char reason[OUTBOX_ERROR_SIZE]);
    void (*free)(struct mailer *m);
};

/* Implementations begin their own struct with this one. */
struct mailer {
    const struct mailer_ops *ops;
};

void mailer_free(struct mailer *m); /* NULL: nothing */

#endif
