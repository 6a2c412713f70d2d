/* What SES says of the account, GET /v2/email/account, and of identities. Blocking calls, for the
 * notify thread and the command line. */
#ifndef NOTIFY_SES_ACCOUNT_H
#define NOTIFY_SES_ACCOUNT_H

#include "notify/ses.h"

#include <stdatomic.h>

struct ses_account {
    double max_rate; /* receivers per second, more than 0 */
    bool production; /* out of the sandbox */
    bool enabled;    /* may send */
};

enum ses_account_result {
    SES_ACCOUNT_OK,
    SES_ACCOUNT_DENIED, /* it was refused, or the answer has no rate: so it will be again */
    SES_ACCOUNT_UNKNOWN /* no answer now */
};

/* `reason` is one line unless SES_ACCOUNT_OK. When `stop` (may be NULL) becomes true, the client is
 * stopped, and this ends soon. */
enum ses_account_result ses_account_get(const struct ses_config *config, struct ses_account *out,
                                        const _Atomic bool *stop, char reason[OUTBOX_ERROR_SIZE]);

/* Tries what is needed to send: the account, the sender, in the sandbox the receivers too, and the
 * permission, by a mail without receivers. As mailer_ops.check: 0 with what was found in `reason`,
 * 1 in the sandbox, or -1 with what is wrong and its remedy. */
int ses_account_check(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE]);

#endif
