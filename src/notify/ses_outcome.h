/* What an answer of SES means for the mail, and for all mails. Pure functions. */
#ifndef NOTIFY_SES_OUTCOME_H
#define NOTIFY_SES_OUTCOME_H

#include "aws/call.h"
#include "notify/mailer.h"

enum ses_verdict {
    SES_SENT,
    SES_RATE,        /* faster than the account may: pause a second, and slow down */
    SES_DAILY,       /* the day's quota is used up: pause ten minutes */
    SES_PAUSED,      /* sending is paused, or the account suspended */
    SES_UNVERIFIED,  /* sender, or in the sandbox a receiver, is not verified */
    SES_DENIED,      /* a permission or a named configuration set is missing */
    SES_CREDENTIALS, /* there are none, or AWS does not know them */
    SES_REJECTED,    /* this mail will never be taken */
    SES_STRANGE,     /* whoever answered is not SES */
    SES_UNREACHABLE, /* no answer */
    SES_STOPPED,     /* the service ends */
    SES_FAILED,      /* a fault of the service, or nothing that says more: this mail again later */
    SES_VERDICTS
};

/* By outcome, code and, where the code alone does not tell, a part of the message. Dead is only a
 * mail that SES itself refused by name; what concerns all mails pauses them all, so that they go
 * out once somebody has acted on the reason. */
enum ses_verdict ses_verdict(const struct call_result *result);

/* Fills `out` accordingly. Nothing of a message of the service is repeated, because it may name
 * addresses. */
void ses_outcome(struct mail_outcome *out, enum ses_verdict verdict,
                 const struct call_result *result);

/* "sent", "rate", "daily", …: a label for metrics. Static. */
const char *ses_verdict_name(enum ses_verdict verdict);

#endif
