#include "support/test.h"

#include "generator/report.h"
#include "generator/tally.h"

#include <stdio.h>

static void answer(struct tally *t, int status, const char *body, int64_t us)
{
    tally_add(t, &(struct net_reply){.error = NET_OK, .status = status, .body = span_of(body)}, us);
}

static void failure(struct tally *t, enum net_error error, const char *detail)
{
    struct net_reply reply = {.error = error};
    snprintf(reply.detail, sizeof reply.detail, "%s", detail);
    tally_add(t, &reply, 5);
}

static void test_sentiments_are_read_from_the_answers(void **state)
{
    (void)state;
    struct tally t = {0};
    answer(&t, 200, "\"Processed as Positive (Score: 0.25)\"", 1);
    answer(&t, 200, "\"Processed as Positive (Score: 1.00)\"", 1);
    answer(&t, 200, "\"Processed as Neutral (Score: 0.00)\"", 1);
    answer(&t, 200, "\"Processed as Negative (Score: -0.34)\"", 1);
    assert_int_equal(t.sentiments[0], 2);
    assert_int_equal(t.sentiments[1], 1);
    assert_int_equal(t.sentiments[2], 1);
    assert_int_equal(t.answered, 4);
    assert_int_equal(t.failed, 0);
    assert_string_equal(tally_sentiment_name(0), "Positive");
    assert_string_equal(tally_sentiment_name(1), "Neutral");
    assert_string_equal(tally_sentiment_name(2), "Negative");
}

static void test_other_answers_fail(void **state)
{
    (void)state;
    const char *bodies[] = {"",
                            "\"Processed as ",
                            "\"Processed as Positive",
                            "{}",
                            "\"Processed as positive (Score: 0.25)\"",
                            "Processed as Positive (Score: 0.25)"};
    struct tally t = {0};
    for (size_t i = 0; i < 6; i++) {
        answer(&t, 200, bodies[i], 1);
    }
    assert_int_equal(t.answered, 0);
    assert_int_equal(t.failed, 6);
    assert_int_equal(t.failure_kinds, 1);
    assert_string_equal(t.failures[0].kind, "not the expected answer");
}

static void test_failures_are_counted_by_kind(void **state)
{
    (void)state;
    struct tally t = {0};
    failure(&t, NET_CONNECT, "refused");
    failure(&t, NET_CONNECT, "refused again");
    answer(&t, 503, "{\"message\":\"busy\"}\x1b[2J", 1);
    answer(&t, 201, "\"Processed as Positive (Score: 0.25)\"", 1);
    assert_int_equal(t.failed, 4);
    assert_int_equal(t.failure_kinds, 3);
    assert_string_equal(t.failures[0].kind, net_error_name(NET_CONNECT));
    assert_string_equal(t.failures[0].first, "refused");
    assert_int_equal(t.failures[0].count, 2);
    assert_string_equal(t.failures[1].kind, "HTTP 503");
    assert_string_equal(t.failures[1].first, "{\"message\":\"busy\"}.[2J");
    assert_string_equal(t.failures[2].kind, "HTTP 201");
    assert_int_equal(t.latency_count, 2); /* what got no answer has no latency */
}

static void test_kinds_beyond_the_table_are_other(void **state)
{
    (void)state;
    struct tally t = {0};
    for (int status = 400; status < 400 + TALLY_KINDS + 4; status++) {
        answer(&t, status, "", 1);
    }
    assert_int_equal(t.failure_kinds, TALLY_KINDS);
    assert_string_equal(t.failures[TALLY_KINDS - 2].kind, "HTTP 414");
    assert_string_equal(t.failures[TALLY_KINDS - 1].kind, "other");
    assert_int_equal(t.failures[TALLY_KINDS - 1].count, 5);
    assert_int_equal(t.failed, TALLY_KINDS + 4);
}

static void test_cancelled_is_neither(void **state)
{
    (void)state;
    struct tally t = {0};
    failure(&t, NET_CANCELLED, "");
    assert_int_equal(t.unfinished, 1);
    assert_int_equal(t.failed + t.answered + t.latency_count, 0);
}

static void test_percentiles(void **state)
{
    (void)state;
    struct tally t = {0};
    assert_int_equal(tally_latency_us(&t, 50), 0);
    for (int us = 1; us <= 100; us++) {
        answer(&t, 200, "", us);
    }
    assert_int_equal(tally_latency_us(&t, 0), 1);
    assert_int_equal(tally_latency_us(&t, 50), 50);
    assert_int_equal(tally_latency_us(&t, 99), 99);
    assert_int_equal(tally_latency_us(&t, 99.5), 100);
    assert_int_equal(tally_latency_us(&t, 100), 100);
}

static void test_latency_is_right_to_a_64th(void **state)
{
    (void)state;
    for (int64_t us = 1; us < INT64_C(1) << 40; us = us * 17 / 16 + 1) {
        struct tally t = {0};
        answer(&t, 200, "", us);
        answer(&t, 200, "", us * 2);
        int64_t told = tally_latency_us(&t, 50);
        assert_true(told >= us && told <= us + us / 64);
        assert_int_equal(tally_latency_us(&t, 100), us * 2);
    }
}

static void test_absurd_latencies_stay_in_the_table(void **state)
{
    (void)state;
    struct tally t = {0};
    answer(&t, 200, "", -5);
    answer(&t, 200, "", INT64_MAX);
    assert_int_equal(t.latencies[0], 1);
    assert_int_equal(t.latencies[TALLY_BUCKETS - 1], 1);
    assert_int_equal(tally_latency_us(&t, 50), 0);
}

static void test_summary(void **state)
{
    (void)state;
    struct tally t = {0};
    struct buf out = BUF_INIT;
    answer(&t, 200, "\"Processed as Positive (Score: 0.25)\"", 850);
    answer(&t, 200, "\"Processed as Negative (Score: -0.50)\"", 2000000);
    answer(&t, 429, "{\"message\":\"Too Many Requests\"}", 12345);
    failure(&t, NET_CANCELLED, "");
    report_summary(&out, &t, &(struct report_run){.seed = 7, .elapsed_us = 1500000});
    assert_string_equal(buf_str(&out), "\n"
                                       "sentiment       reviews    share\n"
                                       "Positive              1   50.0 %\n"
                                       "Neutral               0    0.0 %\n"
                                       "Negative              1   50.0 %\n"
                                       "all                   2\n"
                                       "\n"
                                       "failed                1\n"
                                       "  HTTP 429                1  {\"message\":\"Too Many "
                                       "Requests\"}\n"
                                       "unfinished            1\n"
                                       "\n"
                                       "latency  p50 12.41 ms  p90 2.00 s  p99 2.00 s  max 2.00 s\n"
                                       "3 requests in 1.50 s, 2/s, seed 7\n");
    buf_free(&out);
}

static void test_summary_of_nothing(void **state)
{
    (void)state;
    struct tally t = {0};
    struct buf out = BUF_INIT;
    report_summary(&out, &t, &(struct report_run){.interrupted = true});
    assert_non_null(strstr(buf_str(&out), "latency  nothing was answered\n"));
    assert_non_null(strstr(buf_str(&out), "interrupted: 0 requests in 0.00 s, 0/s"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentiments_are_read_from_the_answers),
        cmocka_unit_test(test_other_answers_fail),
        cmocka_unit_test(test_failures_are_counted_by_kind),
        cmocka_unit_test(test_kinds_beyond_the_table_are_other),
        cmocka_unit_test(test_cancelled_is_neither),
        cmocka_unit_test(test_percentiles),
        cmocka_unit_test(test_latency_is_right_to_a_64th),
        cmocka_unit_test(test_absurd_latencies_stay_in_the_table),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_summary_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
