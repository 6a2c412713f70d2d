#include "support/test.h"

#include "aws/call_retry.h"
#include "aws/crc32.h"

#include <pthread.h>

static void test_crc32(void **state)
{
    (void)state;
    assert_int_equal(crc32_of(SPAN("")), 0);
    assert_int_equal(crc32_of(SPAN("123456789")), 0xcbf43926);
    assert_int_equal(crc32_of(SPAN("{}")),
                     2745614147); /* what DynamoDB sends with an empty answer */
    struct span text = SPAN("The quick brown fox jumps over the lazy dog");
    assert_int_equal(crc32_of(text), 0x414fa339);
    uint32_t seen[44];
    for (size_t len = 0; len <= text.len; len++) { /* each length has a CRC of its own */
        seen[len] = crc32_of((struct span){text.ptr, len});
        for (size_t i = 0; i < len; i++) {
            assert_int_not_equal(seen[i], seen[len]);
        }
    }
}

static void test_quota(void **state)
{
    (void)state;
    struct call_quota q = {CALL_QUOTA};
    for (int i = 0; i < 35; i++) {
        assert_int_equal(call_quota_take(&q, AWS_ERROR_TRANSIENT), 14);
    }
    assert_int_equal(q.left, 10);
    assert_int_equal(call_quota_take(&q, AWS_ERROR_TRANSIENT), 0);
    assert_int_equal(call_quota_take(&q, AWS_ERROR_THROTTLE), 5);
    assert_int_equal(call_quota_take(&q, AWS_ERROR_THROTTLE), 5);
    assert_int_equal(call_quota_take(&q, AWS_ERROR_THROTTLE), 0);
    assert_int_equal(q.left, 0);
    call_quota_give(&q, 13);
    assert_int_equal(call_quota_take(&q, AWS_ERROR_TRANSIENT), 0);
    call_quota_give(&q, 1);
    assert_int_equal(call_quota_take(&q, AWS_ERROR_TRANSIENT), 14);
    call_quota_give(&q, CALL_QUOTA - 1);
    assert_int_equal(q.left, CALL_QUOTA - 1);
    call_quota_give(&q, 1);
    assert_int_equal(q.left, CALL_QUOTA);
    call_quota_give(&q, 1);
    assert_int_equal(q.left, CALL_QUOTA);
}

static void *take_and_give(void *context)
{
    struct call_quota *q = context;
    for (int i = 0; i < 20000; i++) {
        int taken = call_quota_take(q, i % 2 != 0 ? AWS_ERROR_THROTTLE : AWS_ERROR_TRANSIENT);
        if (taken != 0) {
            call_quota_give(q, taken);
        }
    }
    return NULL;
}

static void test_quota_under_threads(void **state)
{
    (void)state;
    struct call_quota q = {CALL_QUOTA};
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &q), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(q.left, CALL_QUOTA);
}

static void test_random_numbers_repeat_with_the_seed(void **state)
{
    (void)state;
    struct call_random a = {1234567};
    assert_true(call_random_next(&a) ==
                UINT64_C(6457827717110365317)); /* of the algorithm's description */
    assert_true(call_random_next(&a) == UINT64_C(3203168211198807973));
}

/* The longest of many back-offs: close to what the jitter is taken from, and never above. */
static int64_t longest(const struct aws_service *service, enum aws_error_class what,
                       unsigned failed)
{
    struct call_random random = {1};
    struct aws_error error = {.what = what};
    int64_t most = 0;
    int64_t least = INT64_MAX;
    for (int i = 0; i < 2000; i++) {
        int64_t delay = call_backoff_us(service, &error, failed, NULL, &random);
        most = delay > most ? delay : most;
        least = delay < least ? delay : least;
    }
    assert_true(least >= 0 && least < most / 50); /* full jitter begins at nothing */
    return most;
}

static void assert_about(int64_t got, int64_t wanted)
{
    assert_true(got <= wanted);
    assert_true(got > wanted - wanted / 50);
}

static void test_backoff_of_each_class(void **state)
{
    (void)state;
    assert_about(longest(&aws_service_dynamodb, AWS_ERROR_TRANSIENT, 1), 25000);
    assert_about(longest(&aws_service_dynamodb, AWS_ERROR_TRANSIENT, 2), 50000);
    assert_about(longest(&aws_service_dynamodb, AWS_ERROR_TRANSIENT, 3), 100000);
    assert_about(longest(&aws_service_ses, AWS_ERROR_TRANSIENT, 1), 50000);
    assert_about(longest(&aws_service_ses, AWS_ERROR_TRANSIENT, 4), 400000);
    assert_about(longest(&aws_service_dynamodb, AWS_ERROR_THROTTLE, 1), 1000000);
    assert_about(longest(&aws_service_ses, AWS_ERROR_THROTTLE, 5), 16000000);
    assert_about(longest(&aws_service_ses, AWS_ERROR_THROTTLE, 6), 20000000);
    assert_about(longest(&aws_service_ses, AWS_ERROR_THROTTLE, 100), 20000000);
}

static int64_t backoff_asked(const char *retry_after)
{
    struct call_random random = {1};
    struct aws_error error = {.what = AWS_ERROR_TRANSIENT};
    return call_backoff_us(&aws_service_ses, &error, 1, retry_after, &random);
}

static void test_the_server_may_ask_for_more(void **state)
{
    (void)state;
    int64_t own = backoff_asked(NULL);
    assert_true(own > 0 && own <= 50000);
    assert_int_equal(backoff_asked("0"), own);
    assert_int_equal(backoff_asked("60"), 60000);
    assert_int_equal(backoff_asked("5000"), 5000000);
    assert_int_equal(backoff_asked("5100"), own + 5000000);
    assert_int_equal(backoff_asked("99999999999999999"), own);
    assert_int_equal(backoff_asked("9223372036854775"), own + 5000000);
    static const char *const bad[] = {"", "-1", "1s", "1.5", " 1", "Wed, 21 Oct 2015 07:28:00 GMT"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(backoff_asked(bad[i]), own);
    }
}

static void test_http_dates(void **state)
{
    (void)state;
    int64_t us = 7;
    assert_true(call_http_date("Sun, 06 Nov 1994 08:49:37 GMT", &us));
    assert_int_equal(us, INT64_C(784111777) * 1000000);
    assert_true(call_http_date("Thu, 29 Feb 2024 23:59:59 GMT", &us));
    assert_int_equal(us, INT64_C(1709251199) * 1000000);
    us = 7;
    static const char *const bad[] = {"",
                                      "Sunday",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 GMT x",
                                      "784111777",
                                      "Sun, 32 Nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(call_http_date(bad[i], &us));
        assert_int_equal(us, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32),
        cmocka_unit_test(test_quota),
        cmocka_unit_test(test_quota_under_threads),
        cmocka_unit_test(test_random_numbers_repeat_with_the_seed),
        cmocka_unit_test(test_backoff_of_each_class),
        cmocka_unit_test(test_the_server_may_ask_for_more),
        cmocka_unit_test(test_http_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
