#include "provider.h"

#include <stdio.h>
#include <strings.h>
#include <sys/random.h>

void provider_fetch(struct provider *p, provider_done *done, void *context)
{
    p->ops->fetch(p, done, context);
}

void provider_cancel(struct provider *p)
{
    if (p->ops->cancel != NULL) {
        p->ops->cancel(p);
    }
}

void provider_free(struct provider *p)
{
    if (p != NULL) {
        p->ops->free(p);
    }
}

void provider_reason(char reason[CREDENTIALS_REASON_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, CREDENTIALS_REASON_SIZE, format, args);
    va_end(args);
    for (char *c = reason; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
}

int64_t provider_random(const struct credentials_config *config, int64_t bound)
{
    uint64_t number = 0;
    if (config->random != NULL) {
        number = config->random(config->random_context);
    } else if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number)) {
        number =
            (uint64_t)clock_mono_us(config->clock); /* only spreads the load: need not be good */
    }
    return (int64_t)(number % (uint64_t)bound);
}

bool provider_env_true(struct aws_env env, const char *name)
{
    const char *value = aws_env_get(env, name);
    return value != NULL && strcasecmp(value, "true") == 0;
}
