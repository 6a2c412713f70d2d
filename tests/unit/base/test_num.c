#include "base/num.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_shortest(double value, const char *expected)
{
    char out[NUM_SHORTEST_SIZE];
    memset(out, '#', sizeof out);
    size_t len = num_shortest(value, out);
    assert_string_equal(out, expected);
    assert_int_equal(len, strlen(expected));
}

static void shortest_is_pythons_str(void **state)
{
    (void)state;
    FILE *f = fopen("tests/unit/base/num_golden.txt", "r");
    assert_non_null(f);
    char line[64];
    size_t count = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        char *rest;
        uint64_t bits = strtoull(line, &rest, 16);
        assert_int_equal(*rest, ' ');
        rest[strcspn(rest, "\n")] = '\0';
        check_shortest(double_of(bits), rest + 1);
        count++;
    }
    fclose(f);
    assert_true(count > 2500);
}

static void shortest_chooses_its_form(void **state)
{
    (void)state;
    check_shortest(0.0, "0.0");
    check_shortest(-0.0, "-0.0");
    check_shortest(INFINITY, "inf");
    check_shortest(-INFINITY, "-inf");
    check_shortest(NAN, "nan");
    check_shortest(-NAN, "nan");
    check_shortest(0.25, "0.25");
    check_shortest(-0.33653846153846145, "-0.33653846153846145");
    check_shortest(5e-05, "5e-05");
    check_shortest(0.0001, "0.0001");
    check_shortest(0.00012345, "0.00012345");
    check_shortest(9999999999999998.0, "9999999999999998.0");
    check_shortest(1e16, "1e+16");
    check_shortest(1.5e16, "1.5e+16");
    check_shortest(1e100, "1e+100");
    check_shortest(-2.2250738585072014e-308, "-2.2250738585072014e-308");
    check_shortest(1000000000.0, "1000000000.0");
    check_shortest(999999999.9999, "999999999.9999");
}

/* Whatever the digits are, they must read back as the same double. */
static void shortest_reads_back(void **state)
{
    (void)state;
    uint64_t x = UINT64_C(88172645463325252);
    for (int i = 0; i < 200000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        double value = double_of(x);
        if (!isfinite(value)) {
            continue;
        }
        char out[NUM_SHORTEST_SIZE];
        size_t len = num_shortest(value, out);
        assert_true(len < 25);
        assert_true(strtod(out, NULL) == value);
    }
}

static void parses_integers(void **state)
{
    (void)state;
    int64_t n = 0;
    assert_true(num_parse_int(SPAN("9223372036854775807"), INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MAX);
    assert_true(num_parse_int(SPAN("-9223372036854775808"), INT64_MIN, INT64_MAX, &n));
    assert_true(n == INT64_MIN);
    assert_true(num_parse_int(SPAN("-0"), -1, 1, &n));
    assert_true(n == 0);
    assert_true(num_parse_int(SPAN("0080"), 80, 80, &n));
    assert_true(n == 80);
}

static void refuses_integers(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1x",
                                        "0x1",
                                        "1.0",
                                        "1e1",
                                        "--1",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "/",
                                        ":",
                                        "99999999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t n = 7;
        assert_false(num_parse_int(span_of(wrong[i]), INT64_MIN, INT64_MAX, &n));
        assert_true(n == 7);
    }
}

static void integers_have_limits(void **state)
{
    (void)state;
    int64_t n = 7;
    assert_false(num_parse_int(SPAN("0"), 1, 65535, &n));
    assert_false(num_parse_int(SPAN("65536"), 1, 65535, &n));
    assert_true(n == 7);
    assert_true(num_parse_int(SPAN("1"), 1, 65535, &n) && n == 1);
    assert_true(num_parse_int(SPAN("65535"), 1, 65535, &n) && n == 65535);
    assert_true(num_parse_int((struct span){"123", 2}, 0, 99, &n) && n == 12);
}

static void parses_doubles(void **state)
{
    (void)state;
    double d = 7;
    assert_true(num_parse_double(SPAN("-0.1"), -1, 1, &d) && d == -0.1);
    assert_true(num_parse_double(SPAN("1"), -1, 1, &d) && d == 1);
    assert_true(num_parse_double(SPAN("-1.0"), -1, 1, &d) && d == -1);
    assert_true(num_parse_double(SPAN("5e-05"), -1, 1, &d) && d == 5e-05);
    assert_true(num_parse_double(SPAN("1e+16"), 0, 1e17, &d) && d == 1e16);
    assert_true(num_parse_double(SPAN("2E1"), 0, 1e17, &d) && d == 20);
    assert_true(num_parse_double((struct span){"0.55", 3}, 0, 1, &d) && d == 0.5);
}

static void refuses_doubles(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",    "-",     ".",   ".5",  "5.",    "+1",    " 1",    "1 ",     "1e", "1e+", "inf",
        "nan", "0x1p0", "1,5", "--1", "1.2.3", "1e5.0", "1e999", "-1e999", "e5", "-inf"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        double d = 7;
        assert_false(num_parse_double(span_of(wrong[i]), -INFINITY, INFINITY, &d));
        assert_true(d == 7);
    }
    double d = 7;
    assert_false(num_parse_double(SPAN("1.0000000000000002"), -1, 1, &d));
    assert_false(num_parse_double(SPAN("-1.0000000000000002"), -1, 1, &d));
    assert_true(d == 7);
}

static void doubles_have_a_length(void **state)
{
    (void)state;
    char text[NUM_PARSE_MAX + 2];
    memset(text, '0', sizeof text);
    text[1] = '.';
    text[2] = '5';
    for (size_t len = NUM_PARSE_MAX - 1; len <= NUM_PARSE_MAX + 1; len++) {
        double d = 7;
        bool ok = num_parse_double((struct span){text, len}, 0, 1, &d);
        assert_int_equal(ok, len <= NUM_PARSE_MAX);
        assert_true(d == (ok ? 0.5 : 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shortest_is_pythons_str), cmocka_unit_test(shortest_chooses_its_form),
        cmocka_unit_test(shortest_reads_back),     cmocka_unit_test(parses_integers),
        cmocka_unit_test(refuses_integers),        cmocka_unit_test(integers_have_limits),
        cmocka_unit_test(parses_doubles),          cmocka_unit_test(refuses_doubles),
        cmocka_unit_test(doubles_have_a_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
