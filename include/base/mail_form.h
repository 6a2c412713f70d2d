/* The forms of what says where mails go: addresses, and the URL of an SMTP server. Here, because
 * the settings refuse at the start what the senders of mails could not use. Pure functions. */
#ifndef BASE_MAIL_FORM_H
#define BASE_MAIL_FORM_H

#include "base/span.h"

enum { MAIL_FORM_ADDRESSES_MAX = 50 }; /* SES's limit for one message */

/* local@domain in ASCII (a domain with other letters is written in Punycode), without control
 * characters, blanks, quotes or brackets, at most 254 bytes. */
bool mail_form_address(struct span address);

/* Cuts the next part off a list separated by commas, without the blanks and tabs around it; *list
 * is NULL after the last one, and must not be NULL before. */
struct span mail_form_next(const char **list);

/* One address, blanks around it ignored, and 1 to MAIL_FORM_ADDRESSES_MAX of them, separated by
 * commas. */
bool mail_form_one_address(const char *text);
bool mail_form_addresses(const char *list);

/* smtp://[user[:password]@]host[:port][/] or smtps://…, taken apart; spans into the text. */
struct mail_form_url {
    bool tls;             /* smtps */
    struct span host;     /* with the port, when there is one */
    struct span user;     /* percent-encoded as the password; ptr NULL: no login */
    struct span password; /* empty when there is none */
};

/* NULL, or what is wrong with it, to be read after "the URL …"; then *out is undefined. What is
 * accepted has a port from 1 to 65535, or none, and a login that can be decoded into text without
 * control characters. */
const char *mail_form_smtp(struct mail_form_url *out, const char *text);

/* The byte that %XX at the beginning of `text` stands for, or -1. */
int mail_form_percent(struct span text);

#endif
