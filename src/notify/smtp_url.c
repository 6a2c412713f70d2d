#include "smtp_url.h"

#include "base/buf.h"
#include "base/mail_form.h"

#include <stdio.h>
#include <stdlib.h>

static int refuse(char reason[OUTBOX_ERROR_SIZE], const char *why)
{
    snprintf(reason, OUTBOX_ERROR_SIZE,
             "the SMTP server's URL %s; it is smtp://[user:password@]host[:port] or smtps://…",
             why);
    return -1;
}

/* The decoded text, or NULL when memory runs out. */
static char *decode(struct span s)
{
    struct buf out = BUF_INIT;
    buf_reserve(&out, s.len);
    for (size_t i = 0; i < s.len; i++) {
        int byte = mail_form_percent((struct span){s.ptr + i, s.len - i});
        if (byte >= 0) {
            buf_add_char(&out, (char)byte);
            i += 2;
        } else {
            buf_add_char(&out, s.ptr[i]);
        }
    }
    return buf_detach(&out);
}

int smtp_url_parse(struct smtp_url *out, const char *text, char reason[OUTBOX_ERROR_SIZE])
{
    struct mail_form_url parts;
    *out = (struct smtp_url){0};
    const char *wrong = mail_form_smtp(&parts, text);
    if (wrong != NULL) {
        return refuse(reason, wrong);
    }
    struct buf url = BUF_INIT;
    buf_addf(&url, "%s://%.*s/", parts.tls ? "smtps" : "smtp", (int)parts.host.len, parts.host.ptr);
    out->tls = parts.tls;
    out->url = buf_detach(&url);
    if (parts.user.ptr != NULL) {
        out->user = decode(parts.user);
        out->password = decode(parts.password);
    }
    if (out->url != NULL &&
        (parts.user.ptr == NULL || (out->user != NULL && out->password != NULL))) {
        return 0;
    }
    smtp_url_free(out);
    return refuse(reason, "cannot be kept: out of memory");
}

void smtp_url_free(struct smtp_url *url)
{
    free(url->url);
    free(url->user);
    if (url->password != NULL) {
        explicit_bzero(url->password, strlen(url->password));
    }
    free(url->password);
    *url = (struct smtp_url){0};
}
