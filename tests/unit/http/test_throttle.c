#include "http/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int passed(struct throttle *t, int64_t now_us, int tries)
{
    int count = 0;
    for (int i = 0; i < tries; i++) {
        count += throttle_pass(t, now_us);
    }
    return count;
}

static void test_no_limit(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 0, 0);
    assert_int_equal(passed(&t, 5, 100000), 100000);
}

static void test_burst_then_rate(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 10, 3);
    int64_t now = 1000000000;
    assert_int_equal(passed(&t, now, 10), 3);
    assert_int_equal(passed(&t, now + 99999, 10), 0);
    assert_int_equal(passed(&t, now + 100000, 10), 1);
    assert_int_equal(passed(&t, now + 300000, 10), 2);
    /* After a rest only one burst has gathered. */
    assert_int_equal(passed(&t, now + 60000000, 10), 3);
}

static void test_default_burst_is_one_second(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 100, 0);
    assert_int_equal(passed(&t, 7000000, 500), 100);
}

static void test_slow_rate_lets_one_through(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 0.5, 0);
    assert_int_equal(passed(&t, 9000000, 5), 1);
    assert_int_equal(passed(&t, 9000000 + 1999999, 5), 0);
    assert_int_equal(passed(&t, 9000000 + 2000000, 5), 1);
}

static void test_high_rate_is_exact(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 600000, 10);
    int count = 0;
    for (int64_t us = 0; us < 1000000; us++) {
        count += passed(&t, us, 2);
    }
    assert_in_range(count, 599000, 601000);
}

/* Under -fsanitize=undefined and by the counts: nothing overflows. */
static void test_extreme_rates(void **state)
{
    (void)state;
    struct throttle t;
    throttle_init(&t, 5e-324, 0);
    assert_int_equal(passed(&t, 9000000, 5), 1);
    assert_int_equal(passed(&t, 9000000 + INT64_C(86400000000) * 11, 5), 0);
    assert_int_equal(passed(&t, 9000000 + INT64_C(86400000000) * 12, 5), 1);
    throttle_init(&t, 1e-300, 1e6);
    assert_in_range(passed(&t, 9000000, 100000), 1000, 1002);
    throttle_init(&t, 1e6, 1e6);
    assert_int_equal(passed(&t, 9000000, 2000000), 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_burst_then_rate),
        cmocka_unit_test(test_default_burst_is_one_second),
        cmocka_unit_test(test_slow_rate_lets_one_through),
        cmocka_unit_test(test_high_rate_is_exact),
        cmocka_unit_test(test_extreme_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
