/* Mails through an SMTP server, over the transport. At least once: when the process dies between
 * the server's answer and the note of it, the mail is sent again (with the same Message-ID).
 *
 * 4yz replies are MAIL_TEMPORARY, 5yz MAIL_PERMANENT, except those that concern all mails: no
 * connection or greeting, STARTTLS or the login refused, 421 (closing), 454 (a rate or quota is
 * used up), 530, 534, 535 and 538 (the login is missing or wrong), 5yz to MAIL FROM (the sender is
 * refused) unless it is about the message's size or kind: MAIL_PAUSE. A connection that
 * breaks, or a server that falls silent, is MAIL_TEMPORARY when it had spoken, as this very mail
 * may be the cause, else MAIL_PAUSE. A mail to several receivers is one transaction: if one is
 * refused, nobody gets it. At the service's end mails under way have 5 s to finish. */
#ifndef NOTIFY_SMTP_H
#define NOTIFY_SMTP_H

#include "net/transport.h"
#include "notify/mailer.h"
#include "notify/message.h"

/* `url` is smtp://[user:password@]host[:port] or smtps://…, user and password percent-encoded.
 * smtp:// upgrades with STARTTLS when the server offers it, and must when a user is given or
 * `require_tls` is set. NULL with one line in `reason`. Transport, addresses, user and password
 * must outlive the mailer. */
struct smtp_config {
    const char *url;
    const struct mail_addresses *addresses;
    const char *user;     /* with `password`: instead of those in the URL; NULL: the URL's */
    const char *password; /* not NULL when `user` is not */
    bool require_tls;
    size_t concurrency; /* connections side by side, at least 1 */
    int64_t timeout_ms; /* for one mail */
};
struct mailer *smtp_open(const struct smtp_config *config, struct transport *transport,
                         char reason[OUTBOX_ERROR_SIZE]);

#endif
