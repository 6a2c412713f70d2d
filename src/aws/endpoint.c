#include "aws/endpoint.h"

#include "uri.h"

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

/* Host and port, as they go into the Host header. */
static bool copy_host(const struct uri *uri, struct endpoint *out)
{
    size_t len = uri->host.len + (uri->bracketed ? 2 : 0);
    int own_port = uri->https ? 443 : 80;
    int written = uri->port != 0 && uri->port != own_port
                      ? snprintf(out->host, sizeof out->host, "%.*s:%d", (int)len,
                                 uri->authority.ptr, uri->port)
                      : snprintf(out->host, sizeof out->host, "%.*s", (int)len, uri->authority.ptr);
    for (char *c = out->host; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return written > 0 && (size_t)written < sizeof out->host;
}

/* The parts of scheme://host[:port][/path]. */
static bool split_url(const char *url, struct endpoint *out)
{
    struct uri uri;
    if (!uri_split(url, &uri) || memchr(uri.path.ptr, '?', uri.path.len) != NULL) {
        return false;
    }
    out->tls = uri.https;
    size_t len = uri.path.len;
    while (len > 0 && uri.path.ptr[len - 1] == '/') {
        len--;
    }
    if (len >= sizeof out->path) {
        return false;
    }
    memcpy(out->path, uri.path.ptr, len);
    out->path[len] = '\0';
    return copy_host(&uri, out);
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
