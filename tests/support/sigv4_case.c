#include "support/sigv4_case.h"

#include <stdio.h>

static const char *text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static struct span span_at(const json_t *pair, size_t i)
{
    const json_t *s = json_array_get(pair, i);
    return (struct span){json_string_value(s), json_string_length(s)};
}

json_t *sigv4_case_sign(struct sigv4_signer *signer, struct span line, struct sigv4_signature *out,
                        enum sigv4_result *result)
{
    static struct sigv4_param params[SIGV4_MAX_PARAMS + 1];
    static struct net_header headers[SIGV4_MAX_HEADERS + 1];
    char reason[JSON_REASON_SIZE];
    char hash[SIGV4_HASH_SIZE];
    json_t *c = json_parse(line, reason);
    if (c == NULL) {
        fprintf(stderr, "not a case: %s\n", reason);
        return NULL;
    }
    const json_t *pairs = json_object_get(c, "params");
    size_t param_count = json_array_size(pairs);
    for (size_t i = 0; i < param_count && i <= SIGV4_MAX_PARAMS; i++) {
        const json_t *pair = json_array_get(pairs, i);
        params[i] = (struct sigv4_param){span_at(pair, 0), span_at(pair, 1)};
    }
    pairs = json_object_get(c, "headers");
    size_t header_count = json_array_size(pairs);
    for (size_t i = 0; i < header_count && i <= SIGV4_MAX_HEADERS; i++) {
        const json_t *pair = json_array_get(pairs, i);
        headers[i] = (struct net_header){span_at(pair, 0).ptr, span_at(pair, 1).ptr};
    }
    bool unsigned_body = json_is_null(json_object_get(c, "body"));
    (void)sigv4_payload_hash(signer, json_string_member(c, "body"), hash);
    struct sigv4_request request = {
        .method = text(c, "method"),
        .host = json_string_member(c, "host"),
        .path = json_string_member(c, "path"),
        .params = params,
        .param_count = param_count,
        .headers = headers,
        .header_count = header_count,
        .payload_hash = unsigned_body ? SIGV4_UNSIGNED_PAYLOAD : hash,
        .region = text(c, "region"),
        .service = text(c, "service"),
        .access_key_id = text(c, "key"),
        .secret_access_key = text(c, "secret"),
        .session_token = text(c, "token"),
        .wall_us = json_integer_value(json_object_get(c, "time")) * 1000000,
        .style = json_is_true(json_object_get(c, "s3")) ? SIGV4_S3 : SIGV4_STANDARD,
    };
    *result = sigv4_sign(signer, &request, out);
    return c;
}
