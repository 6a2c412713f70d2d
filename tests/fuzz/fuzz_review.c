/* A request body: parsed and validated. What is accepted must be what the contract promises. */
#include "base/utf8.h"
#include "reviews/review.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct review review;
    char reason[JSON_REASON_SIZE] = "";
    if (review_parse(&review, (struct span){(const char *)data, size}, reason) != REVIEW_OK) {
        if (reason[0] == '\0') {
            abort();
        }
        return 0;
    }
    if (review.user_name.len == 0 || review.user_name.len > REVIEW_USER_NAME_MAX ||
        utf8_is_blank(review.review) || !utf8_valid(review.user_name) ||
        !utf8_valid(review.review)) {
        abort();
    }
    review_free(&review);
    return 0;
}
