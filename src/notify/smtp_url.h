/* The SMTP server's URL, taken apart. */
#ifndef NOTIFY_SMTP_URL_H
#define NOTIFY_SMTP_URL_H

#include "store/store.h"

struct smtp_url {
    char *url;      /* without user and password */
    char *user;     /* NULL: none */
    char *password; /* "" when there is a user without one */
    bool tls;       /* smtps */
};

/* smtp://[user[:password]@]host[:port][/] or smtps://…, user and password percent-encoded. 0, or -1
 * with one line in `reason`, which never holds the password. Free with smtp_url_free(). */
int smtp_url_parse(struct smtp_url *out, const char *text, char reason[OUTBOX_ERROR_SIZE]);
void smtp_url_free(struct smtp_url *url);

#endif
