/* The checks of a request's head, over what libmicrohttpd would hand out for the bytes. */
#include "support/headtext.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct head head;
    char *raw = malloc(size + 1);
    if (raw == NULL) {
        return 0;
    }
    memcpy(raw, data, size);
    raw[size] = '\0';
    if (headtext_parse(raw, size, &head)) {
        (void)head_check(&head);
    }
    free(raw);
    return 0;
}
