/* Mails through Amazon SES, API v2: POST /v2/email/outbound-emails with Simple content.
 *
 * Pace: one mail after the other, without bursts, at 80 % of the account's MaxSendRate (each
 * receiver counts), which is asked for at the first mail and then every ten minutes; until it is
 * known, and where that call is denied, one a second. When SES says that it was too fast, slower
 * for a minute. As many mails are under way at once as the pace needs, up to 64.
 *
 * At least once: SES has no idempotency token. Each mail carries its outbox id in a header
 * X-Review-Id.
 *
 * Dead (MAIL_PERMANENT) is only a mail that SES refused by name; what concerns all mails (rate,
 * quota, pause, verification, permission, no answer) is MAIL_PAUSE; faults of the service are
 * MAIL_TEMPORARY. A digest that SES refused is MAIL_TEMPORARY, and each of its reviews then goes
 * alone.
 *
 * Once `stop` is set, send() returns within 3 s and a moment: it starts nothing more, and then
 * stops the client. */
#ifndef NOTIFY_SES_H
#define NOTIFY_SES_H

#include "aws/call.h"
#include "notify/mailer.h"
#include "notify/message.h"

struct ses_config {
    struct call_client *client; /* of aws_service_ses, this mailer's alone; it and all below must
                                   outlive the mailer */
    const struct mail_addresses *addresses;
    struct clock *clock;
    struct metrics *metrics;       /* may be NULL */
    const char *configuration_set; /* [A-Za-z0-9_-], up to 64 bytes; NULL: none; copied */
    const char *tags;   /* "name=value,name=value", [A-Za-z0-9_-] up to 256 bytes each, at most 50;
                           NULL: none; copied */
    double rate;        /* receivers per second; 0: from the account */
    int64_t timeout_ms; /* for one mail with its retries after faults */
    int64_t digest_after_ms; /* when the backlog would take longer than this at the pace, many
                                reviews go in one mail; 0: never */
};

/* NULL with one line in `reason`: bad tags, or out of memory. */
struct mailer *ses_open(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE]);

#endif
