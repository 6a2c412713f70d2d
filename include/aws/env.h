/* The environment, passed in so that tests need not change the process's own. */
#ifndef AWS_ENV_H
#define AWS_ENV_H

#include <stddef.h>

struct aws_env {
    /* The value of the variable `name`, or NULL. The string stays valid and unchanged while the
     * caller works. Called from any thread. */
    const char *(*get)(void *context, const char *name);
    void *context;
};

/* The value of `name`; NULL when it is unset or empty, which AWS's SDKs treat alike. */
static inline const char *aws_env_get(struct aws_env env, const char *name)
{
    const char *value = env.get(env.context, name);
    return value != NULL && *value != '\0' ? value : NULL;
}

#endif
