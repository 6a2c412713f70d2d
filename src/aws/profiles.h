/* The user's profiles: ~/.aws/credentials over ~/.aws/config, or the files that
 * AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name. For credentials, and for region and
 * endpoints too. Any thread. */
#ifndef AWS_PROFILES_H
#define AWS_PROFILES_H

#include "aws/env.h"
#include "ini.h"

enum { PROFILES_REASON_SIZE = 256 };

struct profiles {
    struct ini *credentials; /* NULL: no such file */
    struct ini *config;
};

/* Reads both files. A file that is not there is no error; one that the user named and that cannot
 * be read, or one with a fault in it, is: false with one
 * line in `reason` and errno (ENOMEM: out of memory), and nothing to free. A
 * file at its default place that may not be read counts as not there, because a service's HOME is
 * often somebody else's. */
bool profiles_load(struct aws_env env, struct profiles *out, char reason[PROFILES_REASON_SIZE]);

/* Wipes and frees what profiles_load() made. */
void profiles_free(struct profiles *p);

/* AWS_PROFILE, else AWS_DEFAULT_PROFILE, else "default". */
const char *profiles_name(struct aws_env env);

/* Whether one of the files has a section for it. */
bool profiles_has(const struct profiles *p, const char *profile);

/* A setting of a profile, from the credentials file before the config file; NULL when it is not
 * there or empty. Valid until profiles_free(). */
const char *profiles_get(const struct profiles *p, const char *profile, const char *key);

/* A setting of [services NAME] in the config file: key is "dynamodb.endpoint_url". NULL as above.
 */
const char *profiles_service(const struct profiles *p, const char *services, const char *key);

#endif
