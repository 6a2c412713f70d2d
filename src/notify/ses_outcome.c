#include "ses_outcome.h"

#include "base/json.h"

#include <stdio.h>

enum { SECOND_MS = 1000, TEN_MINUTES_MS = 10 * 60 * SECOND_MS };

/* A pause of 0 is the dispatcher's back-off, seconds to minutes: somebody may mend the cause at any
 * time, and asking costs one mail. */
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
    [SES_PAUSED] = {"paused", MAIL_PAUSE, 0,
                    "SES: sending is paused or the account suspended; see SES's account dashboard"},
    [SES_UNVERIFIED] = {"unverified", MAIL_PAUSE, 0,
                        "SES: the sender, or in the sandbox a receiver, is not verified; verify "
                        "it, or leave the sandbox"},
    [SES_DENIED] = {"denied", MAIL_PAUSE, 0,
                    "SES: not allowed; give the role ses:SendEmail, and check region and "
                    "configuration set"},
    [SES_CREDENTIALS] = {"credentials", MAIL_PAUSE, 0, "SES: no credentials that AWS knows"},
    [SES_REJECTED] = {"rejected", MAIL_PERMANENT, 0, "SES: the mail was rejected"},
    [SES_STRANGE] = {"strange", MAIL_PAUSE, 0,
                     "SES: the answer is not one of SES; check AWS_ENDPOINT_URL and proxies"},
    [SES_UNREACHABLE] = {"unreachable", MAIL_PAUSE, 0, "SES: no answer"},
    [SES_STOPPED] = {"stopped", MAIL_PAUSE, 0, "not sent: the service ends"},
    [SES_FAILED] = {"failed", MAIL_TEMPORARY, 0, "SES: the service failed"},
};

const char *ses_verdict_name(enum ses_verdict verdict)
{
    return verdicts[verdict].name;
}

/* By code, and where one code is used for several things by a part of the message. Source: SES v2
 * API reference, SendEmail, errors; SES developer guide, "Amazon SES email sending errors". */
static const struct {
    const char *code;
    const char *message; /* a part of it, in any case; "" fits all */
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
    {"LimitExceeded", "rate", SES_RATE},
    {"LimitExceeded", "", SES_DAILY},
    {"NotFound", "", SES_DENIED},
    {"ConfigurationSetDoesNotExist", "", SES_DENIED},
    {"AccessDenied", "", SES_DENIED},
    {"NotAuthorized", "", SES_DENIED},
    {"UnauthorizedOperation", "", SES_DENIED},
    {"BadRequest", "not verified", SES_UNVERIFIED},
};

static bool says(const struct call_result *result, const char *part)
{
    return strcasestr(result->error->message, part) != NULL;
}

static enum ses_verdict refused(const struct call_result *result)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (errors_same_code(result->error->code, rules[i].code) &&
            says(result, rules[i].message)) {
            return rules[i].verdict;
        }
    }
    if (result->status == 401 || result->status == 403) {
        return SES_DENIED;
    }
    /* An answer that was too large came from somebody who may have sent the mail. */
    if (result->status < 300) {
        return SES_FAILED;
    }
    /* Only SES itself, by a code of its own, can have something against this one mail. */
    if (result->status != 400 || result->reply->error != NET_OK) {
        return SES_STRANGE;
    }
    /* 400 without a code is as likely a fault on the way as one of the mail's. */
    return result->error->code[0] != '\0' ? SES_REJECTED : SES_FAILED;
}

/* A 2xx must at least be a JSON object: a proxy's page is no receipt. */
static enum ses_verdict accepted(const struct call_result *result)
{
    char reason[JSON_REASON_SIZE];
    json_t *answer = json_parse(result->body, reason);
    bool good = json_is_object(answer);
    json_decref(answer);
    return good ? SES_SENT : SES_STRANGE;
}

enum ses_verdict ses_verdict(const struct call_result *result)
{
    switch (result->outcome) {
    case CALL_OK:
        return accepted(result);
    case CALL_THROTTLED:
        return !says(result, "rate") && (says(result, "daily") || says(result, "quota")) ? SES_DAILY
                                                                                         : SES_RATE;
    case CALL_REFUSED:
        return refused(result);
    case CALL_NO_CREDENTIALS:
        return SES_CREDENTIALS;
    case CALL_CANCELLED:
        return SES_STOPPED;
    case CALL_UNAVAILABLE:
    case CALL_DEADLINE:
        return result->status != 0 ? SES_FAILED : SES_UNREACHABLE;
    case CALL_INVALID:
        return SES_UNREACHABLE;
    }
    return SES_FAILED;
}

void ses_outcome(struct mail_outcome *out, enum ses_verdict verdict,
                 const struct call_result *result)
{
    const char *reason = verdicts[verdict].reason;
    const char *code = result->error->code;
    out->result = verdicts[verdict].result;
    out->pause_ms = verdicts[verdict].pause_ms;
    out->kind = verdicts[verdict].name;
    if (verdict == SES_SENT || verdict == SES_STOPPED) {
        snprintf(out->error, sizeof out->error, "%s", reason);
    } else if (result->status != 0) {
        snprintf(out->error, sizeof out->error, "%s (%s%sstatus %d)", reason, code,
                 code[0] != '\0' ? ", " : "", result->status);
    } else { /* nobody answered, so the detail is this machine's own */
        snprintf(out->error, sizeof out->error, "%s: %.160s", reason, result->detail);
    }
}
