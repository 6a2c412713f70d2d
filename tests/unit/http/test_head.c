#include "support/headtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What head_check() says of a raw head, "unparsed" when the library would have refused it. */
static const char *check(const char *raw, size_t len)
{
    static struct head head;
    static char copy[65536];
    memcpy(copy, raw, len);
    copy[len] = '\0';
    return headtext_parse(copy, len, &head) ? head_check(&head) : "unparsed";
}

#define CHECK(raw) check(raw, sizeof(raw) - 1)
#define HEAD(rest) "POST /reviews HTTP/1.1\r\nHost: a.example\r\n" rest "\r\n"

static void test_sound_heads(void **state)
{
    (void)state;
    assert_null(CHECK(HEAD("")));
    assert_null(CHECK(HEAD("Content-Length: 12\r\n")));
    assert_null(CHECK(HEAD("Content-Length:12\r\n")));
    assert_null(CHECK(HEAD("Content-Length:  12 \r\n")));
    assert_null(CHECK(HEAD("Transfer-Encoding: chunked\r\n")));
    assert_null(CHECK(HEAD("transfer-encoding: CHUNKED\r\n")));
    assert_null(CHECK(HEAD("X-Empty:\r\nX-Tab: a\tb\r\nX-Latin: \xe9\r\n")));
    assert_null(CHECK("GET / HTTP/1.0\r\n\r\n"));
    assert_null(CHECK("GET / HTTP/1.1\nHost: a\nX: b\n\n"));
    assert_null(CHECK("GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n"));
    assert_null(CHECK("GET / HTTP/1.1\r\nHost:\r\n\r\n"));
}

static void test_host(void **state)
{
    (void)state;
    assert_string_equal(CHECK("GET / HTTP/1.1\r\nX: y\r\n\r\n"), "no Host header");
    assert_string_equal(CHECK(HEAD("Host: b.example\r\n")), "more than one Host header");
    assert_string_equal(CHECK("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"),
                        "more than one Host header");
    static const char *const bad[] = {"a b", "a,b",  "a/b",  "user@a", "a?b",
                                      "a#b", "\xe9", "a\"b", "a\\b",   "<a>"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char raw[128];
        int len = snprintf(raw, sizeof raw, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        assert_string_equal(check(raw, (size_t)len), "invalid Host header");
    }
}

static void test_framing(void **state)
{
    (void)state;
    assert_string_equal(CHECK(HEAD("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")),
                        "both Content-Length and Transfer-Encoding");
    assert_string_equal(CHECK(HEAD("Content-Length: 3\r\nContent-Length: 4\r\n")),
                        "more than one Content-Length header");
    assert_string_equal(CHECK(HEAD("Content-Length: 3\r\ncontent-length: 3\r\n")),
                        "more than one Content-Length header");
    static const char *const lengths[] = {"+3", "-1", "3, 3", "0x3", "", "3 3", "1e3"};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char raw[128];
        int len = snprintf(raw, sizeof raw, HEAD("Content-Length: %s\r\n"), lengths[i]);
        assert_string_equal(check(raw, (size_t)len), "invalid Content-Length header");
    }
    static const char *const codings[] = {
        "gzip, chunked", "chunked, chunked", "identity", "xchunked", "", "chunked ", "chunked\t"};
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        char raw[128];
        int len = snprintf(raw, sizeof raw, HEAD("Transfer-Encoding: %s\r\n"), codings[i]);
        assert_string_equal(check(raw, (size_t)len), "Transfer-Encoding is not chunked");
    }
    assert_string_equal(CHECK(HEAD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
                        "Transfer-Encoding is not chunked");
    assert_string_equal(CHECK("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
                        "Transfer-Encoding in HTTP/1.0");
}

static void test_names_and_values(void **state)
{
    (void)state;
    static const char *const names[] = {"X(Y",   "X Y", "X ",    "X\x01",
                                        "X\xe9", "X@Y", "\"X\"", "X/Y"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char raw[128];
        int len = snprintf(raw, sizeof raw, HEAD("%s: 1\r\n"), names[i]);
        assert_string_equal(check(raw, (size_t)len), "invalid header name");
    }
    for (int c = 1; c < 256; c++) {
        char raw[] = HEAD("X: a#b\r\n");
        char *at = strchr(raw, '#');
        if (c == '\n') {
            continue; /* a line of its own */
        }
        *at = (char)c;
        bool control = (c < 0x20 && c != '\t') || c == 0x7f;
        const char *said = check(raw, sizeof raw - 1);
        if (control) {
            assert_string_equal(said, "control character in a header value");
        } else {
            assert_null(said);
        }
    }
}

#define LAYOUT "NUL byte, folded line or stray blank in the request head"

static void test_nul_bytes(void **state)
{
    (void)state;
    assert_string_equal(CHECK(HEAD("X: ab\0cd\r\nY: 1\r\n")), LAYOUT);
    assert_string_equal(CHECK(HEAD("X: ab\0cd\r\n")), LAYOUT);
    assert_string_equal(CHECK(HEAD("X: ab\0\r\nY: 1\r\n")), LAYOUT);
    assert_string_equal(CHECK(HEAD("X: \0\r\n")), LAYOUT);
    assert_string_equal(CHECK(HEAD("X: a\0\0\0\0evil: b\r\n")), LAYOUT);
    assert_string_equal(CHECK("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"), LAYOUT);
}

static void test_field_limit(void **state)
{
    (void)state;
    for (int fields = HEAD_FIELDS_MAX - 1; fields <= HEAD_FIELDS_MAX + 1; fields++) {
        char raw[8192];
        size_t len = (size_t)snprintf(raw, sizeof raw, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (int i = 1; i < fields; i++) {
            len += (size_t)snprintf(raw + len, sizeof raw - len, "X-%d: v\r\n", i);
        }
        len += (size_t)snprintf(raw + len, sizeof raw - len, "\r\n");
        const char *said = check(raw, len);
        if (fields <= HEAD_FIELDS_MAX) {
            assert_null(said);
        } else {
            assert_string_equal(said, "too many header fields");
        }
    }
}

static void test_method(void **state)
{
    (void)state;
    assert_null(CHECK("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_string_equal(CHECK("PO(ST / HTTP/1.1\r\nHost: a\r\n\r\n"), "invalid method");
    assert_string_equal(CHECK("P\x01 / HTTP/1.1\r\nHost: a\r\n\r\n"), "invalid method");
    assert_string_equal(CHECK("\xe9 / HTTP/1.1\r\nHost: a\r\n\r\n"), "invalid method");
}

static void test_target(void **state)
{
    (void)state;
    static const char nul[] = "NUL byte in the request target";
    assert_string_equal(head_check_target(SPAN("/reviews%00")), nul);
    assert_string_equal(head_check_target(SPAN("%00")), nul);
    assert_string_equal(head_check_target(SPAN("/reviews?a=%00b")), nul);
    assert_null(head_check_target(SPAN("/reviews%0")));
    assert_null(head_check_target(SPAN("/reviews%010%20%0")));
    assert_null(head_check_target(SPAN("/\x80?\xff")));
    for (int c = 1; c < 0x80; c++) {
        char target[] = "/reviews?a#";
        target[sizeof target - 2] = (char)c;
        bool refused = c <= ' ' || c == 0x7f;
        assert_int_equal(head_check_target(span_of(target)) != NULL, refused);
    }
    assert_null(head_check_target(SPAN("")));
}

static void test_find(void **state)
{
    (void)state;
    char raw[] = HEAD("X-One: 1\r\nx-one: 2\r\n");
    static struct head head;
    assert_true(headtext_parse(raw, sizeof raw - 1, &head));
    assert_true(span_equal(head_find(&head, "X-ONE"), SPAN("1")));
    assert_null(head_find(&head, "X-On").ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_heads), cmocka_unit_test(test_host),
        cmocka_unit_test(test_framing),     cmocka_unit_test(test_names_and_values),
        cmocka_unit_test(test_nul_bytes),   cmocka_unit_test(test_field_limit),
        cmocka_unit_test(test_find),        cmocka_unit_test(test_method),
        cmocka_unit_test(test_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
