#include "base/mail_form.h"

#include "base/num.h"

#include <ctype.h>
#include <strings.h>

enum { LOCAL_MAX = 64, ADDRESS_MAX = 254 }; /* RFC 5321 */

static bool local_is_valid(struct span local)
{
    if (local.len == 0 || local.len > LOCAL_MAX || local.ptr[0] == '.' ||
        local.ptr[local.len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < local.len; i++) {
        char c = local.ptr[i];
        if (c <= ' ' || c > '~' || strchr("()<>[]:;@\\,\"", c) != NULL) {
            return false;
        }
        if (c == '.' && local.ptr[i + 1] == '.') {
            return false;
        }
    }
    return true;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool domain_is_valid(struct span domain)
{
    bool label = false; /* the last character ended no label */
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        if (c == '.' ? !label : !(is_letter_or_digit(c) || (c == '-' && label))) {
            return false;
        }
        label = c != '.';
    }
    return label && domain.ptr[domain.len - 1] != '-';
}

bool mail_form_address(struct span address)
{
    const char *at = address.len > 0 ? memchr(address.ptr, '@', address.len) : NULL;
    if (at == NULL || address.len > ADDRESS_MAX) {
        return false;
    }
    size_t local = (size_t)(at - address.ptr);
    return local_is_valid((struct span){address.ptr, local}) &&
           domain_is_valid((struct span){at + 1, address.len - local - 1});
}

struct span mail_form_next(const char **list)
{
    const char *part = *list;
    size_t len = strcspn(part, ",");
    *list = part[len] != '\0' ? part + len + 1 : NULL;
    return span_trim((struct span){part, len});
}

bool mail_form_one_address(const char *text)
{
    return mail_form_address(span_trim(span_of(text)));
}

bool mail_form_addresses(const char *list)
{
    size_t count = 0;
    while (list != NULL) {
        if (!mail_form_address(mail_form_next(&list)) || ++count > MAIL_FORM_ADDRESSES_MAX) {
            return false;
        }
    }
    return true;
}

static bool host_is_valid(struct span host)
{
    bool six = host.len > 4 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    for (size_t i = six ? 1 : 0; i < host.len - (six ? 1 : 0); i++) {
        char c = host.ptr[i];
        bool ok = six ? isxdigit((unsigned char)c) || c == ':' || c == '.'
                      : isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
        if (!ok) {
            return false;
        }
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
    if (colon == NULL) {
        return host_is_valid(s);
    }
    struct span digits = {colon + 1, s.len - (size_t)(colon + 1 - s.ptr)};
    return num_parse_int(digits, 1, 65535, &port) &&
           host_is_valid((struct span){s.ptr, (size_t)(colon - s.ptr)});
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int mail_form_percent(struct span text)
{
    int high = text.len >= 3 && text.ptr[0] == '%' ? hex_value(text.ptr[1]) : -1;
    int low = high >= 0 ? hex_value(text.ptr[2]) : -1;
    return low >= 0 ? high * 16 + low : -1;
}

static bool is_encoded(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        int c = (unsigned char)s.ptr[i];
        if (c == '%') {
            c = mail_form_percent((struct span){s.ptr + i, s.len - i});
            i += 2;
        }
        if (c < ' ' || c == 127) {
            return false;
        }
    }
    return true;
}

static const char *take_login(struct mail_form_url *out, struct span login)
{
    const char *colon = login.len > 0 ? memchr(login.ptr, ':', login.len) : NULL;
    size_t user_len = colon != NULL ? (size_t)(colon - login.ptr) : login.len;
    out->user = (struct span){login.ptr, user_len};
    out->password = (struct span){login.ptr + login.len, 0};
    if (colon != NULL) {
        out->password = (struct span){colon + 1, login.len - user_len - 1};
    }
    if (user_len == 0) {
        return "has an empty user";
    }
    return is_encoded(login) ? NULL : "has a user or password that is not percent-encoded properly";
}

const char *mail_form_smtp(struct mail_form_url *out, const char *text)
{
    *out = (struct mail_form_url){.tls = strncasecmp(text, "smtps://", 8) == 0};
    if (!out->tls && strncasecmp(text, "smtp://", 7) != 0) {
        return "begins with neither smtp:// nor smtps://";
    }
    struct span rest = span_of(text + (out->tls ? 8 : 7));
    if (rest.len > 0 && rest.ptr[rest.len - 1] == '/') {
        rest.len--;
    }
    const char *at = memrchr(rest.ptr, '@', rest.len);
    out->host = rest;
    if (at != NULL) {
        out->host = (struct span){at + 1, rest.len - (size_t)(at + 1 - rest.ptr)};
    }
    if (!authority_is_valid(out->host)) {
        return "has no valid host and port";
    }
    return at != NULL ? take_login(out, (struct span){rest.ptr, (size_t)(at - rest.ptr)}) : NULL;
}
