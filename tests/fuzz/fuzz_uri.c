/* Any text as a container's address: what is accepted in clear names this machine or an agent,
 * whoever reads it; and a command line splits into words that are no longer than it. */
#include "aws/process.h"
#include "aws/uri.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_uri(const char *text)
{
    struct uri uri;
    if (!uri_split(text, &uri)) {
        return;
    }
    if (strpbrk(text, "\\# \r\n\t") != NULL || uri.host.len == 0 ||
        memchr(uri.authority.ptr, '@', uri.authority.len) != NULL ||
        uri.authority.ptr + uri.authority.len != uri.path.ptr) {
        abort();
    }
    static const char digits[] = "0123456789abcdefABCDEF.:";
    bool named = uri.host.len == 9 && (uri.host.ptr[0] | 0x20) == 'l';
    if (uri_is_local(&uri) && !named && strspn(uri.host.ptr, digits) < uri.host.len) {
        abort();
    }
}

static void check_words(const char *text)
{
    char reason[PROCESS_REASON_SIZE] = "";
    char **words = process_split(text, reason);
    if ((words == NULL) != (reason[0] != '\0')) {
        abort();
    }
    size_t total = 0;
    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        total += strlen(words[i]);
    }
    if (total > strlen(text)) {
        abort();
    }
    free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    check_uri(text);
    check_words(text);
    free(text);
    return 0;
}
