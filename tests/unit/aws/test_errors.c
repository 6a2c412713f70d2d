#include "support/alloc.h"
#include "support/test.h"

#include "aws/errors.h"

#include <stdio.h>
#include <stdlib.h>

static struct aws_error read_answer(const struct aws_service *service, int status, struct span body)
{
    struct aws_error e;
    struct net_reply reply = {.status = status, .body = body};
    memset(&e, 'x', sizeof e);
    errors_read(service, &reply, &e);
    return e;
}

#define ANSWER(number, text, its_code, its_message, its_class)                                     \
    {                                                                                              \
        .status = (number), .body = (text), .code = (its_code), .message = (its_message),          \
        .what = (its_class)                                                                        \
    }

struct answer {
    const char *body;
    const char *code;
    const char *message;
    int status;
    enum aws_error_class what;
};

static void check(const struct aws_service *service, const struct answer *a)
{
    print_message("%d %.60s\n", a->status, a->body);
    struct aws_error e = read_answer(service, a->status, span_of(a->body));
    assert_string_equal(e.code, a->code);
    assert_string_equal(e.message, a->message);
    assert_int_equal(e.what, a->what);
}

static void test_forms_of_error_answers(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        ANSWER(400,
               "{\"__type\":\"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException\","
               "\"message\":"
               "\"gone\"}",
               "ResourceNotFoundException", "gone", AWS_ERROR_PERMANENT),
        ANSWER(400,
               "{\"__type\":\"com.amazon.coral.service#ThrottlingException\",\"Message\":\"Slow\"}",
               "ThrottlingException", "Slow", AWS_ERROR_THROTTLE),
        ANSWER(400, "{\"__type\":\"ValidationException:http://internal/\",\"message\":\"bad\"}",
               "ValidationException", "bad", AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"__type\":\"a#b#SlowDown:x:y#z\"}", "SlowDown", "", AWS_ERROR_THROTTLE),
        ANSWER(400, "{\"code\":\"ExpiredTokenException\",\"message\":\"m\"}",
               "ExpiredTokenException", "m", AWS_ERROR_CREDENTIALS),
        ANSWER(400, "{\"Code\":\"RequestTimeTooSkewed\"}", "RequestTimeTooSkewed", "",
               AWS_ERROR_CLOCK),
        ANSWER(400, "{\"message\":\"no type\"}", "", "no type", AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"__type\":5,\"message\":[1],\"Message\":\"second\"}", "", "second",
               AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"__type\":\"\",\"message\":\"\"}", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"__type\":\"#\"}", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"__type\":\":\"}", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "{}", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "[]", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "null", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "\"ThrottlingException\"", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"__type\":\"ThrottlingExc", "", "", AWS_ERROR_PERMANENT),
        ANSWER(400, "{\"a\":\"ThrottlingException\",\"b\":{\"__type\":\"ThrottlingException\"}}",
               "", "", AWS_ERROR_PERMANENT),
        ANSWER(500, "", "", "", AWS_ERROR_TRANSIENT),
        ANSWER(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "", "",
               AWS_ERROR_TRANSIENT),
        ANSWER(503, "<!DOCTYPE html>\n<html>", "", "", AWS_ERROR_TRANSIENT),
        ANSWER(504, "{}", "", "", AWS_ERROR_TRANSIENT),
        ANSWER(501, "{}", "", "", AWS_ERROR_PERMANENT),
        ANSWER(429, "{}", "", "", AWS_ERROR_THROTTLE),
        ANSWER(403, "{\"__type\":\"UnrecognizedClientException\"}", "UnrecognizedClientException",
               "", AWS_ERROR_CREDENTIALS),
        ANSWER(302, "", "", "", AWS_ERROR_PERMANENT),
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        check(&aws_service_dynamodb, &answers[i]);
    }
}

static void test_xml_answers(void **state)
{
    (void)state;
    static const struct answer answers[] = {
        ANSWER(403,
               "<ErrorResponse "
               "xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
               "<Code>ExpiredToken</Code><Message>The token &amp; "
               "all</Message></Error></ErrorResponse>",
               "ExpiredToken", "The token & all", AWS_ERROR_CREDENTIALS),
        ANSWER(403,
               "<?xml "
               "version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>m</Message></"
               "Error>",
               "SignatureDoesNotMatch", "m", AWS_ERROR_CLOCK),
        ANSWER(403,
               "<ErrorResponse>\n<Errors><Error><Code>AccessDenied</Code><Message>no</Message></"
               "Error></"
               "Errors>"
               "</ErrorResponse>",
               "AccessDenied", "no", AWS_ERROR_PERMANENT),
        ANSWER(503, "<ErrorResponse><Error><Code>Thrott", "", "", AWS_ERROR_TRANSIENT),
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        check(&aws_service_sts, &answers[i]);
    }
}

static void test_header_names_the_code(void **state)
{
    (void)state;
    static const char *const names[] = {"x-amzn-ErrorType", "X-Amzn-Errortype", "X-AMZN-ERRORTYPE"};
    for (size_t i = 0; i < 3; i++) {
        struct aws_error e;
        const struct net_header headers[] = {
            {"Content-Type", "application/json"},
            {names[i], "TooManyRequestsException:http://internal.amazon.com/coral/"}};
        struct net_reply reply = {.status = 429,
                                  .headers = headers,
                                  .header_count = 2,
                                  .body = SPAN("{\"__type\":\"Other\",\"message\":\"slow\"}")};
        errors_read(&aws_service_ses, &reply, &e);
        assert_string_equal(e.code, "TooManyRequestsException");
        assert_string_equal(e.message, "slow");
        assert_int_equal(e.what, AWS_ERROR_THROTTLE);
    }
}

/* What did not come whole is classified by its status, or by the code in its head. */
static void test_answers_that_did_not_come_whole(void **state)
{
    (void)state;
    static const struct net_header named[] = {{"x-amzn-ErrorType", "ThrottlingException"}};
    static const struct {
        struct net_reply reply;
        const char *code;
        enum aws_error_class what;
    } cases[] = {
        {{.error = NET_TOO_LARGE, .status = 200}, "too_large", AWS_ERROR_PERMANENT},
        {{.error = NET_TOO_LARGE, .status = 399}, "too_large", AWS_ERROR_PERMANENT},
        {{.error = NET_TOO_LARGE, .status = 400}, "too_large", AWS_ERROR_PERMANENT},
        {{.error = NET_TOO_LARGE, .status = 429}, "too_large", AWS_ERROR_THROTTLE},
        {{.error = NET_TOO_LARGE, .status = 500}, "too_large", AWS_ERROR_TRANSIENT},
        {{.error = NET_TOO_LARGE, .status = 503}, "too_large", AWS_ERROR_TRANSIENT},
        {{.error = NET_TOO_LARGE, .status = 400, .headers = named, .header_count = 1},
         "ThrottlingException",
         AWS_ERROR_THROTTLE},
        {{.error = NET_TIMEOUT}, "timeout", AWS_ERROR_TRANSIENT},
        {{.error = NET_BROKEN, .status = 400}, "broken", AWS_ERROR_TRANSIENT},
        {{.error = NET_INVALID}, "invalid", AWS_ERROR_PERMANENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct aws_error e;
        struct net_reply reply = cases[i].reply;
        reply.body = SPAN("{\"__type\":\"Cut\"");
        (void)snprintf(reply.detail, sizeof reply.detail, "why");
        errors_read(&aws_service_ses, &reply, &e);
        assert_string_equal(e.code, cases[i].code);
        assert_string_equal(e.message, "why");
        assert_int_equal(e.what, cases[i].what);
    }
}

static void test_throttling_reason(void **state)
{
    (void)state;
    struct aws_error e = read_answer(
        &aws_service_dynamodb, 400,
        SPAN("{\"__type\":\"ProvisionedThroughputExceededException\",\"ThrottlingReasons\":"
             "[{\"reason\":\"TableWriteKeyRangeThroughputExceeded\",\"resource\":\"arn\"},{"
             "\"reason\":\"b\"}]}"));
    assert_string_equal(e.throttling_reason, "TableWriteKeyRangeThroughputExceeded");
    e = read_answer(&aws_service_dynamodb, 400,
                    SPAN("{\"throttlingReasons\":[{\"reason\":\"r\"}]}"));
    assert_string_equal(e.throttling_reason, "r");
    e = read_answer(&aws_service_dynamodb, 400, SPAN("{\"ThrottlingReasons\":{\"reason\":\"r\"}}"));
    assert_string_equal(e.throttling_reason, "");
}

static void test_long_and_odd_texts(void **state)
{
    (void)state;
    for (int past = -1; past <= 1; past++) {
        char body[1024];
        char message[300];
        char code[300];
        size_t room = sizeof((struct aws_error *)NULL)->message - 1;
        size_t code_room = sizeof((struct aws_error *)NULL)->code - 1;
        memset(message, 'm', sizeof message);
        memset(code, 'c', sizeof code);
        message[room + (size_t)past] = '\0';
        code[code_room + (size_t)past] = '\0';
        (void)snprintf(body, sizeof body, "{\"__type\":\"%s\",\"message\":\"%s\"}", code, message);
        struct aws_error e = read_answer(&aws_service_dynamodb, 400, span_of(body));
        assert_int_equal(strlen(e.message), past <= 0 ? strlen(message) : room);
        assert_int_equal(strlen(e.code), past <= 0 ? strlen(code) : code_room);
    }
    struct aws_error e = read_answer(&aws_service_dynamodb, 400,
                                     SPAN("{\"message\":\"two\\nlines\\t\\u007f\\u00e9\"}"));
    assert_string_equal(e.message, "two lines  \xc3\xa9");
    char body[600] = "{\"message\":\"";
    size_t len = strlen(body);
    body[len++] = 'x'; /* so that a character of two bytes straddles the end */
    while (len < 400) {
        body[len++] = '\xc3';
        body[len++] = '\xa9';
    }
    memcpy(body + len, "\"}", 3);
    e = read_answer(&aws_service_dynamodb, 400, span_of(body));
    assert_int_equal(strlen(e.message) % 2, 1);
    assert_int_equal((unsigned char)e.message[strlen(e.message) - 1], 0xa9);
}

static void test_a_megabyte_of_brackets(void **state)
{
    (void)state;
    size_t len = 1024 * 1024;
    char *body = malloc(len);
    assert_non_null(body);
    memset(body, '[', len);
    struct aws_error e = read_answer(&aws_service_dynamodb, 500, (struct span){body, len});
    assert_int_equal(e.what, AWS_ERROR_TRANSIENT);
    assert_string_equal(e.code, "");
    memset(body, '<', len);
    e = read_answer(&aws_service_dynamodb, 400, (struct span){body, len});
    assert_int_equal(e.what, AWS_ERROR_PERMANENT);
    free(body);
}

static void test_classes(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum aws_error_class dynamodb;
        enum aws_error_class ses;
    } cases[] = {
        {"Throttling", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"ThrottledException", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"RequestThrottledException", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"TooManyRequestsException", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"ProvisionedThroughputExceededException", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"ProvisionedThroughputExceeded", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"TransactionInProgressException", AWS_ERROR_THROTTLE, AWS_ERROR_THROTTLE},
        {"LimitExceededException", AWS_ERROR_THROTTLE, AWS_ERROR_PERMANENT},
        {"ReplicatedWriteConflictException", AWS_ERROR_TRANSIENT, AWS_ERROR_PERMANENT},
        {"RequestTimeoutException", AWS_ERROR_TRANSIENT, AWS_ERROR_TRANSIENT},
        {"InternalServerError", AWS_ERROR_TRANSIENT, AWS_ERROR_TRANSIENT},
        {"InvalidSignatureException", AWS_ERROR_CLOCK, AWS_ERROR_CLOCK},
        {"ExpiredToken", AWS_ERROR_CREDENTIALS, AWS_ERROR_CREDENTIALS},
        {"InvalidClientTokenId", AWS_ERROR_CREDENTIALS, AWS_ERROR_CREDENTIALS},
        {"ConditionalCheckFailedException", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
        {"AccessDeniedException", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
        {"MessageRejected", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
        {"throttling", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
        {"ThrottlingX", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
        {"Exception", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
        {"", AWS_ERROR_PERMANENT, AWS_ERROR_PERMANENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(errors_classify(&aws_service_dynamodb, cases[i].code, 400),
                         cases[i].dynamodb);
        assert_int_equal(errors_classify(&aws_service_ses, cases[i].code, 400), cases[i].ses);
    }
    assert_int_equal(errors_classify(&aws_service_sts, "IDPCommunicationError", 400),
                     AWS_ERROR_TRANSIENT);
    assert_int_equal(errors_classify(&aws_service_dynamodb, "AccessDeniedException", 500),
                     AWS_ERROR_TRANSIENT);
    assert_true(errors_same_code("AException", "A"));
    assert_false(errors_same_code("AException", "B"));
    assert_false(errors_same_code("Exception", ""));
}

static void test_out_of_memory_leaves_the_status(void **state)
{
    (void)state;
    for (long n = 1; n < 30; n++) {
        alloc_fail_at(n);
        struct aws_error e =
            read_answer(&aws_service_dynamodb, 503, SPAN("{\"__type\":\"x#Other\"}"));
        alloc_fail_at(0);
        assert_int_equal(e.what, AWS_ERROR_TRANSIENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms_of_error_answers),
        cmocka_unit_test(test_xml_answers),
        cmocka_unit_test(test_header_names_the_code),
        cmocka_unit_test(test_answers_that_did_not_come_whole),
        cmocka_unit_test(test_throttling_reason),
        cmocka_unit_test(test_long_and_odd_texts),
        cmocka_unit_test(test_a_megabyte_of_brackets),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_out_of_memory_leaves_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
