#include "support/test.h"

#include "reviews/review.h"

#include "support/alloc.h"

#include <stdlib.h>

static char reason[JSON_REASON_SIZE];

static bool parse(const char *body, struct review *out)
{
    reason[0] = '\0';
    return review_parse(out, span_of(body), reason) == REVIEW_OK;
}

static void refused(const char *body, const char *why)
{
    struct review review;
    assert_false(parse(body, &review));
    assert_non_null(strstr(reason, why));
}

static void test_accepts(void **state)
{
    (void)state;
    struct review review;
    assert_true(parse("{\"user_name\":\"Zo\\u00eb\",\"review\":\" good \",\"x\":[1]}", &review));
    assert_true(span_equal(review.user_name, SPAN("Zo\xc3\xab")));
    assert_true(span_equal(review.review, SPAN(" good ")));
    review_free(&review);
    assert_true(parse("{\"review\":\"x\"}", &review));
    assert_true(span_equal(review.user_name, SPAN("Anonymous")));
    review_free(&review);
    assert_true(parse("{\"user_name\":\" \",\"review\":\"\\u0001\"}", &review));
    review_free(&review);
}

static void test_refuses(void **state)
{
    (void)state;
    refused("", "line 1, column 0: ");
    refused("{\"review\":\"x\"", "line 1, column 13: ");
    refused("[]", "the body must be a JSON object");
    refused("{\"user_name\":[],\"review\":\"x\"}", "user_name must be a string");
    refused("{\"user_name\":null,\"review\":\"x\"}", "user_name must be a string");
    refused("{\"user_name\":\"\",\"review\":\"x\"}", "user_name must not be empty");
    refused("{\"user_name\":\"a\\nb\",\"review\":\"x\"}",
            "user_name must not contain control characters");
    refused("{\"user_name\":\"a\\u001f\",\"review\":\"x\"}",
            "user_name must not contain control characters");
    refused("{\"user_name\":\"a\"}", "review is missing");
    refused("{\"review\":1}", "review must be a string");
    refused("{\"review\":\"\"}", "review must not be blank");
    refused("{\"review\":\"\\u3000 \\n\\u0085\"}", "review must not be blank");
    refused("{\"review\":\"a\",\"review\":\"b\"}", "twice");
    refused("{\"review\":\"a\\u0000\"}", "NUL");
}

static void test_name_limit(void **state)
{
    (void)state;
    for (size_t len = REVIEW_USER_NAME_MAX - 1; len <= REVIEW_USER_NAME_MAX + 1; len++) {
        struct buf body = BUF_INIT;
        struct review review;
        buf_add_str(&body, "{\"review\":\"x\",\"user_name\":\"");
        for (size_t i = 0; i < len; i++) {
            buf_add_char(&body, 'n');
        }
        buf_add_str(&body, "\"}");
        if (len <= REVIEW_USER_NAME_MAX) {
            assert_true(parse(buf_str(&body), &review));
            assert_int_equal(review.user_name.len, len);
            review_free(&review);
        } else {
            refused(buf_str(&body), "longer than 2048 bytes");
        }
        buf_free(&body);
    }
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct review review;
    enum review_result result = REVIEW_NO_MEMORY;
    long n = 0;
    while (result == REVIEW_NO_MEMORY) {
        alloc_fail_at(++n);
        result = review_parse(&review, SPAN("{\"user_name\":\"a\",\"review\":\"b\"}"), reason);
    }
    alloc_fail_at(0);
    assert_int_equal(result, REVIEW_OK);
    assert_true(n > 3);
    review_free(&review);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_name_limit),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
