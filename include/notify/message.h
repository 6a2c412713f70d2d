/* The mail about a Positive review: addresses, subject, body, and its RFC 5322 form. Pure
 * functions. */
#ifndef NOTIFY_MESSAGE_H
#define NOTIFY_MESSAGE_H

#include "base/buf.h"
#include "base/mail_form.h"
#include "store/store.h"

enum { MAIL_RECEIVERS_MAX = MAIL_FORM_ADDRESSES_MAX };

/* Sender and receivers as bare addresses (local@domain). */
struct mail_addresses {
    char *sender;
    char *receivers[MAIL_RECEIVERS_MAX];
    size_t receiver_count;
};

/* Parses SENDER_EMAIL and RECEIVER_EMAIL (several separated by commas, blanks around them ignored).
 * Each is checked with mail_form_address(). 0, or -1 with one line in `reason` that names which is
 * wrong; then nothing is to be freed. Free with mail_addresses_free(). */
int mail_addresses_parse(struct mail_addresses *out, const char *sender, const char *receivers,
                         char reason[OUTBOX_ERROR_SIZE]);
void mail_addresses_free(struct mail_addresses *addresses);

/* "[Positive] Review from <user_name>" and "Review: <review>", plain UTF-8, as the reference gives
 * them to SES. In the subject every control character and invalid byte of user_name is replaced by
 * U+FFFD. Each appends; the caller checks buf_failed(). */
void message_subject(struct buf *out, const struct item *item);
void message_text(struct buf *out, const struct item *item);

/* The whole message with CRLF line ends: Date (of the review), From, To, Message-ID (from the
 * outbox id and the sender's domain, the same at each attempt), Subject (RFC 2047 when not ASCII or
 * too long), MIME headers, Auto-Submitted, and the body in quoted-printable or base64, whichever is
 * shorter. In the body each line end (LF, CR, CRLF) becomes CRLF, and a last CRLF is added. No line
 * is over 998 bytes; no byte of user_name or review can start a header. Appends; the caller checks
 * buf_failed(). */
void message_rfc5322(struct buf *out, const struct outbox_entry *entry,
                     const struct mail_addresses *addresses);

#endif
