#include "aws/endpoint.h"

#include "profiles.h"

#include <ctype.h>
#include <stdio.h>

/* "dynamodb.endpoint_url": services are written in lower case in the file. */
static const char *service_url(const struct profiles *files, const char *services,
                               const struct aws_service *service)
{
    char key[64];
    if (services == NULL) {
        return NULL;
    }
    (void)snprintf(key, sizeof key, "%s.endpoint_url", service->setting);
    for (char *c = key; *c != '.'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return profiles_service(files, services, key);
}

bool endpoint_find(struct aws_env env, const struct aws_service *service, struct endpoint *out,
                   char reason[ENDPOINT_REASON_SIZE])
{
    struct profiles files;
    char why[PROFILES_REASON_SIZE];
    if (!profiles_load(env, &files, why)) {
        (void)snprintf(reason, ENDPOINT_REASON_SIZE, "%s", why);
        return false;
    }
    const char *profile = profiles_name(env);
    struct endpoint_settings settings = {
        .env = env,
        .profile_region = profiles_get(&files, profile, "region"),
        .profile_url = profiles_get(&files, profile, "endpoint_url"),
        .profile_service_url =
            service_url(&files, profiles_get(&files, profile, "services"), service),
    };
    bool found = endpoint_resolve(&settings, service, out, reason);
    profiles_free(&files);
    return found;
}
