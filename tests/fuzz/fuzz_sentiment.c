/* The scorer on any bytes. Whatever they are, the answer is a polarity, it does not depend on where
 * the bytes lie, and what cannot matter does not: a blank more at either end, or each invalid byte
 * written as the U+FFFD that it counts as. */
#include "base/buf.h"
#include "base/utf8.h"
#include "sentiment/sentiment.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append_valid(struct buf *out, struct span text)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t code_point;
        size_t len = utf8_decode(text.ptr + at, text.len - at, &code_point);
        if (len == 0) {
            buf_add_span(out, SPAN("\xEF\xBF\xBD"));
            at++;
            continue;
        }
        buf_add_span(out, (struct span){text.ptr + at, len});
        at += len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    double polarity = sentiment_polarity(text);
    if (!(polarity >= -1.0 && polarity <= 1.0)) {
        abort();
    }
    struct buf padded = BUF_INIT;
    buf_add_span(&padded, SPAN(" "));
    append_valid(&padded, text);
    buf_add_span(&padded, SPAN("\t "));
    if (sentiment_polarity(buf_span(&padded)) != polarity) {
        abort();
    }
    buf_free(&padded);
    return 0;
}
