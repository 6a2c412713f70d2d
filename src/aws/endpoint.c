#include "aws/endpoint.h"

#include "base/num.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* AWS's partitions: regions with names of their own for hosts. The first prefix that fits is taken.
 */
static const struct partition {
    const char *region_prefix;
    const char *suffix;
    const char *dual_stack_suffix;
} partitions[] = {
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "amazonaws.com", "api.aws"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"", "amazonaws.com", "api.aws"},
};

static bool fail(char reason[ENDPOINT_REASON_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(char reason[ENDPOINT_REASON_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, ENDPOINT_REASON_SIZE, format, args);
    va_end(args);
    return false;
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL && *a != '\0' ? a : b;
}

/* A region becomes part of a host name, so nothing else may come in with it. */
static bool is_label(const char *text)
{
    size_t len = 0;
    for (; text[len] != '\0'; len++) {
        if (!isalnum((unsigned char)text[len]) && text[len] != '-') {
            return false;
        }
    }
    return len > 0 && len < ENDPOINT_REGION_SIZE && text[0] != '-' && text[len - 1] != '-';
}

bool endpoint_region(const struct endpoint_settings *settings, char out[ENDPOINT_REGION_SIZE],
                     char reason[ENDPOINT_REASON_SIZE])
{
    const char *fallback =
        first_of(aws_env_get(settings->env, "AWS_DEFAULT_REGION"), settings->profile_region);
    const char *region =
        first_of(settings->region, first_of(aws_env_get(settings->env, "AWS_REGION"), fallback));
    if (region == NULL || *region == '\0') {
        return fail(reason, "no AWS region: set AWS_REGION, for example AWS_REGION=eu-west-1");
    }
    if (!is_label(region)) {
        return fail(reason,
                    "AWS region \"%.80s\" is none: only letters, digits and '-', as in eu-west-1",
                    region);
    }
    (void)snprintf(out, ENDPOINT_REGION_SIZE, "%s", region);
    return true;
}

static bool read_switch(const struct endpoint_settings *settings, const char *name, bool *out,
                        char reason[ENDPOINT_REASON_SIZE])
{
    const char *value = aws_env_get(settings->env, name);
    *out = value != NULL && strcasecmp(value, "true") == 0;
    if (value != NULL && !*out && strcasecmp(value, "false") != 0) {
        return fail(reason, "%s is \"%.80s\": must be true or false", name, value);
    }
    return true;
}

/* An address and the name of the setting that it is from. */
struct configured {
    const char *url;
    const char *from;
    char variable[64];
};

static void find_url(const struct endpoint_settings *settings, const struct aws_service *service,
                     bool ignore, struct configured *out)
{
    (void)snprintf(out->variable, sizeof out->variable, "AWS_ENDPOINT_URL_%s", service->setting);
    const struct {
        const char *url;
        const char *from;
    } places[] = {
        {settings->url, "endpoint URL"},
        {ignore ? NULL : aws_env_get(settings->env, out->variable), out->variable},
        {ignore ? NULL : aws_env_get(settings->env, "AWS_ENDPOINT_URL"), "AWS_ENDPOINT_URL"},
        {ignore ? NULL : settings->profile_service_url,
         "endpoint_url of the profile's services section"},
        {ignore ? NULL : settings->profile_url, "endpoint_url of the profile"},
    };
    out->url = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places && out->url == NULL; i++) {
        out->url = first_of(places[i].url, NULL);
        out->from = places[i].from;
    }
}

/* The end of the host at `start`: at its ':', '/' or the text's end; NULL when it is no host. */
static const char *skip_host(const char *start)
{
    bool literal = *start == '['; /* an IPv6 address */
    const char *c = start + literal;
    while (isxdigit((unsigned char)*c) || *c == '.' || (literal && *c == ':') ||
           (!literal && (isalnum((unsigned char)*c) || *c == '-' || *c == '_'))) {
        c++;
    }
    bool empty = c == start + literal;
    if (literal && *c != ']') {
        return NULL;
    }
    return empty ? NULL : c + literal;
}

static bool is_path(const char *text)
{
    static const char marks[] = "-._~%!$&'()*+,;=:@/";
    while (isalnum((unsigned char)*text) || (*text != '\0' && strchr(marks, *text) != NULL)) {
        text++;
    }
    return *text == '\0';
}

/* Host and port, as they go into the Host header. */
static bool copy_host(const char *host, const char *host_end, int64_t port, struct endpoint *out)
{
    size_t len = (size_t)(host_end - host);
    int written = port != 0 && port != (out->tls ? 443 : 80)
                      ? snprintf(out->host, sizeof out->host, "%.*s:%d", (int)len, host, (int)port)
                      : snprintf(out->host, sizeof out->host, "%.*s", (int)len, host);
    for (char *c = out->host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return written > 0 && (size_t)written < sizeof out->host;
}

/* The parts of scheme://host[:port][/path]. */
static bool split_url(const char *url, struct endpoint *out)
{
    out->tls = strncasecmp(url, "https://", 8) == 0;
    if (!out->tls && strncasecmp(url, "http://", 7) != 0) {
        return false;
    }
    const char *host = url + (out->tls ? 8 : 7);
    const char *host_end = skip_host(host);
    if (host_end == NULL) {
        return false;
    }
    const char *path = host_end;
    int64_t port = 0;
    if (*path == ':') {
        path += 1 + strcspn(path + 1, "/");
        struct span digits = {host_end + 1, (size_t)(path - host_end - 1)};
        if (!num_parse_int(digits, 1, 65535, &port)) {
            return false;
        }
    }
    size_t path_len = strlen(path);
    while (path_len > 0 && path[path_len - 1] == '/') {
        path_len--;
    }
    if ((*path != '\0' && *path != '/') || !is_path(path) || path_len >= sizeof out->path) {
        return false;
    }
    memcpy(out->path, path, path_len);
    out->path[path_len] = '\0';
    return copy_host(host, host_end, port, out);
}

static void own_host(const struct aws_service *service, bool fips, bool dual_stack,
                     struct endpoint *out)
{
    const struct partition *p = partitions;
    while (strncmp(out->region, p->region_prefix, strlen(p->region_prefix)) != 0) {
        p++;
    }
    bool plain = !fips || (service->plain_gov_fips && !dual_stack &&
                           strncmp(out->region, "us-gov-", 7) == 0);
    out->tls = true;
    out->path[0] = '\0';
    (void)snprintf(out->host, sizeof out->host, "%s%s.%s.%s", service->host_prefix,
                   plain ? "" : "-fips", out->region,
                   dual_stack ? p->dual_stack_suffix : p->suffix);
}

bool endpoint_resolve(const struct endpoint_settings *settings, const struct aws_service *service,
                      struct endpoint *out, char reason[ENDPOINT_REASON_SIZE])
{
    bool ignore = false;
    bool fips = false;
    bool dual_stack = false;
    struct configured configured = {0};
    memset(out, 0, sizeof *out);
    if (!endpoint_region(settings, out->region, reason) ||
        !read_switch(settings, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", &ignore, reason) ||
        !read_switch(settings, "AWS_USE_FIPS_ENDPOINT", &fips, reason) ||
        !read_switch(settings, "AWS_USE_DUALSTACK_ENDPOINT", &dual_stack, reason)) {
        return false;
    }
    find_url(settings, service, ignore, &configured);
    out->custom = configured.url != NULL;
    if (out->custom && (fips || dual_stack)) {
        return fail(reason, "%s cannot be used together with %s: unset one of them",
                    configured.from, fips ? "AWS_USE_FIPS_ENDPOINT" : "AWS_USE_DUALSTACK_ENDPOINT");
    }
    if (!out->custom) {
        own_host(service, fips, dual_stack, out);
    } else if (!split_url(configured.url, out)) {
        /* It may hold a password, so it is not repeated whole. */
        return fail(reason,
                    "%s must be http:// or https://, a host, and if need be :port and /path, as in "
                    "http://127.0.0.1:8000; it has no user, query or fragment",
                    configured.from);
    }
    (void)snprintf(out->url, sizeof out->url, "%s://%s%s", out->tls ? "https" : "http", out->host,
                   out->path);
    return true;
}
