/* What a provider of credentials is to the source in credentials.c.
 *
 * Everything of a provider runs on the transport's thread, so providers need no locks. One fetch is
 * under way at a time. Files of a few kilobytes (tokens, profiles) are read right there. */
#ifndef AWS_PROVIDER_H
#define AWS_PROVIDER_H

#include "aws/credentials.h"
#include "base/json.h"

/* The end of a fetch: `c` is a reference that the callee owns, or NULL and `reason` says why. The
 * provider calls it as the very last thing and touches nothing of its own afterwards: the callee
 * may free it. */
typedef void provider_done(void *context, struct credentials *c, const char *reason);

struct provider;

struct provider_ops {
    /* Starts a fetch; `done` is called exactly once, perhaps from within. */
    void (*fetch)(struct provider *p, provider_done *done, void *context);
    /* Ends the fetch that is under way early: `done` comes soon. NULL: the transport's end does it.
     */
    void (*cancel)(struct provider *p);
    /* No fetch is under way. */
    void (*free)(struct provider *p);
};

/* Implementations begin their own struct with this one. */
struct provider {
    const struct provider_ops *ops;
};

/* Starts a fetch, as the operation above. */
void provider_fetch(struct provider *p, provider_done *done, void *context);

/* Ends the fetch that is under way early, as the operation above. */
void provider_cancel(struct provider *p);

/* No fetch may be under way. NULL: nothing. */
void provider_free(struct provider *p);

/* Writes one line of printable ASCII: whatever else an answer or a file brought becomes '?'. */
void provider_reason(char reason[CREDENTIALS_REASON_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A random number below `bound` (more than 0). */
int64_t provider_random(const struct credentials_config *config, int64_t bound);

/* Whether a variable says "true", in any case. */
bool provider_env_true(struct aws_env env, const char *name);

/* --- snapshots, beyond credentials.h (credentials_value.c) ---------------------------------- */

/* Makes a snapshot of what came from outside: keys must not be empty, and all must be printable
 * ASCII without blanks, because they go into headers. NULL with a reason. */
struct credentials *credentials_checked(const struct credentials *parts,
                                        char reason[CREDENTIALS_REASON_SIZE]);

/* Asks for a refresh not later than `wall_us`, for a snapshot nobody else has seen yet. */
void credentials_set_refresh(struct credentials *c, int64_t wall_us);

/* When a refresh was asked for; INT64_MAX when never. */
int64_t credentials_refresh_us(const struct credentials *c);

/* Reads "2025-11-28T11:16:31Z", with a fraction or an offset ("+01:00") too. */
bool credentials_parse_time(struct span text, int64_t *wall_us);

/* How an endpoint's or a program's JSON is read. */
struct credentials_format {
    const char *token_key; /* "Token" or "SessionToken" */
    bool versioned;        /* "Version" must be 1 */
    bool must_expire;      /* "Expiration" must be there */
};

/* Reads {"AccessKeyId", "SecretAccessKey", token, "Expiration"}; an answer that holds "Code" (other
 * than "Success") or "code" is an error with its message. On success `parts` points into *json,
 * which the caller gives to json_decref(): that wipes it. False with a reason. */
bool credentials_from_json(struct span text, const struct credentials_format *format,
                           struct credentials *parts, json_t **json,
                           char reason[CREDENTIALS_REASON_SIZE]);

/* --- the providers -------------------------------------------------------------------------- */

/* All return NULL only when memory runs out. `config` must outlive the provider; strings are
 * copied. */

/* Chooses by the configuration; *name becomes a static name for people. */
struct provider *credentials_choose(const struct credentials_config *config, const char **name);

/* Gives the same result always: `c` (the provider takes a reference of its own), or when that is
 * NULL the reason, which is copied. */
struct provider *credentials_fixed_new(struct credentials *c, const char *reason);

/* AWS_ACCESS_KEY_ID and its companions. */
struct provider *credentials_env_new(const struct credentials_config *config);

/* A profile of the shared files: keys, a program, or roles one after the other. */
struct provider *credentials_profile_new(const struct credentials_config *config,
                                         const char *profile);

/* A program that writes credentials as JSON. */
struct provider *credentials_process_new(const struct credentials_config *config,
                                         const char *command);

/* The agent of an ECS task or an EKS pod. */
struct provider *credentials_container_new(const struct credentials_config *config);

/* The metadata service of an EC2 instance. */
struct provider *credentials_imds_new(const struct credentials_config *config);

/* A role to assume at STS; strings may be NULL unless said otherwise. */
struct credentials_role {
    const char *role_arn; /* not NULL */
    const char *session_name;
    const char *external_id;
    const char *duration_seconds;
    const char *token_file; /* a web identity's token; not NULL exactly when `base` is NULL */
    const char *region;
    struct credentials *base; /* signs AssumeRole; the provider takes a reference of its own */
};

/* AssumeRole or AssumeRoleWithWebIdentity at STS. */
struct provider *credentials_sts_new(const struct credentials_config *config,
                                     const struct credentials_role *role);

#endif
