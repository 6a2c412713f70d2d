#include "support/test.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct still_clock {
    struct clock clock;
    int64_t us;
};

static int64_t still_us(struct clock *clock)
{
    return ((struct still_clock *)clock)->us;
}

static void check_iso(int64_t us, const char *expected)
{
    char text[CLOCK_ISO_SIZE];
    clock_iso(us, text);
    assert_string_equal(text, expected);
}

static void test_iso_known(void **state)
{
    (void)state;
    check_iso(0, "1970-01-01T00:00:00.000000");
    check_iso(-1, "1969-12-31T23:59:59.999999");
    check_iso(1764328591363902, "2025-11-28T11:16:31.363902");
    check_iso(1764328591000001, "2025-11-28T11:16:31.000001");
    check_iso(951782400000000, "2000-02-29T00:00:00.000000");
}

static void test_iso_clamps(void **state)
{
    (void)state;
    const int64_t first = INT64_C(-62167219200000000);
    const int64_t last = INT64_C(253402300799999999);
    check_iso(first + 1, "0000-01-01T00:00:00.000001");
    check_iso(first, "0000-01-01T00:00:00.000000");
    check_iso(first - 1, "0000-01-01T00:00:00.000000");
    check_iso(INT64_MIN, "0000-01-01T00:00:00.000000");
    check_iso(last - 1, "9999-12-31T23:59:59.999998");
    check_iso(last, "9999-12-31T23:59:59.999999");
    check_iso(last + 1, "9999-12-31T23:59:59.999999");
    check_iso(INT64_MAX, "9999-12-31T23:59:59.999999");
}

/* Every day of 10,000 years against the C library. */
static void test_iso_every_day(void **state)
{
    (void)state;
    for (int64_t day = -719528; day < 2932897; day++) {
        time_t second = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&second, &tm));
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.000042",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
        check_iso((int64_t)second * 1000000 + 42, expected);
    }
}

static void test_system_clock(void **state)
{
    (void)state;
    struct clock *clock = clock_system();
    int64_t wall_s = (int64_t)time(NULL);
    assert_true(llabs((long long)(clock_wall_us(clock) / 1000000 - wall_s)) <= 1);
    int64_t before = clock_mono_us(clock);
    struct timespec nap = {.tv_nsec = 2000000};
    (void)nanosleep(&nap, NULL);
    int64_t passed = clock_mono_us(clock) - before;
    assert_true(passed >= 2000 && passed < 5000000);
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void test_after(void **state)
{
    (void)state;
    const int64_t waits_us[] = {0, 1, 400000, 999999, 1000000, 1000001, 3600 * INT64_C(1000000)};
    for (size_t i = 0; i < sizeof waits_us / sizeof *waits_us; i++) {
        struct timespec before;
        struct timespec behind;
        clock_gettime(CLOCK_MONOTONIC, &before);
        struct timespec at = clock_after(waits_us[i]);
        clock_gettime(CLOCK_MONOTONIC, &behind);
        assert_in_range(at.tv_nsec, 0, 999999999);
        assert_true(ns_of(at) >= ns_of(before) + waits_us[i] * 1000);
        assert_true(ns_of(at) <= ns_of(behind) + waits_us[i] * 1000);
    }
}

static void test_stamps_increase_when_the_clock_does_not(void **state)
{
    (void)state;
    struct still_clock c = {{still_us, still_us}, 1764328591363902};
    struct clock_stamps stamps = {.clock = &c.clock};
    assert_int_equal(clock_stamp_us(&stamps), 1764328591363902);
    assert_int_equal(clock_stamp_us(&stamps), 1764328591363903);
    c.us -= 3600000000;
    assert_int_equal(clock_stamp_us(&stamps), 1764328591363904);
    c.us += 7200000000;
    assert_int_equal(clock_stamp_us(&stamps), 1764332191363902);
}

static void test_stamps_skip_whole_seconds(void **state)
{
    (void)state;
    struct still_clock c = {{still_us, still_us}, 1764328590999998};
    struct clock_stamps stamps = {.clock = &c.clock};
    assert_int_equal(clock_stamp_us(&stamps), 1764328590999998);
    assert_int_equal(clock_stamp_us(&stamps), 1764328590999999);
    assert_int_equal(clock_stamp_us(&stamps), 1764328591000001);
    c.us = 1764328592000000;
    assert_int_equal(clock_stamp_us(&stamps), 1764328592000001);
}

enum { THREADS = 4, STAMPS = 20000 };

struct taker {
    struct clock_stamps *stamps;
    int64_t taken[STAMPS];
};

static void *take_stamps(void *context)
{
    struct taker *t = context;
    for (int i = 0; i < STAMPS; i++) {
        t->taken[i] = clock_stamp_us(t->stamps);
    }
    return NULL;
}

static int compare_us(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_stamps_are_unique_over_threads(void **state)
{
    (void)state;
    static struct taker takers[THREADS];
    static int64_t all[THREADS * STAMPS];
    struct clock_stamps stamps = {.clock = clock_system()};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        takers[i].stamps = &stamps;
        assert_int_equal(pthread_create(&threads[i], NULL, take_stamps, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int k = 0; k < STAMPS; k++) {
            assert_true(k == 0 || takers[i].taken[k] > takers[i].taken[k - 1]);
            all[i * STAMPS + k] = takers[i].taken[k];
        }
    }
    qsort(all, THREADS * STAMPS, sizeof(all[0]), compare_us);
    for (int i = 1; i < THREADS * STAMPS; i++) {
        assert_true(all[i] > all[i - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso_known),
        cmocka_unit_test(test_iso_clamps),
        cmocka_unit_test(test_iso_every_day),
        cmocka_unit_test(test_system_clock),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_stamps_increase_when_the_clock_does_not),
        cmocka_unit_test(test_stamps_skip_whole_seconds),
        cmocka_unit_test(test_stamps_are_unique_over_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
