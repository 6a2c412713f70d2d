/* The container's endpoint: which address, which token, what answers. */
#include "credentials_fixture.h"

static const char RELATIVE[] = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
static const char FULL[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
static const char TOKEN[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
static const char TOKEN_FILE[] = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

static const struct fake_reply good[] = {{.status = 200, .body = KEYS("ASIA1")},
                                         {.status = 200, .body = KEYS("ASIA2")}};

static void relative_uri_wins(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(good, 1);
    fixture_set(f, RELATIVE, "/v2/credentials/abc");
    fixture_set(f, FULL, "http://localhost/other");
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), "container");
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_non_null(c);
    assert_string_equal(c->access_key_id, "ASIA1");
    assert_string_equal(c->secret_access_key, "secret");
    assert_string_equal(c->session_token, "token");
    assert_int_equal(c->expires_us, START + 60 * MINUTE);
    credentials_unref(c);
    assert_int_equal(f->net.sent_count, 1);
    assert_string_equal(f->net.sent[0].method, "GET");
    assert_string_equal(f->net.sent[0].url, "http://169.254.170.2/v2/credentials/abc");
    assert_string_equal(f->net.sent[0].headers, "Accept: application/json\n");
    assert_int_equal(f->net.sent[0].timeout_ms, 2000);
    fixture_free(f);
}

static void full_uri_is_taken(const char *uri)
{
    struct fixture *f = fixture_new(good, 1);
    fixture_set(f, FULL, uri);
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_string_equal(f->net.sent[0].url, uri);
    fixture_free(f);
}

static void uri_is_refused(const char *name, const char *uri, const char *reason)
{
    struct fixture *f = fixture_new(good, 1);
    fixture_set(f, name, uri);
    fixture_set(f, TOKEN, "token");
    fixture_open(f);
    fixture_fails(f, reason);
    assert_int_equal(f->net.sent_count, 0);
    fixture_free(f);
}

static void full_uri_follows_the_rules(void **state)
{
    (void)state;
    full_uri_is_taken("http://127.0.0.1:8080/get");
    full_uri_is_taken("http://[fd00:ec2::23]/v1/credentials");
    full_uri_is_taken("http://169.254.170.23/v1/credentials");
    full_uri_is_taken("https://anything.example/x?y=z");
    uri_is_refused(FULL, "http://127.evil.example/", "http is allowed only to loopback");
    uri_is_refused(FULL, "http://example.com/", "http is allowed only to loopback");
    uri_is_refused(FULL, "HTTPS://example.com/", "not an http:// or https:// address");
    uri_is_refused(FULL, "http://127.0.0.1@example.com/", "not an http:// or https:// address");
    uri_is_refused(FULL, "ftp://127.0.0.1/", "not an http:// or https:// address");
    uri_is_refused(RELATIVE, "v2/x", "allowed is a path that begins with /");
    uri_is_refused(RELATIVE, "@example.com/x", "allowed is a path that begins with /");
    uri_is_refused(RELATIVE, "/x\r\nHost: y", "allowed is a path that begins with /");
    char longest[4096];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    longest[0] = '/';
    uri_is_refused(RELATIVE, longest, "allowed is a path that begins with /");
    memcpy(longest, "https://", 8);
    uri_is_refused(FULL, longest, "not an http:// or https:// address");
}

static void token_file_wins_and_is_read_again(void **state)
{
    (void)state;
    char *path = fixture_file("first");
    struct fixture *f = fixture_new(good, 2);
    fixture_set(f, FULL, "http://localhost/");
    fixture_set(f, TOKEN, "variable");
    fixture_set(f, TOKEN_FILE, path);
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_non_null(strstr(f->net.sent[0].headers, "Authorization: first\n"));
    fixture_rewrite(path, "second");
    fake_clock_advance(&f->clock, 60 * MINUTE - SECOND);
    fixture_gives(f, "ASIA1"); /* still valid: served while the refresh runs */
    fake_transport_run(&f->net);
    assert_int_equal(f->net.sent_count, 2);
    assert_non_null(strstr(f->net.sent[1].headers, "Authorization: second\n"));
    fixture_free(f);
    fixture_unlink(path);
}

static void token_is_refused(const char *token, const char *text, const char *reason)
{
    char *path = fixture_file(text != NULL ? text : "");
    struct fixture *f = fixture_new(good, 1);
    fixture_set(f, FULL, "http://localhost/");
    if (token != NULL) {
        fixture_set(f, TOKEN, token);
    } else {
        fixture_set(f, TOKEN_FILE, path);
    }
    fixture_open(f);
    fixture_fails(f, reason);
    assert_int_equal(f->net.sent_count, 0);
    fixture_free(f);
    fixture_unlink(path);
}

static void token_must_be_one_line(void **state)
{
    (void)state;
    token_is_refused("a\r\nX-Evil: 1", NULL, "AUTHORIZATION_TOKEN holds a line break");
    token_is_refused("a\rb", NULL, "AUTHORIZATION_TOKEN holds a line break");
    token_is_refused(NULL, "a\n", "AUTHORIZATION_TOKEN_FILE holds a line break");
    token_is_refused(NULL, "a\rb", "AUTHORIZATION_TOKEN_FILE holds a line break");
    token_is_refused(NULL, "", "AUTHORIZATION_TOKEN_FILE is empty");
    struct fixture *f = fixture_new(good, 1);
    fixture_set(f, RELATIVE, "/x");
    fixture_set(f, TOKEN_FILE, "/nonexistent/token");
    fixture_open(f);
    fixture_fails(f, "/nonexistent/token: No such file or directory");
    fixture_free(f);
}

static void tries_three_times_one_second_apart(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {
        {.error = NET_TIMEOUT}, {.status = 500}, {.status = 200, .body = KEYS("ASIA1")}};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_int_equal(f->net.sent_count, 3);
    assert_int_equal(clock_wall_us(&f->clock.clock), START + 2 * SECOND);
    fixture_free(f);
    static const struct fake_reply bad[] = {{.error = NET_TIMEOUT},
                                            {.error = NET_CONNECT},
                                            {.status = 503},
                                            {.status = 200, .body = KEYS("X")}};
    f = fixture_new(bad, COUNT(bad));
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    fixture_fails(f, "container: 169.254.170.2: answered 503");
    assert_int_equal(f->net.sent_count, 3);
    fixture_free(f);
}

static void answer_fails(const struct fake_reply *reply, const char *reason)
{
    struct fake_reply script[] = {*reply, *reply, *reply};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, FULL, "https://agent.example/secret-path");
    fixture_open(f);
    char why[CREDENTIALS_REASON_SIZE];
    assert_null(fixture_get(f, why));
    if (strstr(why, reason) == NULL || strstr(why, "secret-path") != NULL) {
        fail_msg("reason is \"%s\", not \"%s\"", why, reason);
    }
    assert_int_equal(f->net.sent_count, 3);
    fixture_free(f);
}

#define BODY(text) (&(struct fake_reply){.status = 200, .body = (text)})

static void bad_answers_are_named(void **state)
{
    (void)state;
    answer_fails(&(struct fake_reply){.error = NET_TLS}, "agent.example: tls");
    answer_fails(&(struct fake_reply){.status = 404, .body = "<html>"},
                 "answered 404: the answer is not JSON");
    answer_fails(
        &(struct fake_reply){.status = 400,
                             .body = "{\"code\":\"InvalidId\",\"message\":\"no such\\ntask\"}"},
        "answered 400: InvalidId: no such?task");
    answer_fails(&(struct fake_reply){.status = 500, .body = KEYS("ASIA1")}, "answered 500");
    answer_fails(BODY(""), "the answer is not JSON");
    answer_fails(BODY("[]"), "the answer is not a JSON object");
    answer_fails(BODY("{}"), "the answer holds no AccessKeyId");
    answer_fails(BODY("{\"AccessKeyId\":\"A\"}"), "the answer holds no SecretAccessKey");
    answer_fails(BODY("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":1}"),
                 "the answer holds no SecretAccessKey");
    answer_fails(BODY("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Expiration\":\"soon\"}"),
                 "Expiration is missing or not a time");
    answer_fails(BODY("{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"S\"}"),
                 "the access key id is empty");
    answer_fails(BODY("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"\"}"),
                 "secret access key is empty");
    answer_fails(BODY("{\"AccessKeyId\":\"A\\r\\nX: y\",\"SecretAccessKey\":\"S\"}"),
                 "holds a blank or a control character");
    answer_fails(BODY("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\",\"Token\":\"a b\"}"),
                 "holds a blank or a control character");
    answer_fails(BODY("{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\","
                      "\"Expiration\":\"2025-11-28T12:16:31Z\""),
                 "the answer is not JSON"); /* cut */
}

static void size_is_bounded(void **state)
{
    (void)state;
    enum { LIMIT = 65536 };
    for (size_t size = LIMIT - 1; size <= LIMIT + 1; size++) {
        char *body = malloc(size + 1);
        assert_non_null(body);
        memset(body, ' ', size);
        body[size] = '\0';
        memcpy(body, KEYS("ASIA1"), sizeof(KEYS("ASIA1")) - 1);
        struct fake_reply script[] = {{.status = 200, .body = body},
                                      {.status = 200, .body = body},
                                      {.status = 200, .body = body}};
        struct fixture *f = fixture_new(script, COUNT(script));
        fixture_set(f, RELATIVE, "/x");
        fixture_open(f);
        if (size <= LIMIT) {
            fixture_gives(f, "ASIA1");
        } else {
            fixture_fails(f, "too_large");
        }
        fixture_free(f);
        free(body);
    }
}

static void expired_credentials_are_refused(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(good, 1);
    fake_clock_advance(&f->clock, 60 * MINUTE);
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    fixture_fails(f, "container: the credentials had expired already");
    fixture_free(f);
}

static void without_expiry_they_stay(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {
        {.status = 200, .body = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}"}};
    struct fixture *f = fixture_new(script, 1);
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    fixture_gives(f, "A");
    fake_clock_advance(&f->clock, 1000 * 24 * 60 * MINUTE);
    fixture_gives(f, "A");
    fake_transport_run(&f->net);
    assert_int_equal(f->net.sent_count, 1);
    fixture_free(f);
}

static void a_closing_transport_ends_it(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(good, 1);
    fixture_set(f, RELATIVE, "/x");
    fixture_open(f);
    struct asker a = {.waiter = {asker_ready, NULL}};
    struct credentials *c = NULL;
    assert_int_equal(credentials_get(f->source, &a.waiter, &c), CREDENTIALS_WAITING);
    fixture_free(f); /* leaks would be seen under AddressSanitizer */
    assert_int_equal(a.told, 1);
    assert_null(a.credentials);
    assert_string_equal(a.reason, "closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relative_uri_wins),
        cmocka_unit_test(full_uri_follows_the_rules),
        cmocka_unit_test(token_file_wins_and_is_read_again),
        cmocka_unit_test(token_must_be_one_line),
        cmocka_unit_test(tries_three_times_one_second_apart),
        cmocka_unit_test(bad_answers_are_named),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(expired_credentials_are_refused),
        cmocka_unit_test(without_expiry_they_stay),
        cmocka_unit_test(a_closing_transport_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
