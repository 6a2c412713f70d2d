#include "host.h"

#include <arpa/inet.h>
#include <ctype.h>

enum { PORT_MAX = 65535 };

static bool is_port(struct span text)
{
    unsigned long port = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!isdigit((unsigned char)text.ptr[i])) {
            return false;
        }
        port = port * 10 + (unsigned long)(text.ptr[i] - '0');
        if (port > PORT_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_encoded(struct span text)
{
    return text.len >= 3 && isxdigit((unsigned char)text.ptr[1]) &&
           isxdigit((unsigned char)text.ptr[2]);
}

static bool is_name(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '%') {
            if (!is_encoded((struct span){text.ptr + i, text.len - i})) {
                return false;
            }
            i += 2;
        } else if (c >= 0x80 ||
                   (!isalnum(c) && (c == '\0' || strchr("-._~!$&'()*+;=", c) == NULL))) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_ipv6(struct span text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    if (text.len >= sizeof copy || memchr(text.ptr, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, &binary) == 1;
}

/* What follows the host: nothing, or a colon and the port. */
static bool is_rest(struct span text)
{
    return text.len == 0 ||
           (text.ptr[0] == ':' && is_port((struct span){text.ptr + 1, text.len - 1}));
}

bool host_valid(struct span text)
{
    if (text.len == 0) {
        return true;
    }
    bool bracketed = text.ptr[0] == '[';
    const char *end = memchr(text.ptr, bracketed ? ']' : ':', text.len);
    if (bracketed && end == NULL) {
        return false;
    }
    size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
    size_t used = bracketed ? len + 1 : len;
    struct span rest = {text.ptr + used, text.len - used};
    bool sound = bracketed ? is_ipv6((struct span){text.ptr + 1, len - 1})
                           : is_name((struct span){text.ptr, len});
    return sound && is_rest(rest);
}
