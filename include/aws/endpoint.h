/* Where a service is: from AWS's own settings to a URL and a Host header. Pure but for the
 * environment that is passed in. */
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include "aws/env.h"
#include "aws/service.h"

enum {
    ENDPOINT_REGION_SIZE = 64,
    ENDPOINT_HOST_SIZE = 256,
    ENDPOINT_PATH_SIZE = 256,
    ENDPOINT_URL_SIZE = ENDPOINT_HOST_SIZE + ENDPOINT_PATH_SIZE + 16,
    ENDPOINT_REASON_SIZE = 320
};

/* Every string may be NULL. An address is looked for in this order: `url`,
 * AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, `profile_service_url`, `profile_url`, the region's
 * own. All but `url` are left aside with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true. The region:
 * `region`, AWS_REGION, AWS_DEFAULT_REGION, `profile_region`. AWS_USE_FIPS_ENDPOINT and
 * AWS_USE_DUALSTACK_ENDPOINT choose among the region's own. */
struct endpoint_settings {
    struct aws_env env;
    const char *region;              /* of this service's own settings */
    const char *url;                 /* of this service's own settings */
    const char *profile_region;      /* `region` of the profile */
    const char *profile_service_url; /* `endpoint_url` in the profile's [services] section for this
                                        service */
    const char *profile_url;         /* `endpoint_url` of the profile */
};

struct endpoint {
    char region[ENDPOINT_REGION_SIZE]; /* to sign for */
    char host[ENDPOINT_HOST_SIZE]; /* the Host header: lower case, with its port unless it is the
                                      scheme's */
    char path[ENDPOINT_PATH_SIZE]; /* "" or "/prefix", put before every request's path */
    char url[ENDPOINT_URL_SIZE];   /* scheme://host/prefix, without a closing slash */
    bool tls;
    bool custom; /* not AWS's own */
};

/* False with one line in `reason` that names the variable, its value and what would do: there is no
 * region, a URL is none or has user, query or fragment, or FIPS or dual-stack is asked for together
 * with a URL. */
bool endpoint_resolve(const struct endpoint_settings *settings, const struct aws_service *service,
                      struct endpoint *out, char reason[ENDPOINT_REASON_SIZE]);

/* The same, with the settings of the user's profile (AWS_PROFILE in ~/.aws/config) read from its
 * files: `region`, `endpoint_url` and its [services] section. False also when a file has a fault in
 * it. Reads files: for the start of a program. */
bool endpoint_find(struct aws_env env, const struct aws_service *service, struct endpoint *out,
                   char reason[ENDPOINT_REASON_SIZE]);

/* The region alone, for what has no service: into `out`; false with a reason. */
bool endpoint_region(const struct endpoint_settings *settings, char out[ENDPOINT_REGION_SIZE],
                     char reason[ENDPOINT_REASON_SIZE]);

#endif
