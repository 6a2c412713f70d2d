/* Where credentials come from: chosen once, by what is configured, never by what works. */
#include "profiles.h"
#include "provider.h"

#include <errno.h>

/* Whether a profile says anything about credentials. A [default] with only a region does not. */
static bool names_credentials(const struct profiles *files, const char *profile)
{
    static const char *const keys[] = {
        "aws_access_key_id", "aws_secret_access_key", "role_arn",
        "source_profile",    "credential_source",     "credential_process",
        "sso_session",       "sso_start_url",         "web_identity_token_file"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (profiles_get(files, profile, keys[i]) != NULL) {
            return true;
        }
    }
    return false;
}

enum choice { CHOOSE_YES, CHOOSE_NO, CHOOSE_NO_MEMORY };

/* A file with a fault counts as configured: guessing past it could end with another identity. */
static enum choice profile_configured(struct aws_env env)
{
    const char *name = profiles_name(env);
    bool asked_for =
        aws_env_get(env, "AWS_PROFILE") != NULL || aws_env_get(env, "AWS_DEFAULT_PROFILE") != NULL;
    struct profiles files;
    char reason[PROFILES_REASON_SIZE];
    if (!profiles_load(env, &files, reason)) {
        return errno == ENOMEM ? CHOOSE_NO_MEMORY : CHOOSE_YES;
    }
    bool configured = names_credentials(&files, name) || (asked_for && !profiles_has(&files, name));
    profiles_free(&files);
    return configured ? CHOOSE_YES : CHOOSE_NO;
}

static struct provider *web_identity(const struct credentials_config *config)
{
    struct credentials_role role = {
        .role_arn = aws_env_get(config->env, "AWS_ROLE_ARN"),
        .session_name = aws_env_get(config->env, "AWS_ROLE_SESSION_NAME"),
        .token_file = aws_env_get(config->env, "AWS_WEB_IDENTITY_TOKEN_FILE"),
    };
    if (role.role_arn == NULL) {
        return credentials_fixed_new(
            NULL, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not: set both");
    }
    return credentials_sts_new(config, &role);
}

struct provider *credentials_choose(const struct credentials_config *config, const char **name)
{
    struct aws_env env = config->env;
    *name = "environment";
    if (aws_env_get(env, "AWS_ACCESS_KEY_ID") != NULL ||
        aws_env_get(env, "AWS_SECRET_ACCESS_KEY") != NULL) {
        return credentials_env_new(config);
    }
    *name = "profile";
    enum choice profile = profile_configured(env);
    if (profile != CHOOSE_NO) {
        return profile == CHOOSE_YES ? credentials_profile_new(config, profiles_name(env)) : NULL;
    }
    *name = "web identity";
    if (aws_env_get(env, "AWS_WEB_IDENTITY_TOKEN_FILE") != NULL) {
        return web_identity(config);
    }
    *name = "container";
    if (aws_env_get(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
        aws_env_get(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL) {
        return credentials_container_new(config);
    }
    *name = "instance metadata";
    if (!provider_env_true(env, "AWS_EC2_METADATA_DISABLED")) {
        return credentials_imds_new(config);
    }
    *name = "none";
    return credentials_fixed_new(
        NULL,
        "no AWS credentials are configured: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "or AWS_PROFILE, or give the task or instance a role (instance metadata is disabled by "
        "AWS_EC2_METADATA_DISABLED)");
}
