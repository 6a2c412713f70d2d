#include "settings_forms.h"

#include "base/mail_form.h"
#include "base/num.h"
#include "base/settings.h"

#include <arpa/inet.h>

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* What follows `prefix`, or NULL. */
static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static bool only(const char *text, const char *bytes)
{
    return text[strspn(text, bytes)] == '\0';
}

static bool is_port(const char *text)
{
    int64_t port;
    return num_parse_int(span_of(text), 0, 65535, &port);
}

static bool is_v6_listen(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    const char *close = strstr(text, "]:");
    if (close == NULL || (size_t)(close - text) >= sizeof(address) || !is_port(close + 2)) {
        return false;
    }
    memcpy(address, text, (size_t)(close - text));
    address[close - text] = '\0';
    return inet_pton(AF_INET6, address, bytes) == 1;
}

bool settings_forms_listen(const char *text)
{
    if (text[0] == '[') {
        return is_v6_listen(text + 1);
    }
    size_t host = strspn(text, ALNUM ".-");
    return host > 0 && host <= 253 && text[host] == ':' && is_port(text + host + 1);
}

bool settings_forms_stage(const char *text)
{
    return strlen(text) <= 128 && only(text, ALNUM "_-");
}

bool settings_forms_configuration_set(const char *text)
{
    return strlen(text) <= 64 && only(text, ALNUM "_-");
}

bool settings_forms_store(const char *text)
{
    const char *path = after(text, "sqlite:");
    return strcmp(text, "dynamodb") == 0 || (path != NULL && path[0] != '\0');
}

bool settings_forms_table(const char *text)
{
    return strlen(text) <= 1024 && only(text, ALNUM "_.:/-");
}

bool settings_forms_is_smtp(const char *text)
{
    return after(text, "smtp://") != NULL || after(text, "smtps://") != NULL;
}

bool settings_forms_mail(const char *text)
{
    if (settings_forms_is_smtp(text)) {
        struct mail_form_url url;
        return mail_form_smtp(&url, text) == NULL;
    }
    const char *folder = after(text, "maildir:");
    return strcmp(text, "ses") == 0 || strcmp(text, "none") == 0 ||
           (folder != NULL && folder[0] != '\0');
}

bool settings_forms_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return false;
        }
    }
    return true;
}

/* From the first colon behind the scheme to the last @, so that a password with an unescaped @ or /
 * in it is masked too, and also below a misspelt scheme. */
void settings_mask(struct buf *out, const char *text)
{
    const char *at = strrchr(text, '@');
    const char *scheme = strstr(text, "://");
    const char *user = scheme != NULL ? scheme + 3 : text;
    const char *colon = strchr(user, ':');
    if (at == NULL || colon == NULL || colon > at || after(text, "maildir:") != NULL) {
        buf_add_str(out, text);
        return;
    }
    buf_add(out, text, (size_t)(colon + 1 - text));
    buf_add_span(out, SPAN("********"));
    buf_add_str(out, at);
}
