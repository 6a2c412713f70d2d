/* The pace of mails through SES, with the time written down. */
#include "notify/ses_pace.h"
#include "support/test.h"

#include <math.h>

enum { SECOND = 1000000 };

/* To a thousandth. */
static void check_rate(const struct pace *p, int64_t now_us, double want)
{
    assert_int_equal(llround(pace_rate(p, now_us) * 1000), llround(want * 1000));
}

static void test_evenly(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 10);
    assert_true(pace_take(&p, 5 * SECOND, 1));
    assert_false(pace_take(&p, 5 * SECOND, 1));
    assert_false(pace_take(&p, 5 * SECOND + 99999, 1));
    assert_true(pace_take(&p, 5 * SECOND + 100000, 1));
    assert_int_equal(p.next_us, 5 * SECOND + 200000);
}

static void test_no_burst_after_a_rest(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 10);
    assert_true(pace_take(&p, SECOND, 1));
    assert_true(pace_take(&p, 60 * SECOND, 1));
    assert_false(pace_take(&p, 60 * SECOND + 99999, 1));
}

static void test_receivers_count(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 10);
    assert_true(pace_take(&p, SECOND, 50));
    assert_false(pace_take(&p, 6 * SECOND - 1, 50));
    assert_true(pace_take(&p, 6 * SECOND, 50));
}

static void test_limit(void **state)
{
    (void)state;
    static const struct {
        double set, got;
    } cases[] = {{0, 0.1},   {-1, 0.1},    {0.09, 0.1}, {0.1, 0.1},
                 {0.2, 0.2}, {11.2, 11.2}, {1e5, 1e5}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pace p;
        pace_init(&p, cases[i].set);
        check_rate(&p, 0, cases[i].got);
    }
}

static void test_a_new_limit_keeps_what_was_reserved(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 1);
    assert_true(pace_take(&p, 0, 1));
    pace_set(&p, 100);
    assert_false(pace_take(&p, SECOND - 1, 1));
    assert_true(pace_take(&p, SECOND, 1));
    assert_true(pace_take(&p, SECOND + 10000, 1));
}

static void test_slower_and_back(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 10);
    pace_slow(&p, 100 * SECOND);
    check_rate(&p, 100 * SECOND, 7);
    assert_false(pace_take(&p, 101 * SECOND - 1, 1));
    assert_true(pace_take(&p, 101 * SECOND, 1));
    check_rate(&p, 106 * SECOND, 8);
    check_rate(&p, 118 * SECOND, 10);
    check_rate(&p, 1000 * SECOND, 10);
}

/* Sixty-four mails that were under way together say it all at once. */
static void test_slow_counts_once_a_second(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 10);
    for (int i = 0; i < 64; i++) {
        pace_slow(&p, 100 * SECOND + i);
    }
    check_rate(&p, 100 * SECOND, 7);
    pace_slow(&p, 101 * SECOND - 1);
    check_rate(&p, 100 * SECOND, 7);
    pace_slow(&p, 101 * SECOND);
    check_rate(&p, 101 * SECOND, (7 + 10.0 / 60) * 0.7);
}

static void test_slow_has_an_end(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 8);
    for (int i = 0; i < 100; i++) {
        pace_slow(&p, (100 + (int64_t)i) * SECOND);
    }
    check_rate(&p, 199 * SECOND, 2);
    check_rate(&p, 260 * SECOND, 8);
}

/* A slow account's reservation is longer than the second. */
static void test_slow_does_not_shorten_a_wait(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 0.1);
    assert_true(pace_take(&p, 100 * SECOND, 1));
    pace_slow(&p, 101 * SECOND);
    assert_false(pace_take(&p, 110 * SECOND - 1, 1));
    assert_true(pace_take(&p, 110 * SECOND, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evenly),
        cmocka_unit_test(test_no_burst_after_a_rest),
        cmocka_unit_test(test_receivers_count),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_a_new_limit_keeps_what_was_reserved),
        cmocka_unit_test(test_slower_and_back),
        cmocka_unit_test(test_slow_counts_once_a_second),
        cmocka_unit_test(test_slow_has_an_end),
        cmocka_unit_test(test_slow_does_not_shorten_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
