#include "http/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_stage(void **state)
{
    (void)state;
    assert_string_equal(route_strip_stage("prod", "/prod/reviews"), "/reviews");
    assert_string_equal(route_strip_stage("prod", "/reviews"), "/reviews");
    assert_string_equal(route_strip_stage("prod", "/prod"), "/");
    assert_string_equal(route_strip_stage("prod", "/prod/"), "/");
    assert_string_equal(route_strip_stage("prod", "/production/reviews"), "/production/reviews");
    assert_string_equal(route_strip_stage("prod", "/prod/prod/reviews"), "/prod/reviews");
    assert_string_equal(route_strip_stage("", "/prod/reviews"), "/prod/reviews");
    assert_string_equal(route_strip_stage("prod", "*"), "*");
}

static void test_origin(void **state)
{
    (void)state;
    assert_string_equal(route_strip_origin("/reviews"), "/reviews");
    assert_string_equal(route_strip_origin("http://a.example/reviews"), "/reviews");
    assert_string_equal(route_strip_origin("HTTPS://a.example:8443/prod/x"), "/prod/x");
    assert_string_equal(route_strip_origin("http://a.example"), "/");
    assert_string_equal(route_strip_origin("http://"), "/");
    assert_string_equal(route_strip_origin("http:/a/reviews"), "http:/a/reviews");
    assert_string_equal(route_strip_origin("/http://a/reviews"), "/http://a/reviews");
    assert_string_equal(route_strip_origin("ftp://a/reviews"), "ftp://a/reviews");
    assert_string_equal(route_strip_origin("*"), "*");
    assert_string_equal(route_strip_origin(""), "");
}

static struct http_server *server(void)
{
    static struct http_server s;
    s.config.route_count = 3;
    s.routes[0] = (struct http_route){"POST", "/reviews", NULL, NULL, false};
    s.routes[1] = (struct http_route){"GET", "/reviews", NULL, NULL, false};
    s.routes[2] = (struct http_route){"GET", "/healthz", NULL, NULL, true};
    return &s;
}

static void expect(const char *path, const char *method, int status, const char *allow)
{
    int got = 0;
    char text[64];
    assert_null(route_find(server(), path, method, &got, text, sizeof text));
    assert_int_equal(got, status);
    assert_string_equal(text, allow);
}

static void test_find(void **state)
{
    (void)state;
    int status = 0;
    char allow[64];
    const struct http_server *s = server();
    assert_ptr_equal(route_find(s, "/reviews", "POST", &status, allow, sizeof allow),
                     &s->routes[0]);
    assert_ptr_equal(route_find(s, "/reviews", "HEAD", &status, allow, sizeof allow),
                     &s->routes[1]);
    assert_int_equal(status, 0);
    assert_ptr_equal(route_with_path(s, "/reviews"), &s->routes[0]);
    assert_ptr_equal(route_with_path(s, "/healthz"), &s->routes[2]);
    assert_null(route_with_path(s, "/reviews/"));
    expect("/reviews", "DELETE", 405, "POST, GET, HEAD");
    expect("/healthz", "POST", 405, "GET, HEAD");
    expect("/reviews/", "POST", 404, "");
    expect("/", "GET", 404, "");
    expect("/reviews", "post", 405, "POST, GET, HEAD");
}

static void address(const char *fields[], size_t count, unsigned trusted, const char *expected)
{
    static struct head head;
    head.field_count = count;
    for (size_t i = 0; i < count; i++) {
        head.fields[i] = (struct head_field){SPAN("x-forwarded-for"), span_of(fields[i])};
    }
    struct connection peer = {0};
    peer.address.s6_addr[10] = peer.address.s6_addr[11] = 0xff;
    peer.address.s6_addr[12] = 127;
    peer.address.s6_addr[15] = 1;
    char got[REQUEST_IP_SIZE];
    client_address(got, &peer, &head, trusted);
    assert_string_equal(got, expected);
}

static void test_address_without_a_head(void **state)
{
    (void)state;
    struct connection peer = {.address = IN6ADDR_LOOPBACK_INIT};
    char got[REQUEST_IP_SIZE];
    client_address(got, &peer, NULL, 0);
    assert_string_equal(got, "::1");
    client_address(got, NULL, NULL, 0);
    assert_string_equal(got, "");
}

#define ADDRESS(trusted, expected, ...)                                                            \
    address((const char *[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), \
            trusted, expected)

static void test_client_address(void **state)
{
    (void)state;
    ADDRESS(0, "127.0.0.1", "192.0.2.7");
    ADDRESS(1, "192.0.2.7", "203.0.113.9, 192.0.2.7");
    ADDRESS(2, "203.0.113.9", "198.51.100.1, 203.0.113.9, 192.0.2.7");
    ADDRESS(1, "192.0.2.7", "192.0.2.7:4711");
    ADDRESS(1, "2001:db8::1", "[2001:db8::1]:4711");
    ADDRESS(1, "2001:db8::1", " 2001:db8::1 ");
    ADDRESS(1, "198.51.100.1", "203.0.113.9", "198.51.100.1");
    ADDRESS(2, "203.0.113.9", "203.0.113.9", "198.51.100.1");
    ADDRESS(3, "203.0.113.9", "203.0.113.9, 198.51.100.1");
    ADDRESS(1, "127.0.0.1", "unknown");
    ADDRESS(1, "127.0.0.1", "");
    ADDRESS(1, "127.0.0.1", "203.0.113.9,");
    ADDRESS(1, "127.0.0.1", "1.2.3.4<script>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stage),
        cmocka_unit_test(test_origin),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_client_address),
        cmocka_unit_test(test_address_without_a_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
