/* Credentials of an EC2 instance's role, from its metadata service.
 *
 * Version 2: a token by PUT, then the role's name, then its credentials. The token request falls
 * back to version 1 on 403, 404, 405 and on a timeout, unless AWS_EC2_METADATA_V1_DISABLED; 400 is
 * final. The timeout is what a container sees when the instance's hop limit is 1: the answer's
 * packets die on the bridge, so the error text says so.
 *
 * When the service cannot renew the role's credentials it answers with the old ones. Those are then
 * used beyond their expiry for 15 minutes and 2 to 10 more by chance: AWS extends them on its side
 * too. */
#include "base/log.h"
#include "base/num.h"
#include "exchange.h"
#include "file.h"
#include "provider.h"
#include "uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { MAX_REPLY = 65536, MAX_URL = 1024, MAX_BASE = 512, MAX_ROLE = 128, MAX_TOKEN = 1024 };

#define SECOND_US ((int64_t)1000000)
#define STALE_US  (SECOND_US * 60 * 15)
#define MINUTE_US (SECOND_US * 60)
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define HOP_HINT                                                                                   \
    "no answer to the token request: in a container the instance's hop limit must be 2 "           \
    "(http-put-response-hop-limit)"

struct imds_provider {
    struct provider provider;
    const struct credentials_config *config;
    struct exchange exchange;
    struct net_header header;
    char base[MAX_BASE];
    char url[MAX_URL];
    char role[MAX_ROLE + 1];
    struct buf token; /* empty: version 1 */
    bool unanswered;  /* the token request timed out */
    provider_done *done;
    void *context;
};

static void finish(struct imds_provider *p, struct credentials *c, const char *reason)
{
    file_wipe(&p->token);
    p->done(p->context, c, reason);
}

/* Ends the fetch with what went wrong, where, and the hint about the hop limit when it fits. */
static void fail(struct imds_provider *p, const char *what)
{
    char reason[CREDENTIALS_REASON_SIZE];
    provider_reason(reason, "%.60s: %.130s%s%s", p->base, what, p->unanswered ? "; " : "",
                    p->unanswered ? HOP_HINT : "");
    finish(p, NULL, reason);
}

static const char *describe(const struct net_reply *reply, char out[CREDENTIALS_REASON_SIZE])
{
    if (reply->error != NET_OK) {
        provider_reason(out, "%s: %s", net_error_name(reply->error), reply->detail);
    } else {
        provider_reason(out, "answered %d", reply->status);
    }
    return out;
}

/* --- step 3: the credentials ---------------------------------------------------------------- */

/* Uses stale credentials beyond their time rather than none, and asks again soon. */
static void extend(struct imds_provider *p, struct credentials *parts, int64_t *refresh_us)
{
    int64_t now = clock_wall_us(p->config->clock);
    int64_t left = parts->expires_us - now;
    *refresh_us = INT64_MAX;
    if (left > STALE_US) {
        return;
    }
    if (left > 0) {
        /* Perhaps only not renewed yet: look again while they are still valid for sure. */
        *refresh_us = now + (left / 2 > MINUTE_US ? left / 2 : MINUTE_US);
    }
    parts->expires_us =
        now + STALE_US + MINUTE_US * 2 + provider_random(p->config, MINUTE_US * 8 + 1);
    log_warn("instance metadata gives credentials that are about to expire; using them longer",
             LOG_INT("left_s", left / SECOND_US),
             LOG_INT("used_for_s", (parts->expires_us - now) / SECOND_US));
}

static struct credentials *read_credentials(struct imds_provider *p, struct span body,
                                            char reason[CREDENTIALS_REASON_SIZE])
{
    static const struct credentials_format format = {.token_key = "Token", .must_expire = true};
    struct credentials parts;
    json_t *json = NULL;
    if (!credentials_from_json(body, &format, &parts, &json, reason)) {
        return NULL;
    }
    int64_t refresh_us;
    extend(p, &parts, &refresh_us);
    struct credentials *c = credentials_checked(&parts, reason);
    if (c != NULL) {
        credentials_set_refresh(c, refresh_us);
    }
    json_decref(json);
    return c;
}

static bool judge_credentials(void *context, const struct net_reply *reply, bool last)
{
    struct imds_provider *p = context;
    char reason[CREDENTIALS_REASON_SIZE] = "";
    struct credentials *c = NULL;
    if (reply->error == NET_OK && reply->status == 200) {
        c = read_credentials(p, reply->body, reason);
    } else {
        (void)describe(reply, reason);
    }
    if (c != NULL) {
        finish(p, c, "");
        return true;
    }
    if (last) {
        fail(p, reason);
    }
    return last;
}

/* --- step 2: the role's name ---------------------------------------------------------------- */

typedef bool judge_fn(void *context, const struct net_reply *reply, bool last);

/* Asks for base + ROLE_PATH + role, with the token when there is one. */
static void ask(struct imds_provider *p, const char *role, judge_fn *judge)
{
    int64_t timeout_s = 1;
    int64_t attempts = 1;
    const char *timeout = aws_env_get(p->config->env, "AWS_METADATA_SERVICE_TIMEOUT");
    const char *tries = aws_env_get(p->config->env, "AWS_METADATA_SERVICE_NUM_ATTEMPTS");
    if (timeout != NULL && !num_parse_int(span_of(timeout), 1, 60, &timeout_s)) {
        fail(p, "AWS_METADATA_SERVICE_TIMEOUT must be a number of seconds from 1 to 60");
        return;
    }
    if (tries != NULL && !num_parse_int(span_of(tries), 1, 10, &attempts)) {
        fail(p, "AWS_METADATA_SERVICE_NUM_ATTEMPTS must be a number from 1 to 10");
        return;
    }
    bool put = role == NULL;
    (void)snprintf(p->url, sizeof(p->url), "%s%s%s", p->base, put ? "/latest/api/token" : ROLE_PATH,
                   put ? "" : role);
    p->header = put ? (struct net_header){"x-aws-ec2-metadata-token-ttl-seconds", "21600"}
                    : (struct net_header){"x-aws-ec2-metadata-token", buf_str(&p->token)};
    p->exchange = (struct exchange){
        .transport = p->config->transport,
        .request = {.method = put ? "PUT" : "GET",
                    .url = p->url,
                    .headers = &p->header,
                    .header_count = put || p->token.len > 0 ? 1 : 0,
                    .connect_timeout_ms = timeout_s * 1000,
                    .timeout_ms = timeout_s * 1000,
                    .max_reply = MAX_REPLY,
                    .direct = true}, /* a proxy would ask its own instance, and see the keys */
        .tries = (unsigned)attempts,
        .pause_us = EXCHANGE_PAUSE_US,
        .judge = judge,
        .context = p,
    };
    exchange_start(&p->exchange);
}

/* The first line of the list; false when it cannot be the name of a role. */
static bool take_role(struct imds_provider *p, struct span body)
{
    size_t len = 0;
    while (len < body.len && body.ptr[len] != '\n' && body.ptr[len] != '\r') {
        char c = body.ptr[len++];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != '\0' && strchr("+=,.@_-", c) != NULL);
        if (!good || len > MAX_ROLE) {
            return false;
        }
    }
    if (len > 0) {
        memcpy(p->role, body.ptr, len);
    }
    p->role[len] = '\0';
    return len > 0;
}

static const char *explain_role(const struct imds_provider *p, const struct net_reply *reply,
                                char out[CREDENTIALS_REASON_SIZE])
{
    if (reply->error == NET_OK && reply->status == 404) {
        return "the instance has no role attached (404)";
    }
    if (reply->error == NET_OK && reply->status == 401 && p->token.len == 0) {
        return "the instance requires a token (401), but the token request gave none";
    }
    if (reply->error == NET_OK && reply->status == 200) {
        return "the list of roles does not begin with a role's name";
    }
    return describe(reply, out);
}

static bool judge_role(void *context, const struct net_reply *reply, bool last)
{
    struct imds_provider *p = context;
    if (reply->error == NET_OK && reply->status == 200 && take_role(p, reply->body)) {
        ask(p, p->role, judge_credentials);
        return true;
    }
    if (last) {
        char reason[CREDENTIALS_REASON_SIZE];
        fail(p, explain_role(p, reply, reason));
    }
    return last;
}

/* --- step 1: the token ---------------------------------------------------------------------- */

static bool token_ok(struct span token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] <= ' ' || token.ptr[i] > '~') {
            return false;
        }
    }
    return token.len > 0 && token.len <= MAX_TOKEN;
}

static bool may_fall_back(const struct net_reply *reply)
{
    return reply->error == NET_TIMEOUT ||
           (reply->error == NET_OK &&
            (reply->status == 403 || reply->status == 404 || reply->status == 405));
}

static bool judge_token(void *context, const struct net_reply *reply, bool last)
{
    struct imds_provider *p = context;
    p->unanswered = reply->error == NET_TIMEOUT;
    if (reply->error == NET_OK && reply->status == 200) {
        bool good = token_ok(reply->body);
        buf_add_span(&p->token, good ? reply->body : SPAN(""));
        if (!good || buf_failed(&p->token)) {
            fail(p, good ? "out of memory" : "the token is empty or not printable");
        } else {
            ask(p, "", judge_role);
        }
        return true;
    }
    char reason[CREDENTIALS_REASON_SIZE];
    if (may_fall_back(reply)) {
        if (provider_env_true(p->config->env, "AWS_EC2_METADATA_V1_DISABLED")) {
            char what[CREDENTIALS_REASON_SIZE];
            provider_reason(reason, "no token (%.90s), and version 1 is disabled",
                            describe(reply, what));
            fail(p, reason);
        } else {
            ask(p, "", judge_role);
        }
        return true;
    }
    bool final = last || (reply->error == NET_OK && reply->status == 400);
    if (final) {
        char what[CREDENTIALS_REASON_SIZE];
        provider_reason(reason, "no token: %s", describe(reply, what));
        fail(p, reason);
    }
    return final;
}

/* Where the service is; false with the reason. */
static bool find_base(struct imds_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    const char *endpoint = aws_env_get(p->config->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = aws_env_get(p->config->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    bool v6 = mode != NULL && strcasecmp(mode, "IPv6") == 0;
    struct uri uri;
    if (endpoint != NULL && (!uri_split(endpoint, &uri) || strlen(endpoint) >= MAX_BASE)) {
        provider_reason(reason,
                        "AWS_EC2_METADATA_SERVICE_ENDPOINT is \"%.80s\": not an http:// or "
                        "https:// address",
                        endpoint);
        return false;
    }
    if (endpoint == NULL && mode != NULL && !v6 && strcasecmp(mode, "IPv4") != 0) {
        provider_reason(
            reason, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is \"%.40s\": allowed is IPv4 or IPv6",
            mode);
        return false;
    }
    if (endpoint == NULL) {
        endpoint = v6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
    }
    size_t len = strlen(endpoint);
    while (len > 0 && endpoint[len - 1] == '/') {
        len--;
    }
    memcpy(p->base, endpoint, len);
    p->base[len] = '\0';
    return true;
}

static void imds_fetch(struct provider *provider, provider_done *done, void *context)
{
    struct imds_provider *p = (struct imds_provider *)provider;
    p->done = done;
    p->context = context;
    p->unanswered = false;
    char reason[CREDENTIALS_REASON_SIZE];
    if (provider_env_true(p->config->env, "AWS_EC2_METADATA_DISABLED")) {
        finish(p, NULL, "instance metadata is disabled by AWS_EC2_METADATA_DISABLED");
    } else if (!find_base(p, reason)) {
        finish(p, NULL, reason);
    } else {
        ask(p, NULL, judge_token);
    }
}

static void imds_free(struct provider *provider)
{
    struct imds_provider *p = (struct imds_provider *)provider;
    file_wipe(&p->token);
    free(p);
}

struct provider *credentials_imds_new(const struct credentials_config *config)
{
    static const struct provider_ops ops = {.fetch = imds_fetch, .free = imds_free};
    struct imds_provider *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->provider.ops = &ops;
    p->config = config;
    return &p->provider;
}
