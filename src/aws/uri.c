#include "uri.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <strings.h>

static bool path_char(char c)
{
    return c > ' ' && c <= '~' && c != '\\' && c != '#';
}

static bool all_path_chars(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!path_char(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool uri_path_ok(struct span text)
{
    return text.len > 0 && *text.ptr == '/' && all_path_chars(text);
}

static bool name_ok(struct span host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-' || c == '_';
        if (!good) {
            return false;
        }
    }
    return host.len > 0;
}

/* Reads the host's address in `family`; false when it is none. */
static bool address(struct span host, int family, void *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(family, text, out) == 1;
}

/* Takes the host off the authority and leaves what follows it in *rest. */
static bool split_host(struct uri *uri, struct span *rest)
{
    struct span a = uri->authority;
    uri->bracketed = a.len > 0 && *a.ptr == '[';
    if (uri->bracketed) {
        const char *end = memchr(a.ptr, ']', a.len);
        if (end == NULL) {
            return false;
        }
        uri->host = (struct span){a.ptr + 1, (size_t)(end - a.ptr - 1)};
        *rest = (struct span){end + 1, a.len - uri->host.len - 2};
        struct in6_addr ignored;
        return address(uri->host, AF_INET6, &ignored);
    }
    const char *colon = a.len > 0 ? memchr(a.ptr, ':', a.len) : NULL;
    size_t len = colon != NULL ? (size_t)(colon - a.ptr) : a.len;
    uri->host = (struct span){a.ptr, len};
    *rest = (struct span){a.ptr + len, a.len - len};
    return name_ok(uri->host);
}

bool uri_split(const char *text, struct uri *out)
{
    *out = (struct uri){0};
    out->https = strncmp(text, "https://", 8) == 0;
    if (!out->https && strncmp(text, "http://", 7) != 0) {
        return false;
    }
    text += out->https ? 8 : 7;
    size_t len = strcspn(text, "/?#");
    out->authority = (struct span){text, len};
    out->path = span_of(text + len);
    struct span rest;
    if (!all_path_chars(out->path) || !split_host(out, &rest)) {
        return false;
    }
    if (rest.len == 0) {
        return true;
    }
    int64_t port = 0;
    if (*rest.ptr != ':' ||
        !num_parse_int((struct span){rest.ptr + 1, rest.len - 1}, 1, 65535, &port)) {
        return false;
    }
    out->port = (int)port;
    return true;
}

static bool local_v4(struct span host)
{
    struct in_addr v4;
    if (!address(host, AF_INET, &v4)) {
        return false;
    }
    uint32_t bits = ntohl(v4.s_addr);
    return bits >> 24 == 127 || bits == 0xA9FEAA02 /* 169.254.170.2 */ ||
           bits == 0xA9FEAA17 /* 169.254.170.23 */;
}

static bool local_v6(struct span host)
{
    static const struct in6_addr eks = {
        .s6_addr = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x23}};
    struct in6_addr v6;
    return address(host, AF_INET6, &v6) &&
           (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_ARE_ADDR_EQUAL(&v6, &eks));
}

bool uri_is_local(const struct uri *uri)
{
    if (uri->bracketed) {
        return local_v6(uri->host);
    }
    static const char name[] = "localhost";
    bool named = uri->host.len == sizeof(name) - 1 &&
                 strncasecmp(uri->host.ptr, name, sizeof(name) - 1) == 0;
    return named || local_v4(uri->host);
}
