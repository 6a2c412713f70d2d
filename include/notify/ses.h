/* Mails through Amazon SES, API v2: POST /v2/email/outbound-emails with Simple content.
 *
 * Pace: one mail after the other, without bursts, at 80 % of the account's MaxSendRate (each
 * receiver counts), which is asked for at the first mail and then every ten minutes; where that
 * call is denied, at `rate`, or 1 a second. As many mails are under way at once as the pace needs.
 *
 * At least once: SES has no idempotency token. Each mail carries its outbox id in a header
 * X-Review-Id. */
#ifndef NOTIFY_SES_H
#define NOTIFY_SES_H

#include "aws/call.h"
#include "notify/mailer.h"
#include "notify/message.h"

struct ses_config {
    struct call_client *client; /* of aws_service_ses; this and all below must outlive the mailer */
    const struct mail_addresses *addresses;
    struct clock *clock;
    struct metrics *metrics;       /* may be NULL */
    const char *configuration_set; /* NULL: none */
    const char *tags; /* "name=value,name=value", [A-Za-z0-9_-] up to 256 bytes each; NULL: none */
    double rate;      /* receivers per second; 0: from the account */
    int64_t timeout_ms;      /* for one mail with its retries */
    int64_t digest_after_ms; /* when the backlog would take longer than this at the pace, many
                                reviews go in one mail; 0: never */
};

/* NULL with one line in `reason`. */
struct mailer *ses_open(const struct ses_config *config, char reason[OUTBOX_ERROR_SIZE]);

#endif
