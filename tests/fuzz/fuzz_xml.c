/* Any bytes as STS's answer: text is found or not, and is never longer than the answer. */
#include "aws/xml.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span document = {(const char *)data, size};
    struct buf out = BUF_INIT;
    if (xml_text(document, "ErrorResponse/Error/Code", &out) && out.len > size) {
        abort();
    }
    buf_clear(&out);
    (void)xml_text(document, "a", &out);
    buf_free(&out);
    return 0;
}
