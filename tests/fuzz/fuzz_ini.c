/* Any text as a profile file: parsed or refused with a reason, and every value can be asked for. */
#include "aws/ini.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[INI_REASON_SIZE] = "";
    struct ini *ini = ini_parse((struct span){(const char *)data, size}, reason);
    if ((ini == NULL) != (reason[0] != '\0')) {
        abort();
    }
    if (ini != NULL) {
        const char *value = ini_get(ini, "default", "region");
        if (value != NULL && (!ini_has(ini, "default") || strlen(value) > size)) {
            abort();
        }
        (void)ini_get(ini, "services x", "ses.endpoint_url");
        ini_free(ini);
    }
    return 0;
}
