#include "call_scene.h"

static void test_expired_credentials_are_refreshed_once(void **state)
{
    (void)state;
    struct scene s;
    const struct fake_reply expired = ERROR_REPLY(400, "ExpiredTokenException");
    open_scene(&s, &aws_service_dynamodb, SCRIPT(expired, OK_REPLY), 2);
    s.source.next = (struct credentials){"AKIDNEW", "new", "t2", INT64_MAX};
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_true(sent_has(&s, 0, "Credential=AKIDEXAMPLE/"));
    assert_true(sent_has(&s, 1, "Credential=AKIDNEW/"));
    assert_true(sent_has(&s, 1, "X-Amz-Security-Token: t2\n"));
    assert_int_equal(s.net.timer_count, 0);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(expired, expired, OK_REPLY), 3);
    s.source.next = (struct credentials){"AKIDNEW", "new", NULL, INT64_MAX};
    call(&s);
    assert_int_equal(s.outcome, CALL_NO_CREDENTIALS);
    assert_int_equal(s.attempts, 2);
    assert_int_equal(s.source.invalidated, 1);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(expired, OK_REPLY),
               2); /* there are no newer ones */
    call(&s);
    assert_int_equal(s.outcome, CALL_NO_CREDENTIALS);
    assert_int_equal(s.attempts, 1);
    close_scene(&s);
    open_scene(&s, &aws_service_dynamodb, SCRIPT(expired, OK_REPLY),
               2); /* they have to be awaited */
    s.source.next = (struct credentials){"AKIDNEW", "new", NULL, INT64_MAX};
    s.source.wait_after_invalidation = true;
    assert_true(start(&s));
    fake_transport_run(&s.net);
    assert_int_equal(s.done, 0);
    fake_credentials_arrive(&s.source);
    run(&s);
    assert_int_equal(s.outcome, CALL_OK);
    close_scene(&s);
}

static const struct net_header ahead[] = {{"date", "Sun, 30 Aug 2015 13:36:00 GMT"}};
static const struct fake_reply skewed = {.status = 403,
                                         .headers = ahead,
                                         .header_count = 1,
                                         .body = "{\"__type\":\"InvalidSignatureException\"}"};

static void test_clock_is_corrected_once_and_kept(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(skewed, OK_REPLY, OK_REPLY, skewed), 4);
    call(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_true(sent_has(&s, 0, "X-Amz-Date: 20150830T123600Z\n"));
    assert_true(sent_has(&s, 1, "X-Amz-Date: 20150830T133600Z\n"));
    assert_int_equal(s.net.timer_count, 0);
    s.done = 0;
    call(&s); /* the next call signs with AWS's time from the start */
    assert_true(sent_has(&s, 2, "X-Amz-Date: 20150830T133600Z\n"));
    s.done = 0;
    call(&s); /* now the time is right, so something else is wrong */
    assert_int_equal(s.outcome, CALL_REFUSED);
    assert_int_equal(s.attempts, 1);
    close_scene(&s);
}

/* Each was signed before the first answer told the time. */
static void test_clock_is_corrected_for_all_under_way(void **state)
{
    (void)state;
    enum { CALLS = 3 };
    struct scene s;
    open_scene(&s, &aws_service_dynamodb,
               SCRIPT(skewed, skewed, skewed, OK_REPLY, OK_REPLY, OK_REPLY), 6);
    for (int i = 0; i < CALLS; i++) {
        assert_true(start(&s));
    }
    fake_transport_run(&s.net);
    assert_int_equal(s.done, CALLS);
    assert_int_equal(value(&s, "reviewd_aws_calls_total", "service=\"dynamodb\",outcome=\"ok\""),
                     CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        assert_true(sent_has(&s, CALLS + i, "X-Amz-Date: 20150830T133600Z\n"));
    }
    close_scene(&s);
}

/* The machine's clock was set while the attempt was under way: nothing is to be corrected, and yet
 * the attempt was signed with a wrong time. */
static void test_clock_that_was_set_meanwhile(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(skewed, OK_REPLY), 2);
    assert_true(start(&s));
    atomic_fetch_add(&s.clock.wall, INT64_C(3600) * SECOND_US);
    run(&s);
    assert_int_equal(s.outcome, CALL_OK);
    assert_true(sent_has(&s, 1, "X-Amz-Date: 20150830T133600Z\n"));
    close_scene(&s);
}

static void test_clock_within_tolerance(void **state)
{
    (void)state;
    static const struct {
        const char *date;
        bool corrected;
    } cases[] = {
        {"Sun, 30 Aug 2015 12:40:00 GMT", false},
        {"Sun, 30 Aug 2015 12:40:01 GMT", true},
        {"Sun, 30 Aug 2015 12:32:00 GMT", false},
        {"Sun, 30 Aug 2015 12:31:59 GMT", true},
        {"soon", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct net_header date[] = {{"Date", cases[i].date}};
        struct scene s;
        open_scene(&s, &aws_service_dynamodb,
                   SCRIPT({.status = 403,
                           .headers = date,
                           .header_count = 1,
                           .body = "{\"__type\":\"SignatureDoesNotMatch\"}"},
                          OK_REPLY),
                   2);
        call(&s);
        assert_int_equal(s.outcome, cases[i].corrected ? CALL_OK : CALL_REFUSED);
        close_scene(&s);
    }
}

static void test_credentials_are_awaited(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(OK_REPLY), 1);
    s.source.answer = CREDENTIALS_WAITING;
    assert_true(start(&s));
    fake_transport_run(&s.net);
    assert_int_equal(s.net.sent_count, 0);
    fake_credentials_arrive(&s.source);
    fake_transport_run(&s.net);
    assert_int_equal(s.done, 1);
    assert_int_equal(s.outcome, CALL_OK);
    close_scene(&s);
}

static void test_no_credentials(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(OK_REPLY), 1);
    s.source.answer = CREDENTIALS_FAILED;
    call(&s);
    assert_int_equal(s.outcome, CALL_NO_CREDENTIALS);
    assert_string_equal(s.detail, "dynamodb: no provider has any");
    s.source.answer = CREDENTIALS_WAITING;
    s.done = 0;
    assert_true(start(&s));
    fake_credentials_fail(&s.source);
    assert_int_equal(s.outcome, CALL_NO_CREDENTIALS);
    assert_string_equal(s.detail, "dynamodb: the container says 403");
    assert_int_equal(s.net.sent_count, 0);
    close_scene(&s);
}

static void test_deadline_while_credentials_are_awaited(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &aws_service_dynamodb, SCRIPT(OK_REPLY), 1);
    s.source.answer = CREDENTIALS_WAITING;
    assert_true(start(&s));
    fake_clock_advance(&s.clock, 29 * SECOND_US - 1);
    fake_transport_run(&s.net);
    assert_int_equal(s.done, 0);
    fake_clock_advance(&s.clock, 1);
    fake_transport_run(&s.net);
    assert_int_equal(s.done, 1);
    assert_int_equal(s.outcome, CALL_DEADLINE);
    assert_null(s.source.waiter);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expired_credentials_are_refreshed_once),
        cmocka_unit_test(test_clock_is_corrected_once_and_kept),
        cmocka_unit_test(test_clock_is_corrected_for_all_under_way),
        cmocka_unit_test(test_clock_that_was_set_meanwhile),
        cmocka_unit_test(test_clock_within_tolerance),
        cmocka_unit_test(test_credentials_are_awaited),
        cmocka_unit_test(test_no_credentials),
        cmocka_unit_test(test_deadline_while_credentials_are_awaited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
