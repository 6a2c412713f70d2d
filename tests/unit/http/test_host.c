#include "http/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_valid(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "a.example",
                                       "a:",
                                       "a:0",
                                       "a:65535",
                                       "a:00080",
                                       "127.0.0.1",
                                       "127.0.0.1:80",
                                       "[::1]",
                                       "[::1]:",
                                       "[::]:80",
                                       "[::1]:1",
                                       "[2001:db8::1]:8080",
                                       "%41",
                                       "a%4f%4F",
                                       "a%41:80",
                                       "-._~!$&'()*+;=",
                                       "[1111:2222:3333:4444:5555:6666:123.123.123.123]"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!host_valid(span_of(good[i]))) {
            fail_msg("refused: %s", good[i]);
        }
    }
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {
        ":",       ":80",
        "a:b",     "a:65536",
        "a:99999", "a:18446744073709551617",
        "a:80:80", "a:-1",
        "a: 1",    "a:+1",
        "::1",     "[::1",
        "[",       "[]",
        "[[",      "[[::1]]",
        "[::1]]",  "[::1]x",
        "[::1]80", "[a]",
        "]",       "a]",
        "a[b]",    "[::1%25eth0]",
        "[::1]:x", "%",
        "%4",      "%zz",
        "a%",      "a%4",
        "a%4:80",  "a%4g",
        "%%41",    "a b",
        "a,b",     "a/b",
        "u@a",     "[1.2.3.4]",
        "\xe9",    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbb]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (host_valid(span_of(bad[i]))) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    assert_false(host_valid(SPAN("a\0b")));
    assert_false(host_valid(SPAN("[::1\0]")));
    assert_false(host_valid(SPAN("a:8\0")));
}

/* Nothing behind the end is looked at. */
static void test_ends_early(void **state)
{
    (void)state;
    assert_true(host_valid((struct span){"a:65535x", 7}));
    assert_false(host_valid((struct span){"[::1]", 4}));
    assert_false(host_valid((struct span){"a%41", 3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_ends_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
