#include "aws/errors.h"

#include "base/json.h"
#include "base/utf8.h"
#include "xml.h"

#include <stdio.h>

static const struct aws_error_rule common_rules[] = {
    {"Throttling", AWS_ERROR_THROTTLE},
    {"Throttled", AWS_ERROR_THROTTLE},
    {"RequestThrottled", AWS_ERROR_THROTTLE},
    {"TooManyRequests", AWS_ERROR_THROTTLE},
    {"ProvisionedThroughputExceeded", AWS_ERROR_THROTTLE},
    {"TransactionInProgress", AWS_ERROR_THROTTLE},
    {"RequestLimitExceeded", AWS_ERROR_THROTTLE},
    {"BandwidthLimitExceeded", AWS_ERROR_THROTTLE},
    {"LimitExceeded", AWS_ERROR_THROTTLE},
    {"SlowDown", AWS_ERROR_THROTTLE},
    {"PriorRequestNotComplete", AWS_ERROR_THROTTLE},
    {"EC2Throttled", AWS_ERROR_THROTTLE},
    {"RequestTimeout", AWS_ERROR_TRANSIENT},
    {"InternalServerError", AWS_ERROR_TRANSIENT},
    {"InternalFailure", AWS_ERROR_TRANSIENT},
    {"ServiceUnavailable", AWS_ERROR_TRANSIENT},
    {"RequestTimeTooSkewed", AWS_ERROR_CLOCK},
    {"RequestExpired", AWS_ERROR_CLOCK},
    {"RequestInTheFuture", AWS_ERROR_CLOCK},
    {"InvalidSignature", AWS_ERROR_CLOCK},
    {"SignatureDoesNotMatch", AWS_ERROR_CLOCK},
    {"AuthFailure", AWS_ERROR_CLOCK},
    {"ExpiredToken", AWS_ERROR_CREDENTIALS},
    {"UnrecognizedClient", AWS_ERROR_CREDENTIALS},
    {"InvalidClientTokenId", AWS_ERROR_CREDENTIALS},
    {"TokenRefreshRequired", AWS_ERROR_CREDENTIALS},
    {NULL, AWS_ERROR_PERMANENT},
};

static size_t length_without_exception(const char *code)
{
    static const char suffix[] = "Exception";
    size_t len = strlen(code);
    size_t suffix_len = sizeof suffix - 1;
    bool closes = len > suffix_len && memcmp(code + len - suffix_len, suffix, suffix_len) == 0;
    return closes ? len - suffix_len : len;
}

bool errors_same_code(const char *a, const char *b)
{
    struct span sa = {a, length_without_exception(a)};
    struct span sb = {b, length_without_exception(b)};
    return span_equal(sa, sb);
}

static const struct aws_error_rule *find_rule(const struct aws_error_rule *rule, const char *code)
{
    for (; rule->code != NULL; rule++) {
        if (errors_same_code(rule->code, code)) {
            return rule;
        }
    }
    return NULL;
}

enum aws_error_class errors_classify(const struct aws_service *service, const char *code,
                                     int status)
{
    const struct aws_error_rule *rule = find_rule(service->rules, code);
    if (rule == NULL) {
        rule = find_rule(common_rules, code);
    }
    if (rule != NULL) {
        return rule->what;
    }
    if (status == 429) {
        return AWS_ERROR_THROTTLE;
    }
    return status == 500 || status == 502 || status == 503 || status == 504 ? AWS_ERROR_TRANSIENT
                                                                            : AWS_ERROR_PERMANENT;
}

/* Copies what fits, up to a whole character; whatever is not printable becomes a blank. */
static void copy_line(char *out, size_t size, struct span text)
{
    size_t len = 0;
    size_t at = 0;
    while (at < text.len) {
        uint32_t code_point = 0;
        size_t n = utf8_decode(text.ptr + at, text.len - at, &code_point);
        bool good = n != 0 && code_point >= ' ' && code_point != 0x7f;
        size_t need = good ? n : 1;
        if (len + need >= size) {
            break;
        }
        if (good) {
            memcpy(out + len, text.ptr + at, n);
        } else {
            out[len] = ' ';
        }
        len += need;
        at += n != 0 ? n : 1;
    }
    out[len] = '\0';
}

/* "ns#Code:http://…" is Code. */
static void set_code(struct aws_error *out, struct span text)
{
    const char *colon = text.len != 0 ? memchr(text.ptr, ':', text.len) : NULL;
    if (colon != NULL) {
        text.len = (size_t)(colon - text.ptr);
    }
    const char *hash = text.len != 0 ? memrchr(text.ptr, '#', text.len) : NULL;
    if (hash != NULL) {
        text.len -= (size_t)(hash + 1 - text.ptr);
        text.ptr = hash + 1;
    }
    copy_line(out->code, sizeof out->code, text);
}

static struct span either_member(const json_t *object, const char *key, const char *other_key)
{
    struct span found = json_string_member(object, key);
    return found.ptr != NULL ? found : json_string_member(object, other_key);
}

static void read_throttling_reason(const json_t *object, struct aws_error *out)
{
    const json_t *reasons = json_object_get(object, "ThrottlingReasons");
    if (reasons == NULL) {
        reasons = json_object_get(object, "throttlingReasons");
    }
    struct span reason = either_member(json_array_get(reasons, 0), "reason", "Reason");
    copy_line(out->throttling_reason, sizeof out->throttling_reason, reason);
}

static void read_json(struct span body, struct aws_error *out)
{
    char reason[JSON_REASON_SIZE];
    json_t *object = json_parse(body, reason);
    if (out->code[0] == '\0') {
        set_code(out, json_string_member(object, "__type"));
    }
    if (out->code[0] == '\0') {
        set_code(out, either_member(object, "code", "Code"));
    }
    copy_line(out->message, sizeof out->message, either_member(object, "message", "Message"));
    read_throttling_reason(object, out);
    json_decref(object);
}

/* Query services and S3 answer in XML, each with a root of its own. */
static void read_xml(struct span body, struct aws_error *out)
{
    static const char *const roots[] = {"ErrorResponse/Error", "Error",
                                        "ErrorResponse/Errors/Error", "Response/Errors/Error"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots && out->code[0] == '\0'; i++) {
        char path[64];
        struct buf code = {.limit = sizeof out->code};
        struct buf message = {.limit = 4 * sizeof out->message};
        (void)snprintf(path, sizeof path, "%s/Code", roots[i]);
        if (xml_text(body, path, &code)) {
            set_code(out, buf_span(&code));
            (void)snprintf(path, sizeof path, "%s/Message", roots[i]);
            (void)xml_text(body, path, &message);
            copy_line(out->message, sizeof out->message, buf_span(&message));
        }
        buf_free(&code);
        buf_free(&message);
    }
}

/* No answer, or one that did not come whole: then a header may still name the code. */
static void read_failure(const struct aws_service *service, const struct net_reply *reply,
                         struct aws_error *out)
{
    out->what = AWS_ERROR_TRANSIENT;
    if (reply->error == NET_TOO_LARGE && reply->status >= 400) {
        out->what = errors_classify(service, out->code, reply->status);
    } else if (reply->error == NET_TOO_LARGE || reply->error == NET_INVALID) {
        out->what = AWS_ERROR_PERMANENT;
    }
    if (out->code[0] == '\0') {
        copy_line(out->code, sizeof out->code, span_of(net_error_name(reply->error)));
    }
    copy_line(out->message, sizeof out->message, span_of(reply->detail));
}

void errors_read(const struct aws_service *service, const struct net_reply *reply,
                 struct aws_error *out)
{
    *out = (struct aws_error){.what = AWS_ERROR_PERMANENT};
    set_code(out, span_of(net_reply_header(reply, "x-amzn-ErrorType")));
    if (reply->error != NET_OK) {
        read_failure(service, reply, out);
        return;
    }
    if (reply->body.len != 0 && reply->body.ptr[0] == '<') {
        read_xml(reply->body, out);
    } else {
        read_json(reply->body, out);
    }
    out->what = errors_classify(service, out->code, reply->status);
}
