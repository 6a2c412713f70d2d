/* Credentials of a role that is assumed at STS: AssumeRole, signed with other credentials, or
 * AssumeRoleWithWebIdentity with a token from a file, unsigned. The file is read anew each time.
 *
 * What an error means, how long to wait and what the clock is wrong by is decided as for all other
 * calls (errors.h, call_retry.h); only the course is an exchange, because a call (call.h) needs a
 * source of credentials, and this is a part of one. */
#include "aws/endpoint.h"
#include "aws/errors.h"
#include "aws/sigv4.h"
#include "call_retry.h"
#include "exchange.h"
#include "file.h"
#include "provider.h"
#include "xml.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 5000, MAX_REPLY = 65536, MAX_TOKEN = 65536, MAX_HEADERS = 6 };
enum { PLAIN_HEADERS = 2 }; /* those before the signature's */

struct sts_provider {
    struct provider provider;
    const struct credentials_config *config;
    struct credentials_role role; /* its strings are copies */
    struct exchange exchange;
    struct endpoint endpoint;
    char url[ENDPOINT_URL_SIZE + 1];
    struct net_header headers[MAX_HEADERS];
    struct buf body;
    struct sigv4_signature signature;
    struct call_random random;
    int64_t clock_offset_us; /* AWS's clock less ours */
    int64_t signed_us;       /* AWS's time as the last attempt took it to be */
    bool clock_retried;      /* in this fetch */
    provider_done *done;
    void *context;
};

static void clear(struct sts_provider *p)
{
    file_wipe(&p->body);
    sigv4_signature_free(&p->signature);
}

static void finish(struct sts_provider *p, struct credentials *c, const char *reason)
{
    clear(p);
    p->done(p->context, c, reason);
}

static void fail(struct sts_provider *p, const char *why)
{
    char reason[CREDENTIALS_REASON_SIZE];
    provider_reason(reason, "assuming %.100s: %.190s", p->role.role_arn, why);
    finish(p, NULL, reason);
}

static const char *action(const struct sts_provider *p)
{
    return p->role.token_file != NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole";
}

/* --- the answer ----------------------------------------------------------------------------- */

/* Appends the text of one member of the answer's Credentials, NUL included; false when it is
 * missing. */
static bool take_member(const struct sts_provider *p, struct span body, const char *name,
                        struct buf *out)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%sResponse/%sResult/Credentials/%s", action(p), action(p),
                   name);
    bool found = xml_text(body, path, out);
    buf_add_char(out, '\0');
    return found && !buf_failed(out);
}

static struct credentials *read_credentials(const struct sts_provider *p, struct span body,
                                            char reason[CREDENTIALS_REASON_SIZE])
{
    static const char *const names[] = {"AccessKeyId", "SecretAccessKey", "SessionToken",
                                        "Expiration"};
    enum { MEMBERS = sizeof(names) / sizeof(*names) };
    struct buf text = BUF_INIT;
    size_t at[MEMBERS];
    struct credentials *c = NULL;
    bool good = buf_reserve(&text, body.len + MEMBERS); /* so that no copy of a secret is left */
    size_t i = 0;
    for (; good && i < MEMBERS; i++) {
        at[i] = text.len;
        good = take_member(p, body, names[i], &text);
    }
    if (!good) {
        provider_reason(reason, "the answer holds no %s", names[i > 0 ? i - 1 : 0]);
    } else {
        struct credentials parts = {.access_key_id = text.data + at[0],
                                    .secret_access_key = text.data + at[1],
                                    .session_token = text.data + at[2]};
        good = credentials_parse_time(span_of(text.data + at[3]), &parts.expires_us);
        provider_reason(reason, "the answer's Expiration is not a time");
        c = good ? credentials_checked(&parts, reason) : NULL;
    }
    file_wipe(&text);
    return c;
}

/* --- the signature -------------------------------------------------------------------------- */

/* Signs the body anew, unless it goes unsigned. */
static bool sign(void *context)
{
    struct sts_provider *p = context;
    const struct credentials *base = p->role.base;
    p->exchange.request.header_count = PLAIN_HEADERS;
    if (base == NULL) {
        return true;
    }
    p->signed_us = clock_wall_us(p->config->clock) + p->clock_offset_us;
    struct sigv4_signer *signer = sigv4_signer_new();
    char hash[SIGV4_HASH_SIZE];
    struct sigv4_request request = {
        .method = "POST",
        .host = span_of(p->endpoint.host),
        .path = span_of(p->endpoint.path[0] != '\0' ? p->endpoint.path : "/"),
        .headers = p->headers,
        .header_count = PLAIN_HEADERS,
        .payload_hash = hash,
        .region = p->endpoint.region,
        .service = aws_service_sts.signing_name,
        .access_key_id = base->access_key_id,
        .secret_access_key = base->secret_access_key,
        .session_token = base->session_token,
        .wall_us = p->signed_us,
        .style = aws_service_sts.style,
    };
    bool good = signer != NULL && sigv4_payload_hash(signer, buf_span(&p->body), hash) &&
                sigv4_sign(signer, &request, &p->signature) == SIGV4_OK;
    sigv4_signer_free(signer);
    if (!good || p->signature.added_count > MAX_HEADERS - PLAIN_HEADERS) {
        return false;
    }
    memcpy(p->headers + PLAIN_HEADERS, p->signature.added,
           p->signature.added_count * sizeof(*p->headers));
    p->exchange.request.header_count += p->signature.added_count;
    return true;
}

static void explain(const struct aws_error *error, int status, char reason[CREDENTIALS_REASON_SIZE])
{
    if (error->code[0] != '\0') {
        provider_reason(reason, "%.96s: %.190s", error->code, error->message);
    } else {
        provider_reason(reason, "answered %d", status);
    }
}

/* Whether asking again makes sense, and when. */
static bool again(struct sts_provider *p, const struct net_reply *reply,
                  const struct aws_error *error, bool last)
{
    struct exchange *x = &p->exchange;
    if (error->what == AWS_ERROR_CLOCK && p->role.base != NULL && !p->clock_retried &&
        call_correct_clock(&aws_service_sts, reply, clock_wall_us(p->config->clock), p->signed_us,
                           &p->clock_offset_us)) {
        p->clock_retried = true; /* at once, and it does not count */
        x->tries++;
        x->pause_us = 0;
        return true;
    }
    if (last || (error->what != AWS_ERROR_THROTTLE && error->what != AWS_ERROR_TRANSIENT)) {
        return false;
    }
    unsigned failed = aws_service_sts.max_attempts - x->tries + 1;
    x->pause_us = call_backoff_us(&aws_service_sts, error, failed,
                                  net_reply_header(reply, "x-amz-retry-after"), &p->random);
    return true;
}

static bool judge(void *context, const struct net_reply *reply, bool last)
{
    struct sts_provider *p = context;
    char reason[CREDENTIALS_REASON_SIZE] = "";
    if (reply->error == NET_OK && reply->status == 200) {
        struct credentials *c = read_credentials(p, reply->body, reason);
        if (c != NULL) {
            finish(p, c, "");
        } else {
            fail(p, reason);
        }
        return true;
    }
    struct aws_error error;
    errors_read(&aws_service_sts, reply, &error);
    explain(&error, reply->status, reason);
    if (again(p, reply, &error, last)) {
        return false;
    }
    fail(p, reason);
    return true;
}

/* --- the question --------------------------------------------------------------------------- */

static void add_field(struct buf *body, const char *name, struct span value)
{
    buf_addf(body, "&%s=", name);
    sigv4_encode(body, value, false);
}

static void add_session(struct sts_provider *p)
{
    char made[48];
    const char *name = p->role.session_name;
    if (name == NULL) {
        (void)snprintf(made, sizeof(made), "reviewd-%lld",
                       (long long)(clock_wall_us(p->config->clock) / 1000));
        name = made;
    }
    add_field(&p->body, "RoleSessionName", span_of(name));
}

static bool add_token(struct sts_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    struct buf token = BUF_INIT;
    int error = file_read(p->role.token_file, MAX_TOKEN, &token);
    if (error != 0) {
        provider_reason(reason, "%.120s: %s", p->role.token_file, strerrordesc_np(error));
        return false;
    }
    while (token.len > 0 && strchr(" \t\r\n", token.data[token.len - 1]) != NULL) {
        token.len--;
    }
    bool filled = token.len > 0;
    if (filled && buf_reserve(&p->body, 3 * token.len + 64)) {
        add_field(&p->body, "WebIdentityToken", buf_span(&token));
    }
    file_wipe(&token);
    if (!filled) {
        provider_reason(reason, "%.120s is empty", p->role.token_file);
    }
    return filled;
}

static bool make_body(struct sts_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    buf_addf(&p->body, "Action=%s&Version=2011-06-15", action(p));
    add_field(&p->body, "RoleArn", span_of(p->role.role_arn));
    add_session(p);
    if (p->role.duration_seconds != NULL) {
        add_field(&p->body, "DurationSeconds", span_of(p->role.duration_seconds));
    }
    if (p->role.external_id != NULL) {
        add_field(&p->body, "ExternalId", span_of(p->role.external_id));
    }
    if (p->role.token_file != NULL && !add_token(p, reason)) {
        return false;
    }
    if (buf_failed(&p->body)) {
        provider_reason(reason, "out of memory");
        return false;
    }
    return true;
}

static bool find_endpoint(struct sts_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    struct endpoint_settings settings = {
        .env = p->config->env,
        .region = p->config->region,
        .url = p->config->sts_url,
        .profile_region = p->role.region != NULL ? p->role.region : "us-east-1",
    };
    char why[ENDPOINT_REASON_SIZE];
    if (!endpoint_resolve(&settings, &aws_service_sts, &p->endpoint, why)) {
        provider_reason(reason, "%s", why);
        return false;
    }
    (void)snprintf(p->url, sizeof(p->url), "%s%s", p->endpoint.url,
                   p->endpoint.path[0] != '\0' ? "" : "/");
    return true;
}

static void sts_fetch(struct provider *provider, provider_done *done, void *context)
{
    struct sts_provider *p = (struct sts_provider *)provider;
    p->done = done;
    p->context = context;
    char reason[CREDENTIALS_REASON_SIZE];
    if (!find_endpoint(p, reason) || !make_body(p, reason)) {
        fail(p, reason);
        return;
    }
    p->headers[0] =
        (struct net_header){"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"};
    p->headers[1] = (struct net_header){"Accept", "application/xml"};
    p->clock_retried = false;
    p->exchange = (struct exchange){
        .transport = p->config->transport,
        .request = {.method = "POST",
                    .url = p->url,
                    .headers = p->headers,
                    .body = buf_span(&p->body),
                    .connect_timeout_ms = TIMEOUT_MS,
                    .timeout_ms = TIMEOUT_MS,
                    .max_reply = MAX_REPLY},
        .tries = aws_service_sts.max_attempts,
        .prepare = sign,
        .judge = judge,
        .context = p,
    };
    exchange_start(&p->exchange);
}

static void sts_free(struct provider *provider)
{
    struct sts_provider *p = (struct sts_provider *)provider;
    clear(p);
    credentials_unref(p->role.base);
    free((char *)p->role.role_arn);
    free((char *)p->role.session_name);
    free((char *)p->role.external_id);
    free((char *)p->role.duration_seconds);
    free((char *)p->role.token_file);
    free((char *)p->role.region);
    free(p);
}

/* Copies a string; NULL stays NULL. */
static bool copy(const char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return *to != NULL || from == NULL;
}

struct provider *credentials_sts_new(const struct credentials_config *config,
                                     const struct credentials_role *role)
{
    static const struct provider_ops ops = {.fetch = sts_fetch, .free = sts_free};
    struct sts_provider *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->provider.ops = &ops;
    p->config = config;
    p->signature = SIGV4_SIGNATURE_INIT;
    atomic_init(&p->random.state, (uint64_t)provider_random(config, INT64_MAX));
    p->role.base = role->base != NULL ? credentials_ref(role->base) : NULL;
    if (!copy(&p->role.role_arn, role->role_arn) ||
        !copy(&p->role.session_name, role->session_name) ||
        !copy(&p->role.external_id, role->external_id) ||
        !copy(&p->role.duration_seconds, role->duration_seconds) ||
        !copy(&p->role.token_file, role->token_file) || !copy(&p->role.region, role->region)) {
        sts_free(&p->provider);
        return NULL;
    }
    return &p->provider;
}
