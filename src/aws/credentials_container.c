/* Credentials of an ECS task or an EKS pod, from the agent beside the container.
 *
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI wins over _FULL_URI;
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE wins over _TOKEN. In clear only to addresses of this
 * machine or of the agents (uri_is_local()), because the answer is a secret and so is the token. */
#include "exchange.h"
#include "file.h"
#include "provider.h"
#include "uri.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 2000, TRIES = 3, MAX_REPLY = 65536, MAX_URL = 2048, MAX_TOKEN = 16384 };

struct container_provider {
    struct provider provider;
    const struct credentials_config *config;
    struct exchange exchange;
    struct net_header headers[2];
    char url[MAX_URL];
    struct buf token;
    provider_done *done;
    void *context;
};

/* Ends the fetch. */
static void finish(struct container_provider *p, struct credentials *c, const char *reason)
{
    file_wipe(&p->token);
    p->done(p->context, c, reason);
}

static bool find_url(struct container_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    static const char relative_name[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    static const char full_name[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const char *relative = aws_env_get(p->config->env, relative_name);
    if (relative != NULL) {
        int len = snprintf(p->url, sizeof(p->url), "http://169.254.170.2%s", relative);
        if (len < 0 || (size_t)len >= sizeof(p->url) || !uri_path_ok(span_of(relative))) {
            provider_reason(reason, "%s is \"%.80s\": allowed is a path that begins with /",
                            relative_name, relative);
            return false;
        }
        return true;
    }
    const char *full = aws_env_get(p->config->env, full_name);
    struct uri uri;
    if (full == NULL || strlen(full) >= sizeof(p->url) || !uri_split(full, &uri)) {
        provider_reason(reason, "%s is \"%.80s\": not an http:// or https:// address", full_name,
                        full != NULL ? full : "");
        return false;
    }
    if (!uri.https && !uri_is_local(&uri)) {
        provider_reason(reason,
                        "%s is \"%.80s\": http is allowed only to loopback addresses, "
                        "169.254.170.2, 169.254.170.23 and fd00:ec2::23; use https",
                        full_name, full);
        return false;
    }
    memcpy(p->url, full, strlen(full) + 1);
    return true;
}

/* Reads the authorization token, if there is to be one, anew each time: agents rotate it. */
static bool find_token(struct container_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    static const char file_name[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
    static const char token_name[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
    const char *path = aws_env_get(p->config->env, file_name);
    const char *token = aws_env_get(p->config->env, token_name);
    if (path != NULL) {
        int error = file_read(path, MAX_TOKEN, &p->token);
        if (error != 0) {
            provider_reason(reason, "%s: %.120s: %s", file_name, path, strerrordesc_np(error));
            return false;
        }
    } else if (token != NULL) {
        buf_add_str(&p->token, token);
    } else {
        return true;
    }
    const char *name = path != NULL ? file_name : token_name;
    if (buf_failed(&p->token)) {
        provider_reason(reason, "out of memory");
        return false;
    }
    for (size_t i = 0; i < p->token.len; i++) {
        if ((unsigned char)p->token.data[i] < ' ' || p->token.data[i] == 0x7f) {
            provider_reason(reason, "%s holds a line break or another control character", name);
            return false;
        }
    }
    if (p->token.len == 0) {
        provider_reason(reason, "%s is empty", name);
    }
    return p->token.len > 0;
}

/* What the answer holds, or NULL with the reason. */
static struct credentials *read_reply(const struct net_reply *reply,
                                      char reason[CREDENTIALS_REASON_SIZE])
{
    static const struct credentials_format format = {.token_key = "Token"};
    if (reply->error != NET_OK) {
        provider_reason(reason, "%s: %s", net_error_name(reply->error), reply->detail);
        return NULL;
    }
    struct credentials parts;
    json_t *json = NULL;
    char why[CREDENTIALS_REASON_SIZE] = "";
    bool read = credentials_from_json(reply->body, &format, &parts, &json, why);
    if (reply->status != 200) {
        /* The agent's own words when it has some, else what the body is not. */
        provider_reason(reason, "answered %d%s%.240s", reply->status, read ? "" : ": ", why);
        json_decref(json);
        return NULL;
    }
    struct credentials *c = NULL;
    if (read) {
        c = credentials_checked(&parts, why);
    }
    provider_reason(reason, "%s", why);
    json_decref(json);
    return c;
}

static bool judge(void *context, const struct net_reply *reply, bool last)
{
    struct container_provider *p = context;
    char why[CREDENTIALS_REASON_SIZE] = "";
    struct credentials *c = read_reply(reply, why);
    if (c == NULL && !last) {
        return false;
    }
    char reason[CREDENTIALS_REASON_SIZE] = "";
    if (c == NULL) {
        struct uri uri;
        (void)uri_split(p->url, &uri); /* the path of the address may be a secret */
        provider_reason(reason, "%.*s: %.230s", (int)uri.authority.len, uri.authority.ptr, why);
    }
    finish(p, c, reason);
    return true;
}

static void container_fetch(struct provider *provider, provider_done *done, void *context)
{
    struct container_provider *p = (struct container_provider *)provider;
    p->done = done;
    p->context = context;
    char reason[CREDENTIALS_REASON_SIZE] = "";
    if (!find_url(p, reason) || !find_token(p, reason)) {
        finish(p, NULL, reason);
        return;
    }
    p->headers[0] = (struct net_header){"Accept", "application/json"};
    p->headers[1] = (struct net_header){"Authorization", buf_str(&p->token)};
    p->exchange = (struct exchange){
        .transport = p->config->transport,
        .request = {.method = "GET",
                    .url = p->url,
                    .headers = p->headers,
                    .header_count = p->token.len > 0 ? 2 : 1,
                    .connect_timeout_ms = TIMEOUT_MS,
                    .timeout_ms = TIMEOUT_MS,
                    .max_reply = MAX_REPLY,
                    .direct = true}, /* there is a token in it, and keys in the answer */
        .tries = TRIES,
        .pause_us = EXCHANGE_PAUSE_US,
        .judge = judge,
        .context = p,
    };
    exchange_start(&p->exchange);
}

static void container_free(struct provider *provider)
{
    struct container_provider *p = (struct container_provider *)provider;
    file_wipe(&p->token);
    free(p);
}

struct provider *credentials_container_new(const struct credentials_config *config)
{
    static const struct provider_ops ops = {.fetch = container_fetch, .free = container_free};
    struct container_provider *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->provider.ops = &ops;
    p->config = config;
    return &p->provider;
}
