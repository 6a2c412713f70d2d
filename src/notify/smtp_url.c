#include "smtp_url.h"

#include "base/buf.h"
#include "base/num.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static int refuse(char reason[OUTBOX_ERROR_SIZE], const char *why)
{
    snprintf(reason, OUTBOX_ERROR_SIZE,
             "the SMTP server's URL %s; it is smtp://[user:password@]host[:port] or smtps://…",
             why);
    return -1;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The decoded text, or NULL when it is malformed, holds control characters, or memory runs out. */
static char *decode(struct span s)
{
    struct buf out = BUF_INIT;
    buf_reserve(&out, s.len);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                goto bad;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c < ' ' || c == 127)
            goto bad;
        buf_add_char(&out, c);
    }
    return buf_detach(&out);
bad:
    buf_free(&out);
    return NULL;
}

static bool host_is_valid(struct span host)
{
    bool six = host.len > 4 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    for (size_t i = six ? 1 : 0; i < host.len - (six ? 1 : 0); i++) {
        char c = host.ptr[i];
        bool ok = six ? isxdigit((unsigned char)c) || c == ':' || c == '.'
                      : isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
        if (!ok)
            return false;
    }
    return host.len > 0;
}

/* "host" or "host:port" */
static bool authority_is_valid(struct span s)
{
    const char *after_six = s.len > 0 ? memchr(s.ptr, ']', s.len) : NULL;
    const char *from = after_six != NULL ? after_six : s.ptr;
    size_t rest = s.len - (size_t)(from - s.ptr);
    const char *colon = rest > 0 ? memchr(from, ':', rest) : NULL;
    int64_t port = 0;
    if (colon == NULL)
        return host_is_valid(s);
    struct span digits = {colon + 1, s.len - (size_t)(colon + 1 - s.ptr)};
    return num_parse_int(digits, 1, 65535, &port) &&
           host_is_valid((struct span){s.ptr, (size_t)(colon - s.ptr)});
}

static int take_login(struct smtp_url *out, struct span login, char reason[OUTBOX_ERROR_SIZE])
{
    const char *colon = login.len > 0 ? memchr(login.ptr, ':', login.len) : NULL;
    size_t user_len = colon != NULL ? (size_t)(colon - login.ptr) : login.len;
    struct span password = {login.ptr + login.len, 0};
    if (colon != NULL)
        password = (struct span){colon + 1, login.len - user_len - 1};
    out->user = decode((struct span){login.ptr, user_len});
    out->password = decode(password);
    if (out->user == NULL || out->password == NULL)
        return refuse(reason, "has a user or password that is not percent-encoded properly");
    if (out->user[0] == '\0')
        return refuse(reason, "has an empty user");
    return 0;
}

int smtp_url_parse(struct smtp_url *out, const char *text, char reason[OUTBOX_ERROR_SIZE])
{
    *out = (struct smtp_url){.tls = strncasecmp(text, "smtps://", 8) == 0};
    if (!out->tls && strncasecmp(text, "smtp://", 7) != 0)
        return refuse(reason, "begins with neither smtp:// nor smtps://");
    struct span rest = span_of(text + (out->tls ? 8 : 7));
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    const char *at = memrchr(rest.ptr, '@', rest.len);
    struct span host = rest;
    if (at != NULL)
        host = (struct span){at + 1, rest.len - (size_t)(at + 1 - rest.ptr)};
    if (!authority_is_valid(host))
        return refuse(reason, "has no valid host and port");
    if (at != NULL &&
        take_login(out, (struct span){rest.ptr, (size_t)(at - rest.ptr)}, reason) != 0)
        goto fail;
    struct buf url = BUF_INIT;
    buf_addf(&url, "%s://%.*s/", out->tls ? "smtps" : "smtp", (int)host.len, host.ptr);
    out->url = buf_detach(&url);
    if (out->url != NULL)
        return 0;
    refuse(reason, "cannot be kept: out of memory");
fail:
    smtp_url_free(out);
    return -1;
}

void smtp_url_free(struct smtp_url *url)
{
    free(url->url);
    free(url->user);
    if (url->password != NULL)
        explicit_bzero(url->password, strlen(url->password));
    free(url->password);
    *url = (struct smtp_url){0};
}
