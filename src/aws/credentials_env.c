/* Credentials from environment variables, and the provider whose result is fixed. */
#include "provider.h"

#include <stdlib.h>

struct env_provider {
    struct provider provider;
    const struct credentials_config *config;
};

static struct credentials *read_env(const struct credentials_config *config,
                                    char reason[CREDENTIALS_REASON_SIZE])
{
    struct credentials parts = {
        .access_key_id = aws_env_get(config->env, "AWS_ACCESS_KEY_ID"),
        .secret_access_key = aws_env_get(config->env, "AWS_SECRET_ACCESS_KEY"),
        .session_token = aws_env_get(config->env, "AWS_SESSION_TOKEN"),
        .expires_us = INT64_MAX,
    };
    if (parts.access_key_id == NULL || parts.secret_access_key == NULL) {
        provider_reason(reason,
                        "%s is not set: both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
                        "must be, or neither",
                        parts.access_key_id == NULL ? "AWS_ACCESS_KEY_ID"
                                                    : "AWS_SECRET_ACCESS_KEY");
        return NULL;
    }
    const char *expiry = aws_env_get(config->env, "AWS_CREDENTIAL_EXPIRATION");
    if (expiry != NULL && !credentials_parse_time(span_of(expiry), &parts.expires_us)) {
        provider_reason(reason,
                        "AWS_CREDENTIAL_EXPIRATION is \"%.40s\": allowed is a time such as "
                        "2025-11-28T11:16:31Z",
                        expiry);
        return NULL;
    }
    return credentials_checked(&parts, reason);
}

static void env_fetch(struct provider *p, provider_done *done, void *context)
{
    char reason[CREDENTIALS_REASON_SIZE] = "";
    struct credentials *c = read_env(((struct env_provider *)p)->config, reason);
    done(context, c, reason);
}

static void env_free(struct provider *p)
{
    free(p);
}

struct provider *credentials_env_new(const struct credentials_config *config)
{
    static const struct provider_ops ops = {.fetch = env_fetch, .free = env_free};
    struct env_provider *p = malloc(sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    *p = (struct env_provider){.provider = {&ops}, .config = config};
    return &p->provider;
}

struct fixed_provider {
    struct provider provider;
    struct credentials *credentials;
    char reason[CREDENTIALS_REASON_SIZE];
};

static void fixed_fetch(struct provider *p, provider_done *done, void *context)
{
    struct fixed_provider *fixed = (struct fixed_provider *)p;
    char reason[CREDENTIALS_REASON_SIZE];
    memcpy(reason, fixed->reason, sizeof(reason)); /* `done` may free the provider */
    struct credentials *c = fixed->credentials != NULL ? credentials_ref(fixed->credentials) : NULL;
    done(context, c, reason);
}

static void fixed_free(struct provider *p)
{
    credentials_unref(((struct fixed_provider *)p)->credentials);
    free(p);
}

struct provider *credentials_fixed_new(struct credentials *c, const char *reason)
{
    static const struct provider_ops ops = {.fetch = fixed_fetch, .free = fixed_free};
    struct fixed_provider *p = malloc(sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    *p = (struct fixed_provider){.provider = {&ops}};
    p->credentials = c != NULL ? credentials_ref(c) : NULL;
    provider_reason(p->reason, "%s", c == NULL ? reason : "");
    return &p->provider;
}
