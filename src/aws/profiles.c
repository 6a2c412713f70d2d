#include "profiles.h"

#include "file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

/* Where a file is: the variable's path ("~/" is HOME), or the default below HOME. False: nowhere.
 */
struct profiles_place {
    const char *variable;
    const char *below_home;
};

static bool find(struct aws_env env, const struct profiles_place *place, char path[PATH_MAX],
                 bool *named)
{
    const char *home = aws_env_get(env, "HOME");
    const char *value = aws_env_get(env, place->variable);
    *named = value != NULL;
    int len;
    if (value != NULL && (strncmp(value, "~/", 2) != 0 || home == NULL)) {
        len = snprintf(path, PATH_MAX, "%s", value);
    } else if (home != NULL) {
        len =
            snprintf(path, PATH_MAX, "%s/%s", home, value != NULL ? value + 2 : place->below_home);
    } else {
        return false;
    }
    return len >= 0 && len < PATH_MAX;
}

static bool counts_as_missing(int error, bool named)
{
    return error == ENOENT || error == ENOTDIR || (error == EACCES && !named);
}

static bool load(struct aws_env env, const struct profiles_place *place, struct ini **out,
                 char reason[PROFILES_REASON_SIZE])
{
    char path[PATH_MAX];
    bool named = false;
    *out = NULL;
    if (!find(env, place, path, &named)) {
        return true;
    }
    struct buf text = BUF_INIT;
    int error = file_read(path, INI_MAX_BYTES, &text);
    if (error != 0) {
        (void)snprintf(reason, PROFILES_REASON_SIZE, "%.120s: %s", path, strerrordesc_np(error));
        errno = error;
        return counts_as_missing(error, named);
    }
    char fault[INI_REASON_SIZE];
    *out = ini_parse(buf_span(&text), fault);
    error = errno;
    file_wipe(&text);
    if (*out == NULL) {
        (void)snprintf(reason, PROFILES_REASON_SIZE, "%.120s: %s", path, fault);
        errno = error;
        return false;
    }
    return true;
}

bool profiles_load(struct aws_env env, struct profiles *out, char reason[PROFILES_REASON_SIZE])
{
    static const struct profiles_place credentials = {"AWS_SHARED_CREDENTIALS_FILE",
                                                      ".aws/credentials"};
    static const struct profiles_place config = {"AWS_CONFIG_FILE", ".aws/config"};
    *out = (struct profiles){0};
    if (!load(env, &credentials, &out->credentials, reason) ||
        !load(env, &config, &out->config, reason)) {
        profiles_free(out);
        return false;
    }
    return true;
}

void profiles_free(struct profiles *p)
{
    ini_free(p->credentials);
    ini_free(p->config);
    *p = (struct profiles){0};
}

const char *profiles_name(struct aws_env env)
{
    const char *name = aws_env_get(env, "AWS_PROFILE");
    if (name == NULL) {
        name = aws_env_get(env, "AWS_DEFAULT_PROFILE");
    }
    return name != NULL ? name : "default";
}

/* The longest section name that is looked for. */
enum { SECTION_SIZE = 512 };

/* What a profile's section is called in the config file; false when the name is too long to exist.
 */
static bool config_section(const char *kind, const char *name, char out[SECTION_SIZE])
{
    int len = snprintf(out, SECTION_SIZE, "%s %s", kind, name);
    return len > 0 && len < SECTION_SIZE;
}

bool profiles_has(const struct profiles *p, const char *profile)
{
    char section[SECTION_SIZE];
    if (p->credentials != NULL && ini_has(p->credentials, profile)) {
        return true;
    }
    if (p->config == NULL || !config_section("profile", profile, section)) {
        return false;
    }
    return ini_has(p->config, section) ||
           (strcmp(profile, "default") == 0 && ini_has(p->config, "default"));
}

static const char *filled(const char *value)
{
    return value != NULL && *value != '\0' ? value : NULL;
}

const char *profiles_get(const struct profiles *p, const char *profile, const char *key)
{
    char section[SECTION_SIZE];
    const char *value = NULL;
    if (p->credentials != NULL) {
        value = filled(ini_get(p->credentials, profile, key));
    }
    if (value == NULL && p->config != NULL && config_section("profile", profile, section)) {
        value = filled(ini_get(p->config, section, key));
    }
    /* [default] is the older way to write [profile default]. */
    if (value == NULL && p->config != NULL && strcmp(profile, "default") == 0) {
        value = filled(ini_get(p->config, "default", key));
    }
    return value;
}

const char *profiles_service(const struct profiles *p, const char *services, const char *key)
{
    char section[SECTION_SIZE];
    if (p->config == NULL || !config_section("services", services, section)) {
        return NULL;
    }
    return filled(ini_get(p->config, section, key));
}
