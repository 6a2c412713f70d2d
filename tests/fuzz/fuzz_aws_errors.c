/* Any bytes as AWS's answer: the first one chooses the status, the rest is header x-amzn-ErrorType
 * up to a NUL, then body. What is read is always one line of valid text, and of a class that fits
 * the status. */
#include "aws/errors.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    if (len >= size || !utf8_valid((struct span){text, len})) {
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {400, 403, 404, 429, 500, 503, 302, 0};
    const uint8_t *nul = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (nul == NULL) {
        return 0;
    }
    const struct net_header header = {"x-amzn-errortype", (const char *)data + 1};
    struct net_reply reply = {
        .status = statuses[data[0] % 8],
        .headers = &header,
        .header_count = data[1] != 0 ? 1 : 0,
        .body = {(const char *)nul + 1, size - (size_t)(nul + 1 - data)},
    };
    struct aws_error error;
    errors_read(&aws_service_dynamodb, &reply, &error);
    check_line(error.code, sizeof error.code);
    check_line(error.message, sizeof error.message);
    check_line(error.throttling_reason, sizeof error.throttling_reason);
    if ((unsigned)error.what >= AWS_ERROR_CLASSES ||
        (error.code[0] == '\0' && reply.status == 400 && error.what != AWS_ERROR_PERMANENT)) {
        abort();
    }
    return 0;
}
