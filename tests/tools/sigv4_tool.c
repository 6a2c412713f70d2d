/* Signs one request a line (see support/sigv4_case.h) and writes one line of JSON each: for
 * comparing the signer with another one, tests/integration/test_sigv4_property.py. */
#include "support/sigv4_case.h"

#include <stdio.h>
#include <stdlib.h>

static void print(const struct sigv4_signature *s, enum sigv4_result result)
{
    struct buf line = BUF_INIT;
    buf_addf(&line, "{\"result\":%d,\"canonical_request\":", (int)result);
    json_write_string(&line, buf_span(&s->canonical_request));
    buf_add_str(&line, ",\"string_to_sign\":");
    json_write_string(&line, buf_span(&s->string_to_sign));
    buf_add_str(&line, ",\"authorization\":");
    json_write_string(&line, buf_span(&s->authorization));
    buf_add_str(&line, ",\"query\":");
    json_write_string(&line, buf_span(&s->query));
    buf_add_str(&line, "}");
    puts(buf_str(&line));
    buf_free(&line);
}

int main(void)
{
    struct sigv4_signer *signer = sigv4_signer_new();
    struct sigv4_signature signature = SIGV4_SIGNATURE_INIT;
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int status = signer != NULL ? 0 : 1;
    while (status == 0 && (len = getline(&line, &size, stdin)) > 0) {
        enum sigv4_result result = SIGV4_FAILED;
        json_t *c = sigv4_case_sign(signer, (struct span){line, (size_t)len}, &signature, &result);
        if (c == NULL) {
            status = 1;
        } else {
            print(&signature, result);
        }
        json_decref(c);
    }
    free(line);
    sigv4_signature_free(&signature);
    sigv4_signer_free(signer);
    return status;
}
