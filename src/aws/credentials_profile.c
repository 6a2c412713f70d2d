/* Credentials of a profile: its keys, its program, or roles assumed one after the other.
 *
 * The files are read anew at each fetch. A profile with role_arn names where its first credentials
 * come from: web_identity_token_file, credential_source or source_profile, which may assume a role
 * itself, and so on. The way down is found first, without I/O beyond the files; then the first
 * credentials are fetched, and then the roles are assumed on the way up. */
#include "profiles.h"
#include "provider.h"

#include <stdlib.h>

enum { MAX_CHAIN = 8 };

struct profile_provider {
    struct provider provider;
    const struct credentials_config *config;
    char *name;
    /* Of the fetch that is under way: */
    struct profiles files;
    const char
        *chain[MAX_CHAIN]; /* the profiles whose roles are to be assumed, the last one first */
    size_t roles;
    struct provider *step;
    provider_done *done;
    void *context;
};

static void finish(struct profile_provider *p, struct credentials *c, const char *reason)
{
    profiles_free(&p->files);
    p->roles = 0;
    p->done(p->context, c, reason);
}

static void fail(struct profile_provider *p, const char *why)
{
    char reason[CREDENTIALS_REASON_SIZE];
    provider_reason(reason, "profile \"%.60s\": %s", p->name, why);
    finish(p, NULL, reason);
}

static const char *get(const struct profile_provider *p, const char *profile, const char *key)
{
    return profiles_get(&p->files, profile, key);
}

static struct credentials_role role_of(const struct profile_provider *p, const char *profile)
{
    return (struct credentials_role){
        .role_arn = get(p, profile, "role_arn"),
        .session_name = get(p, profile, "role_session_name"),
        .external_id = get(p, profile, "external_id"),
        .duration_seconds = get(p, profile, "duration_seconds"),
        .region = get(p, profile, "region"),
    };
}

/* --- the way down --------------------------------------------------------------------------- */

static struct provider *keys_of(struct profile_provider *p, const char *profile,
                                char reason[CREDENTIALS_REASON_SIZE])
{
    struct credentials parts = {
        .access_key_id = get(p, profile, "aws_access_key_id"),
        .secret_access_key = get(p, profile, "aws_secret_access_key"),
        .session_token = get(p, profile, "aws_session_token"),
        .expires_us = INT64_MAX,
    };
    if (parts.access_key_id == NULL || parts.secret_access_key == NULL) {
        provider_reason(reason,
                        "\"%.60s\" has only one of aws_access_key_id and "
                        "aws_secret_access_key",
                        profile);
        return NULL;
    }
    struct credentials *c = credentials_checked(&parts, reason);
    if (c == NULL) {
        return NULL;
    }
    struct provider *fixed = credentials_fixed_new(c, NULL);
    credentials_unref(c);
    return fixed;
}

/* Where a profile that assumes no role has its credentials. */
static struct provider *end_of_chain(struct profile_provider *p, const char *profile,
                                     char reason[CREDENTIALS_REASON_SIZE])
{
    if (get(p, profile, "aws_access_key_id") != NULL ||
        get(p, profile, "aws_secret_access_key") != NULL) {
        return keys_of(p, profile, reason);
    }
    const char *command = get(p, profile, "credential_process");
    if (command != NULL) {
        return credentials_process_new(p->config, command);
    }
    bool sso = get(p, profile, "sso_session") != NULL || get(p, profile, "sso_start_url") != NULL;
    provider_reason(reason, "\"%.60s\" %s", profile,
                    sso ? "uses SSO, which is not supported: use credential_process"
                        : "holds no credentials");
    return NULL;
}

static struct provider *named_source(struct profile_provider *p, const char *source,
                                     char reason[CREDENTIALS_REASON_SIZE])
{
    if (strcmp(source, "Environment") == 0) {
        return credentials_env_new(p->config);
    }
    if (strcmp(source, "EcsContainer") == 0) {
        return credentials_container_new(p->config);
    }
    if (strcmp(source, "Ec2InstanceMetadata") == 0) {
        return credentials_imds_new(p->config);
    }
    provider_reason(reason,
                    "credential_source is \"%.60s\": allowed are Environment, EcsContainer and "
                    "Ec2InstanceMetadata",
                    source);
    return NULL;
}

static bool in_chain(const struct profile_provider *p, const char *profile)
{
    for (size_t i = 0; i < p->roles; i++) {
        if (strcmp(p->chain[i], profile) == 0) {
            return true;
        }
    }
    return false;
}

/* One profile with role_arn. Gives the first provider, or NULL with the next profile in *profile,
 * or NULL with *profile NULL and a reason. */
static struct provider *descend(struct profile_provider *p, const char **profile,
                                char reason[CREDENTIALS_REASON_SIZE])
{
    const char *here = *profile;
    const char *token_file = get(p, here, "web_identity_token_file");
    const char *named = get(p, here, "credential_source");
    const char *next = get(p, here, "source_profile");
    *profile = NULL;
    if (token_file != NULL) {
        struct credentials_role role = role_of(p, here);
        role.token_file = token_file;
        return credentials_sts_new(p->config, &role);
    }
    if ((named == NULL) == (next == NULL)) {
        provider_reason(reason,
                        "\"%.60s\" has role_arn and %s source_profile and credential_source", here,
                        named != NULL ? "both of" : "neither of");
        return NULL;
    }
    if (get(p, here, "mfa_serial") != NULL) {
        provider_reason(reason,
                        "\"%.60s\" has mfa_serial, but a service cannot be asked for a code", here);
        return NULL;
    }
    if (p->roles == MAX_CHAIN) {
        provider_reason(reason, "more than %d roles one after the other", MAX_CHAIN);
        return NULL;
    }
    p->chain[p->roles++] = here;
    if (named != NULL) {
        return named_source(p, named, reason);
    }
    if (strcmp(next, here) == 0) {
        return end_of_chain(p, here, reason); /* a role that its own keys assume */
    }
    if (in_chain(p, next)) {
        provider_reason(reason, "source_profile leads in a circle back to \"%.60s\"", next);
        return NULL;
    }
    *profile = next;
    return NULL;
}

/* Finds where the first credentials come from and the roles after that; NULL with a reason. */
static struct provider *resolve(struct profile_provider *p, char reason[CREDENTIALS_REASON_SIZE])
{
    const char *profile = p->name;
    while (profile != NULL) {
        if (!profiles_has(&p->files, profile)) {
            provider_reason(reason, "there is no profile \"%.60s\" in the files", profile);
            return NULL;
        }
        if (get(p, profile, "role_arn") == NULL) {
            return end_of_chain(p, profile, reason);
        }
        struct provider *first = descend(p, &profile, reason);
        if (first != NULL) {
            return first;
        }
    }
    return NULL;
}

/* --- the way up ----------------------------------------------------------------------------- */

static void stepped(void *context, struct credentials *c, const char *reason)
{
    struct profile_provider *p = context;
    char why[CREDENTIALS_REASON_SIZE];
    provider_reason(why, "%.240s", reason);
    provider_free(p->step);
    p->step = NULL;
    if (c == NULL) {
        fail(p, why);
        return;
    }
    if (p->roles == 0) {
        finish(p, c, "");
        return;
    }
    struct credentials_role role = role_of(p, p->chain[--p->roles]);
    role.base = c;
    p->step = credentials_sts_new(p->config, &role);
    credentials_unref(c);
    if (p->step == NULL) {
        fail(p, "out of memory");
        return;
    }
    provider_fetch(p->step, stepped, p);
}

static void profile_fetch(struct provider *provider, provider_done *done, void *context)
{
    struct profile_provider *p = (struct profile_provider *)provider;
    p->done = done;
    p->context = context;
    char fault[PROFILES_REASON_SIZE];
    if (!profiles_load(p->config->env, &p->files, fault)) {
        fail(p, fault);
        return;
    }
    char reason[CREDENTIALS_REASON_SIZE] = "out of memory";
    p->step = resolve(p, reason);
    if (p->step == NULL) {
        fail(p, reason);
        return;
    }
    provider_fetch(p->step, stepped, p);
}

static void profile_cancel(struct provider *provider)
{
    struct profile_provider *p = (struct profile_provider *)provider;
    if (p->step != NULL) {
        provider_cancel(p->step);
    }
}

static void profile_free(struct provider *provider)
{
    struct profile_provider *p = (struct profile_provider *)provider;
    free(p->name);
    free(p);
}

struct provider *credentials_profile_new(const struct credentials_config *config,
                                         const char *profile)
{
    static const struct provider_ops ops = {
        .fetch = profile_fetch, .cancel = profile_cancel, .free = profile_free};
    struct profile_provider *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    p->provider.ops = &ops;
    p->config = config;
    p->name = strdup(profile);
    if (p->name == NULL) {
        free(p);
        return NULL;
    }
    return &p->provider;
}
