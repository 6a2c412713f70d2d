#include "support/test.h"

#include "http/state.h"

#include <arpa/inet.h>

static struct connection peer_at(const char *address)
{
    struct connection peer = {0};
    assert_int_equal(inet_pton(AF_INET6, address, &peer.address), 1);
    return peer;
}

/* The client behind `trusted` proxies, with up to two fields as they came; NULL: none. */
static void check(unsigned trusted, const char *first, const char *second, const char *expected)
{
    struct connection peer = peer_at("::ffff:192.0.2.9");
    struct head head = {0};
    char ip[REQUEST_IP_SIZE] = "untouched";
    head.fields[head.field_count++] = (struct head_field){SPAN("Host"), SPAN("203.0.113.1")};
    const char *const values[] = {first, second};
    for (size_t i = 0; i < 2 && values[i] != NULL; i++) {
        struct span name = i == 0 ? SPAN("X-Forwarded-For") : SPAN("x-forwarded-for");
        head.fields[head.field_count++] = (struct head_field){name, span_of(values[i])};
    }
    client_address(ip, &peer, &head, trusted);
    if (strcmp(ip, expected) != 0) {
        fail_msg("%u, %s: %s", trusted, first, ip);
    }
}

static void test_the_connection_says_it(void **state)
{
    (void)state;
    check(0, NULL, NULL, "192.0.2.9");
    check(0, "192.0.2.1", NULL, "192.0.2.9"); /* nobody is trusted */
    check(1, NULL, NULL, "192.0.2.9");
    struct connection peer = peer_at("2001:db8::1");
    const struct head head = {0};
    char ip[REQUEST_IP_SIZE];
    client_address(ip, &peer, &head, 0);
    assert_string_equal(ip, "2001:db8::1");
    client_address(ip, NULL, &head, 1);
    assert_string_equal(ip, "");
}

/* Each proxy appends whom it got the request from: what the client made up stands before that. */
static void test_as_many_entries_from_the_right_as_are_trusted(void **state)
{
    (void)state;
    check(1, "192.0.2.1", NULL, "192.0.2.1");
    check(1, "192.0.2.1, 192.0.2.2", NULL, "192.0.2.2");
    check(2, "192.0.2.1,192.0.2.2", NULL, "192.0.2.1");
    check(2, "made-up, 192.0.2.1 , 192.0.2.2", NULL, "192.0.2.1");
    check(3, "192.0.2.1, 192.0.2.2", NULL, "192.0.2.1"); /* fewer than trusted: the first */
    check(8, "192.0.2.1", NULL, "192.0.2.1");
    check(1, "192.0.2.1", "192.0.2.2", "192.0.2.2"); /* fields follow each other as one list */
    check(2, "192.0.2.1", "192.0.2.2", "192.0.2.1");
    check(2, "192.0.2.1", "192.0.2.2,192.0.2.3", "192.0.2.2");
    check(3, "192.0.2.0,192.0.2.1", "192.0.2.2,192.0.2.3", "192.0.2.1");
}

static void test_forms_of_an_entry(void **state)
{
    (void)state;
    check(1, "192.0.2.1:4711", NULL, "192.0.2.1");
    check(1, " \t192.0.2.1\t ", NULL, "192.0.2.1");
    check(1, "2001:db8::1", NULL, "2001:db8::1");
    check(1, "[2001:db8::1]", NULL, "2001:db8::1");
    check(1, "[2001:db8::1]:4711", NULL, "2001:db8::1");
    check(1, "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", NULL,
          "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"); /* 45 bytes, the longest */
}

/* What is no address never gets into the log: the connection's stands there. */
static void test_what_is_no_address_is_not_taken(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",  " ",  "unknown", "192.0.2", "192.0.2.256", "192.0.2.1,", "example.com",
        "[", "[]", "::g",     ":",       "\"x\":\"y\"", "1:2:3",      "192.0.2.1.5"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check(1, bad[i], NULL, "192.0.2.9");
    }
    char text[64];
    for (size_t len = 45; len <= 60; len++) { /* too long, also for what it is copied into */
        memset(text, '1', len);
        text[len] = '\0';
        check(1, text, NULL, "192.0.2.9");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_connection_says_it),
        cmocka_unit_test(test_as_many_entries_from_the_right_as_are_trusted),
        cmocka_unit_test(test_forms_of_an_entry),
        cmocka_unit_test(test_what_is_no_address_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
