/* Which addresses credentials may be fetched from: an attacker who can set one must not get the
 * token. */
#include "aws/uri.h"
#include "support/test.h"

#include <stdio.h>

static bool splits(const char *text)
{
    struct uri uri;
    return uri_split(text, &uri);
}

static bool local(const char *text)
{
    struct uri uri;
    return uri_split(text, &uri) && !uri.https && uri_is_local(&uri);
}

static void takes_addresses_apart(void **state)
{
    (void)state;
    struct uri uri;
    assert_true(uri_split("https://example.com:8443/a/b?c=d", &uri));
    assert_true(uri.https);
    assert_true(span_equal(uri.host, SPAN("example.com")));
    assert_true(span_equal(uri.authority, SPAN("example.com:8443")));
    assert_int_equal(uri.port, 8443);
    assert_true(span_equal(uri.path, SPAN("/a/b?c=d")));
    assert_true(uri_split("http://[::1]/x", &uri));
    assert_true(uri.bracketed && !uri.https);
    assert_true(span_equal(uri.host, SPAN("::1")));
    assert_int_equal(uri.port, 0);
    assert_true(uri_split("http://h", &uri));
    assert_int_equal(uri.path.len, 0);
}

static void refuses_what_is_doubtful(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "http",
        "http:",
        "http:/x",
        "http://",
        "http:///x",
        "HTTP://localhost/",
        "Http://localhost/",
        "httpx://localhost/",
        "httpsx://localhost/",
        "ftp://localhost/",
        "//localhost/",
        " http://localhost/",
        "http://user@localhost/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://evil.example\\@127.0.0.1/",
        "http://evil.example#@127.0.0.1/",
        "http://local host/",
        "http://localhost/a b",
        "http://localhost/a\r\nX: y",
        "http://localhost/\x7f",
        "http://localhost/\xc3\xa4",
        "http://localhost/#x",
        "http://localhost:0/",
        "http://localhost:65536/",
        "http://localhost:/",
        "http://localhost:8a/",
        "http://localhost:-1/",
        "http://localhost:80:80/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[::1]:/",
        "http://[127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://[]/",
        "http://::1/",
        "http://%6cocalhost/",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (splits(bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_true(splits("http://localhost:1/"));
    assert_true(splits("http://localhost:65535"));
}

static void knows_local_addresses(void **state)
{
    (void)state;
    static const char *const good[] = {
        "http://127.0.0.1/",
        "http://127.0.0.0",
        "http://127.255.255.255:80/x",
        "http://localhost:1234/get",
        "http://LOCALHOST/",
        "http://[::1]/",
        "http://[0:0:0:0:0:0:0:1]:80/",
        "http://169.254.170.2/v2",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "http://[FD00:0EC2::0023]/",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        if (!local(good[i])) {
            fail_msg("refused: %s", good[i]);
        }
    }
}

static void is_not_fooled(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "http://127.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://localhost./",
        "http://localhos/",
        "http://126.255.255.255/",
        "http://128.0.0.0/",
        "http://127.1/",
        "http://127.0.0/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://169.254.170.1/",
        "http://169.254.170.3/",
        "http://169.254.170.22/",
        "http://169.254.170.24/",
        "http://169.254.169.254/",
        "http://[::2]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00:ec2::22]/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "http://example.com/",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (local(bad[i])) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void checks_paths(void **state)
{
    (void)state;
    assert_true(uri_path_ok(SPAN("/v2/credentials/abc-123?x=y")));
    assert_true(uri_path_ok(SPAN("/")));
    assert_false(uri_path_ok(SPAN("")));
    assert_false(uri_path_ok(SPAN("v2")));
    assert_false(uri_path_ok(SPAN("@evil.example/")));
    assert_false(uri_path_ok(SPAN("/a b")));
    assert_false(uri_path_ok(SPAN("/a\r\nX: y")));
    assert_false(uri_path_ok(SPAN("/a\\b")));
    assert_false(uri_path_ok(SPAN("/a#b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_addresses_apart), cmocka_unit_test(refuses_what_is_doubtful),
        cmocka_unit_test(knows_local_addresses), cmocka_unit_test(is_not_fooled),
        cmocka_unit_test(checks_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
