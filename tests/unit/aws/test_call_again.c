#include "call_scene.h"

static void test_500_500_500_200(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb,
               SCRIPT({.status = 500}, {.status = 500, .body = "[]"},
                      {.status = 500, .body = "<html>"}, OK_REPLY),
               4);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_int_equal(s.attempts, 4);
    assert_int_equal(s.net.timer_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(s.net.timers[i].delay_us <= 25000 << i);
    }
    char id[4][64];
    for (size_t i = 0; i < 4; i++) {
        char line[64];
        (void)snprintf(line, sizeof line, "amz-sdk-request: attempt=%zu; max=4\n", i + 1);
        assert_true(sent_has(&s, i, line));
        assert_string_equal(s.net.sent[i].body, s.net.sent[0].body);
        memcpy(id[i], strstr(s.net.sent[i].headers, "amz-sdk-invocation-id: "), 60);
        id[i][59] = '\0';
        assert_string_equal(id[i], id[0]); /* one call */
    }
    assert_int_equal(
        value(&s, "reviewd_aws_retries_total", "service=\"dynamodb\",reason=\"transient\""), 3);
    close_scene(&s);
}

static void test_attempts_are_limited(void **state)
{
    (void)state;
    static const struct fake_reply bad[] = {
        {.status = 500}, {.status = 503}, {.status = 500}, {.status = 502}, OK_REPLY};
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, bad, 5);
    call(&s);
    assert_int_equal(s.outcome, CALL_UNAVAILABLE);
    assert_int_equal(s.attempts, 4);
    assert_int_equal(s.status, 502);
    assert_true(s.maybe_done);
    assert_string_equal(s.detail, "dynamodb: an error without a code (status 502, 4 attempts)");
    close_scene(&s);
    open_scene(&s, &aws_service_ses, bad, 5);
    call(&s);
    assert_int_equal(s.attempts, 3);
    close_scene(&s);
    open_scene(&s, &aws_service_ses, bad, 5);
    struct call_request request = put_item(&s);
    request.max_attempts = 1;
    assert_true(call_start(s.client, &request, on_done, &s));
    run(&s);
    assert_int_equal(s.attempts, 1);
    assert_int_equal(s.outcome, CALL_UNAVAILABLE);
    close_scene(&s);
}

static void test_refusals_are_not_retried(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(ERROR_REPLY(400, "ValidationException"), OK_REPLY),
               2);
    call(&s);
    assert_int_equal(s.outcome, CALL_REFUSED);
    assert_int_equal(s.attempts, 1);
    assert_false(s.maybe_done);
    assert_string_equal(s.code, "ValidationException");
    assert_string_equal(s.detail, "dynamodb: ValidationException: why (status 400, 1 attempt)");
    close_scene(&s);
}

static void test_throttling_waits_longer_and_is_counted(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb,
               SCRIPT(ERROR_REPLY(400, "ThrottlingException"),
                      ERROR_REPLY(400, "ProvisionedThroughputExceededException"), OK_REPLY),
               3);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_true(s.net.timers[0].delay_us > 25000 || s.net.timers[1].delay_us > 50000);
    assert_int_equal(value(&s, "reviewd_aws_throttles_total", "service=\"dynamodb\""), 2);
    assert_int_equal(
        value(&s, "reviewd_aws_retries_total", "service=\"dynamodb\",reason=\"throttle\""), 2);
    close_scene(&s);
}

/* For a caller with a pace of its own, throttling ends the call; a fault does not. */
static void test_throttling_may_end_the_call(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_ses,
               SCRIPT({.status = 500}, ERROR_REPLY(429, "TooManyRequestsException"), OK_REPLY), 3);
    struct call_request request = put_item(&s);
    request.throttle_ends = true;
    assert_true(call_start(s.client, &request, on_done, &s));
    run(&s);
    assert_int_equal(s.outcome, CALL_THROTTLED);
    assert_int_equal(s.attempts, 2);
    assert_int_equal(value(&s, "reviewd_aws_throttles_total", "service=\"ses\""), 1);
    close_scene(&s);
}

static void test_server_asks_to_wait(void **state)
{
    (void)state;
    const struct net_header headers[] = {{"X-Amz-Retry-After", "3000"}};
    struct scene s;
    open_scene(&s, &aws_service_ses,
               SCRIPT({.status = 503, .headers = headers, .header_count = 1}, OK_REPLY), 2);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_int_equal(s.net.timers[0].delay_us, 3000000);
    close_scene(&s);
}

/* Retries that could not end in time are not begun, and attempts are cut to what is left. */
static void test_deadline_stands_above_retries(void **state)
{
    (void)state;
    const struct net_header headers[] = {{"x-amz-retry-after", "1000"}};
    const struct fake_reply script[] = {{.status = 503, .headers = headers, .header_count = 1},
                                        OK_REPLY};
    for (int past = -1; past <= 1; past++) {
        struct scene s;
        open_scene(&s, &aws_service_ses, script, 2);
        struct call_request request = put_item(&s);
        request.deadline_us = clock_mono_us(&s.clock.clock) + SECOND_US + past;
        assert_true(call_start(s.client, &request, on_done, &s));
        run(&s);
        assert_int_equal(s.outcome, past > 0 ? CALL_OK : CALL_UNAVAILABLE);
        assert_int_equal(s.attempts, past > 0 ? 2 : 1);
        assert_int_equal(s.net.sent[0].timeout_ms, past > 0 ? 1001 : 1000);
        if (past > 0) {
            assert_int_equal(s.net.sent[1].timeout_ms, 1);
        }
        close_scene(&s);
    }
}

static void test_attempt_timeout(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT({.error = NET_TIMEOUT}, OK_REPLY), 2);
    struct call_request request = put_item(&s);
    request.attempt_ms = 2500;
    assert_true(call_start(s.client, &request, on_done, &s));
    assert_int_equal(s.net.sent[0].timeout_ms, 2500);
    fake_clock_advance(&s.clock, 28 * SECOND_US);
    run(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_true(s.net.sent[1].timeout_ms <= 1000);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT({.error = NET_TIMEOUT}, OK_REPLY), 2);
    assert_true(start(&s));
    fake_clock_advance(&s.clock, 29 * SECOND_US);
    run(&s);
    assert_int_equal(s.outcome, CALL_DEADLINE);
    assert_true(s.maybe_done);
    close_scene(&s);
}

static void test_stale_connection_is_tried_again_at_once(void **state)
{
    (void)state;
    const struct fake_reply stale = {.error = NET_BROKEN, .reused_connection = true};
    const struct fake_reply fresh = {.error = NET_BROKEN};
    const struct fake_reply begun = {
        .error = NET_BROKEN, .reused_connection = true, .reply_started = true};
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(stale, OK_REPLY), 2);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_int_equal(s.net.timer_count, 0);
    assert_int_equal(
        value(&s, "reviewd_aws_retries_total", "service=\"dynamodb\",reason=\"connection\""), 1);
    assert_true(sent_has(&s, 1, "amz-sdk-request: attempt=2; max=5\n"));
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(stale, stale, OK_REPLY),
               3); /* at once only once */
    call(&s);
    assert_int_equal(s.net.timer_count, 1);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(fresh, OK_REPLY), 2);
    call(&s);
    assert_int_equal(s.net.timer_count, 1);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(begun, OK_REPLY), 2);
    call(&s);
    assert_int_equal(s.net.timer_count, 1);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb,
               SCRIPT(stale, {.status = 500}, {.status = 500}, {.status = 500}, OK_REPLY), 5);
    call(&s); /* it does not count against the limit */
    assert_int_equal(s.outcome, CALL_OK);
    close_scene(&s);
}

static void test_what_may_have_been_done(void **state)
{
    (void)state;
    static const struct {
        struct fake_reply reply;
        bool maybe;
    } cases[] = {
        {{.status = 500}, true},
        {{.error = NET_TIMEOUT}, true},
        {{.error = NET_BROKEN}, true},
        {{.error = NET_CONNECT}, false},
        {{.error = NET_RESOLVE}, false},
        {{.error = NET_TLS}, false},
        {ERROR_REPLY(429, "TooManyRequestsException"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        open_scene(&s, &aws_service_ses, SCRIPT(cases[i].reply, OK_REPLY), 2);
        struct call_request request = put_item(&s);
        request.max_attempts = 1;
        assert_true(call_start(s.client, &request, on_done, &s));
        run(&s);
        assert_int_not_equal(s.outcome, CALL_OK);
        assert_int_equal(s.maybe_done, cases[i].maybe);
        close_scene(&s);
    }
}

static void test_checksum(void **state)
{
    (void)state;
    const struct net_header right[] = {{"x-amz-crc32", "2745614147"}};
    const struct net_header wrong[] = {{"X-Amz-Crc32", "2745614148"}};
    const struct net_header odd[] = {{"x-amz-crc32", "abc"}};
    const struct fake_reply replies[] = {
        {.status = 200, .headers = wrong, .header_count = 1, .body = "{}"},
        {.status = 200, .headers = odd, .header_count = 1, .body = "{}"},
        {.status = 200, .headers = right, .header_count = 1, .body = "{}"}};
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, replies, 3);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_int_equal(s.attempts, 3);
    close_scene(&s);
    open_scene(&s, &aws_service_ses, replies, 3); /* only DynamoDB sends it */
    call(&s);
    assert_int_equal(s.attempts, 1);
    close_scene(&s);
}

static void test_quota_ends_retries_of_all_calls(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, NULL, 0); /* no connection at all */
    unsigned attempts = 0;
    for (int i = 0; i < 20; i++) {
        s.done = 0;
        call(&s);
        assert_int_equal(s.outcome, CALL_UNAVAILABLE);
        attempts += s.attempts;
    }
    assert_int_equal(attempts, 20 + 500 / 14);
    close_scene(&s);
}

static void test_success_fills_the_quota(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb,
               SCRIPT({.status = 500}, {.status = 500}, OK_REPLY, OK_REPLY), 4);
    const char *quota = "reviewd_aws_retry_quota";
    call(&s);
    assert_int_equal(s.attempts, 3);
    assert_int_equal(metric_value(metrics_gauge(
                         s.metrics, (struct metric_name){quota, "", "service=\"dynamodb\""})),
                     486);
    s.done = 0;
    call(&s);
    assert_int_equal(metric_value(metrics_gauge(
                         s.metrics, (struct metric_name){quota, "", "service=\"dynamodb\""})),
                     487);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_500_500_500_200),
        cmocka_unit_test(test_attempts_are_limited),
        cmocka_unit_test(test_refusals_are_not_retried),
        cmocka_unit_test(test_throttling_waits_longer_and_is_counted),
        cmocka_unit_test(test_throttling_may_end_the_call),
        cmocka_unit_test(test_server_asks_to_wait),
        cmocka_unit_test(test_deadline_stands_above_retries),
        cmocka_unit_test(test_attempt_timeout),
        cmocka_unit_test(test_stale_connection_is_tried_again_at_once),
        cmocka_unit_test(test_what_may_have_been_done),
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_quota_ends_retries_of_all_calls),
        cmocka_unit_test(test_success_fills_the_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
