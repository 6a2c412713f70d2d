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

static void expect(const char *path, const char *method, const struct http_route *path_of,
                   const char *allow)
{
    struct route_match match;
    route_find(server(), path, method, &match);
    assert_null(match.route);
    assert_ptr_equal(match.path_of, path_of);
    assert_string_equal(match.allow, allow);
}

static const struct http_route *found(const char *path, const char *method)
{
    struct route_match match;
    route_find(server(), path, method, &match);
    return match.route;
}

static void test_find(void **state)
{
    (void)state;
    const struct http_route *routes = server()->routes;
    assert_ptr_equal(found("/reviews", "POST"), &routes[0]);
    assert_ptr_equal(found("/reviews", "HEAD"), &routes[1]);
    expect("/reviews", "DELETE", &routes[0], "POST, GET, HEAD");
    expect("/healthz", "POST", &routes[2], "GET, HEAD");
    expect("/reviews", "post", &routes[0], "POST, GET, HEAD");
    expect("/reviews/", "POST", NULL, "");
    expect("/", "GET", NULL, "");
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
