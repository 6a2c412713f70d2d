#include "ses_outcome.h"

#include <stdio.h>

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS, TEN_MINUTES_MS = 10 * MINUTE_MS };

static const struct {
    const char *name;
    enum mail_result result;
    int64_t pause_ms;
    const char *reason;
} verdicts[SES_VERDICTS] = {
    [SES_SENT] = {"sent", MAIL_SENT, 0, ""},
    [SES_RATE] = {"rate", MAIL_PAUSE, SECOND_MS, "SES: faster than the account's sending rate"},
    [SES_DAILY] = {"daily", MAIL_PAUSE, TEN_MINUTES_MS,
                   "SES: the account's daily quota is used up; ask AWS for a higher one, or wait"},
    [SES_PAUSED] =
        {"paused", MAIL_PAUSE, TEN_MINUTES_MS,
         "SES: sending is paused or the account suspended; see the account dashboard of SES"},
    [SES_UNVERIFIED] =
        {"unverified", MAIL_PAUSE, TEN_MINUTES_MS,
         "SES: the sender, or in the sandbox a receiver, is not verified; verify it, or leave the "
         "sandbox"},
    [SES_DENIED] =
        {"denied", MAIL_PAUSE, MINUTE_MS,
         "SES: not allowed; give the role ses:SendEmail, and check the configuration set's name"},
    [SES_REJECTED] = {"rejected", MAIL_PERMANENT, 0, "SES: the mail was rejected"},
    [SES_UNREACHABLE] = {"unreachable", MAIL_PAUSE, 0, "SES: no answer"},
    [SES_FAILED] = {"failed", MAIL_TEMPORARY, 0, "SES: the service failed"},
};

const char *ses_verdict_name(enum ses_verdict verdict)
{
    return verdicts[verdict].name;
}

/* By code; MessageRejected says by its message only whether it is about the mail or about an
 * address. Source: SES v2 API reference, SendEmail, errors; SES developer guide, "Amazon SES email
 * sending errors". */
static const struct {
    const char *code;
    const char *message; /* a part of it; "" fits all */
    enum ses_verdict verdict;
} rules[] = {
    {"MessageRejected", "not verified", SES_UNVERIFIED},
    {"MessageRejected", "paused", SES_PAUSED},
    {"MessageRejected", "", SES_REJECTED},
    {"MailFromDomainNotVerified", "", SES_UNVERIFIED},
    {"SendingPaused", "", SES_PAUSED},
    {"AccountSendingPaused", "", SES_PAUSED},
    {"ConfigurationSetSendingPaused", "", SES_PAUSED},
    {"AccountSuspended", "", SES_PAUSED},
    {"LimitExceeded", "", SES_DAILY},
    {"NotFound", "", SES_DENIED},
    {"ConfigurationSetDoesNotExist", "", SES_DENIED},
    {"AccessDenied", "", SES_DENIED},
    {"NotAuthorized", "", SES_DENIED},
    {"UnauthorizedOperation", "", SES_DENIED},
    {"BadRequest", "not verified", SES_UNVERIFIED},
};

static enum ses_verdict refused(const struct call_result *result)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (errors_same_code(result->error->code, rules[i].code) &&
            strcasestr(result->error->message, rules[i].message) != NULL) {
            return rules[i].verdict;
        }
    }
    return result->status == 401 || result->status == 403 ? SES_DENIED : SES_REJECTED;
}

enum ses_verdict ses_verdict(const struct call_result *result)
{
    switch (result->outcome) {
    case CALL_OK:
        return SES_SENT;
    case CALL_THROTTLED:
        return strcasestr(result->error->message, "daily") != NULL ? SES_DAILY : SES_RATE;
    case CALL_REFUSED:
        return refused(result);
    case CALL_NO_CREDENTIALS:
        return SES_DENIED;
    case CALL_UNAVAILABLE:
    case CALL_DEADLINE:
        return result->status != 0 ? SES_FAILED : SES_UNREACHABLE;
    case CALL_CANCELLED:
    case CALL_INVALID:
        return SES_UNREACHABLE;
    }
    return SES_FAILED;
}

void ses_outcome(struct mail_outcome *out, enum ses_verdict verdict,
                 const struct call_result *result)
{
    out->result = verdicts[verdict].result;
    out->pause_ms = verdicts[verdict].pause_ms;
    if (verdict == SES_SENT) {
        out->error[0] = '\0';
        return;
    }
    bool named = result->error->code[0] != '\0';
    snprintf(out->error, sizeof out->error, "%s (%s%s%d)", verdicts[verdict].reason,
             result->error->code, named ? ", status " : "status ", result->status);
}
