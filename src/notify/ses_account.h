/* What SES says of the account: GET /v2/email/account, and of an identity. Blocking calls, for the
 * notify thread and the command line. */
#ifndef NOTIFY_SES_ACCOUNT_H
#define NOTIFY_SES_ACCOUNT_H

#include "notify/ses.h"

struct ses_account {
    double max_rate; /* receivers per second */
    bool production; /* out of the sandbox */
    bool enabled;    /* may send */
};

/* 0; -1 with one line in `reason`: the call is denied, or SES does not answer. */
int ses_account_get(const struct ses_config *config, struct ses_account *out,
                    char reason[OUTBOX_ERROR_SIZE]);

/* Tries what is needed to send: the account, the sender, in the sandbox the receivers too. 0, or -1
 * with what is wrong and its remedy. */
int ses_account_check(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE]);

#endif
