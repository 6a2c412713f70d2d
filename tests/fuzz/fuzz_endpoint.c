/* Any text as AWS_ENDPOINT_URL: what is accepted has a host and a path that can be sent as they
 * are, and is taken apart in the same way again. */
#include "aws/endpoint.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_variable(void *context, const char *name)
{
    (void)context;
    (void)name;
    return NULL;
}

static bool resolve(const char *url, struct endpoint *out)
{
    char reason[ENDPOINT_REASON_SIZE] = "";
    struct endpoint_settings settings = {.env = {no_variable, NULL}, .region = "r", .url = url};
    bool found = endpoint_resolve(&settings, &aws_service_dynamodb, out, reason);
    if (found == (reason[0] != '\0')) {
        abort();
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct endpoint once;
    struct endpoint twice;
    char *url = malloc(size + 1);
    if (url == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(url, data, size);
    }
    url[size] = '\0';
    if (*url != '\0' && resolve(url, &once)) {
        bool sane = once.host[0] != '\0' && strpbrk(once.host, "/?#@\\ \r\n") == NULL &&
                    strpbrk(once.path, "?#\\ \r\n") == NULL &&
                    (once.path[0] == '\0' || once.path[0] == '/');
        if (!sane || !resolve(once.url, &twice) || memcmp(&once, &twice, sizeof once) != 0) {
            abort();
        }
    }
    free(url);
    return 0;
}
