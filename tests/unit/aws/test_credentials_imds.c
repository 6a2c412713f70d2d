/* The instance's metadata service: the token, its fall-backs, the role, stale credentials. */
#include "credentials_fixture.h"

#define TOKEN_REPLY                                                                                \
    {                                                                                              \
        .status = 200, .body = "tok=en"                                                            \
    }
#define ROLE_REPLY                                                                                 \
    {                                                                                              \
        .status = 200, .body = "my-role"                                                           \
    }
#define KEYS_REPLY                                                                                 \
    {                                                                                              \
        .status = 200, .body = KEYS("ASIA1")                                                       \
    }
#define ROLE_URL "http://169.254.169.254/latest/meta-data/iam/security-credentials/"

static void asks_token_role_and_keys(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {
        TOKEN_REPLY, {.status = 200, .body = "my-role\nother\n"}, KEYS_REPLY};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), "instance metadata");
    fixture_gives(f, "ASIA1");
    assert_int_equal(f->net.sent_count, 3);
    const struct fake_sent *sent = f->net.sent;
    assert_string_equal(sent[0].method, "PUT");
    assert_string_equal(sent[0].url, "http://169.254.169.254/latest/api/token");
    assert_string_equal(sent[0].headers, "x-aws-ec2-metadata-token-ttl-seconds: 21600\n");
    assert_int_equal(sent[0].timeout_ms, 1000);
    assert_string_equal(sent[1].method, "GET");
    assert_string_equal(sent[1].url, ROLE_URL);
    assert_string_equal(sent[1].headers, "x-aws-ec2-metadata-token: tok=en\n");
    assert_string_equal(sent[2].url, ROLE_URL "my-role");
    assert_string_equal(sent[2].headers, "x-aws-ec2-metadata-token: tok=en\n");
    assert_int_equal(sent[2].timeout_ms, 1000);
    fixture_free(f);
}

static void falls_back(struct fake_reply token, const char *disabled, const char *failure)
{
    struct fake_reply script[] = {token, ROLE_REPLY, KEYS_REPLY};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, "AWS_EC2_METADATA_V1_DISABLED", disabled);
    fixture_open(f);
    if (failure == NULL) {
        fixture_gives(f, "ASIA1");
        assert_string_equal(f->net.sent[1].url, ROLE_URL);
        assert_string_equal(f->net.sent[1].headers, "");
        assert_string_equal(f->net.sent[2].headers, "");
    } else {
        fixture_fails(f, failure);
        assert_int_equal(f->net.sent_count, 1);
    }
    fixture_free(f);
}

static void falls_back_to_version_1(void **state)
{
    (void)state;
    static const int statuses[] = {403, 404, 405};
    for (size_t i = 0; i < COUNT(statuses); i++) {
        falls_back((struct fake_reply){.status = statuses[i]}, NULL, NULL);
        falls_back((struct fake_reply){.status = statuses[i]}, "false", NULL);
        falls_back((struct fake_reply){.status = statuses[i]}, "True", "version 1 is disabled");
    }
    falls_back((struct fake_reply){.error = NET_TIMEOUT}, NULL, NULL);
    falls_back((struct fake_reply){.error = NET_TIMEOUT}, "true", "http-put-response-hop-limit");
    falls_back((struct fake_reply){.status = 400}, NULL, "no token: answered 400");
    falls_back((struct fake_reply){.status = 401}, NULL, "no token: answered 401");
    falls_back((struct fake_reply){.status = 500}, NULL, "no token: answered 500");
    falls_back((struct fake_reply){.error = NET_CONNECT}, NULL, "no token: connect");
    falls_back((struct fake_reply){.status = 200}, NULL, "the token is empty or not printable");
    falls_back((struct fake_reply){.status = 200, .body = "a\r\nb: c"}, NULL,
               "the token is empty or not printable");
}

static void fails_with(const struct fake_reply *script, size_t count, const char *reason)
{
    struct fixture *f = fixture_new(script, count);
    fixture_open(f);
    fixture_fails(f, reason);
    assert_int_equal(f->net.sent_count, count);
    fixture_free(f);
}

static void names_what_fails_later(void **state)
{
    (void)state;
    const struct fake_reply hop[] = {{.error = NET_TIMEOUT}, {.status = 401}};
    fails_with(hop, 2, "requires a token (401)");
    fails_with(hop, 2, "http-put-response-hop-limit");
    const struct fake_reply slow[] = {{.error = NET_TIMEOUT}, {.error = NET_TIMEOUT}};
    fails_with(slow, 2, "timeout: timeout; no answer to the token request: in a container");
    const struct fake_reply no_role[] = {TOKEN_REPLY, {.status = 404}};
    fails_with(no_role, 2, "the instance has no role attached (404)");
    const struct fake_reply empty[] = {TOKEN_REPLY, {.status = 200}};
    fails_with(empty, 2, "does not begin with a role's name");
    const struct fake_reply html[] = {TOKEN_REPLY, {.status = 200, .body = "<html>"}};
    fails_with(html, 2, "does not begin with a role's name");
    const struct fake_reply path[] = {TOKEN_REPLY, {.status = 200, .body = "../../user-data"}};
    fails_with(path, 2, "does not begin with a role's name");
    const struct fake_reply gone[] = {TOKEN_REPLY, ROLE_REPLY, {.status = 404}};
    fails_with(gone, 3, "answered 404");
    const struct fake_reply code[] = {
        TOKEN_REPLY,
        ROLE_REPLY,
        {.status = 200,
         .body = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume\"}"}};
    fails_with(code, 3, "AssumeRoleUnauthorizedAccess: EC2 cannot assume");
    const struct fake_reply eternal[] = {
        TOKEN_REPLY,
        ROLE_REPLY,
        {.status = 200, .body = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"S\"}"}};
    fails_with(eternal, 3, "Expiration is missing");
    const struct fake_reply broken[] = {TOKEN_REPLY, ROLE_REPLY, {.error = NET_BROKEN}};
    fails_with(broken, 3, "broken");
}

static void role_names_are_bounded(void **state)
{
    (void)state;
    for (size_t len = 127; len <= 129; len++) {
        char name[130];
        memset(name, 'r', len);
        name[len] = '\0';
        struct fake_reply script[] = {TOKEN_REPLY, {.status = 200, .body = name}, KEYS_REPLY};
        struct fixture *f = fixture_new(script, COUNT(script));
        fixture_open(f);
        if (len <= 128) {
            fixture_gives(f, "ASIA1");
        } else {
            fixture_fails(f, "does not begin with a role's name");
        }
        fixture_free(f);
    }
}

static void tokens_are_bounded(void **state)
{
    (void)state;
    for (size_t len = 1023; len <= 1025; len++) {
        char token[1026];
        memset(token, 't', len);
        token[len] = '\0';
        struct fake_reply script[] = {{.status = 200, .body = token}, ROLE_REPLY, KEYS_REPLY};
        struct fixture *f = fixture_new(script, COUNT(script));
        fixture_open(f);
        if (len <= 1024) {
            fixture_gives(f, "ASIA1");
        } else {
            fixture_fails(f, "the token is empty or not printable");
        }
        fixture_free(f);
    }
}

static void endpoint_is(const char *endpoint, const char *mode, const char *url)
{
    static const struct fake_reply script[] = {TOKEN_REPLY, ROLE_REPLY, KEYS_REPLY};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint);
    fixture_set(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", mode);
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_string_equal(f->net.sent[0].url, url);
    fixture_free(f);
}

static void setting_fails(const char *name, const char *value, const char *reason)
{
    struct fixture *f = fixture_new(NULL, 0);
    fixture_set(f, name, value);
    fixture_open(f);
    fixture_fails(f, reason);
    assert_int_equal(f->net.sent_count, 0);
    fixture_free(f);
}

static void settings_are_followed(void **state)
{
    (void)state;
    endpoint_is(NULL, "ipv4", "http://169.254.169.254/latest/api/token");
    endpoint_is(NULL, "IPv6", "http://[fd00:ec2::254]/latest/api/token");
    endpoint_is("http://127.0.0.1:1338/", "IPv6", "http://127.0.0.1:1338/latest/api/token");
    endpoint_is("http://example.com/base//", NULL, "http://example.com/base/latest/api/token");
    setting_fails("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5", "allowed is IPv4 or IPv6");
    setting_fails("AWS_EC2_METADATA_SERVICE_ENDPOINT", "169.254.169.254", "not an http://");
    setting_fails("AWS_METADATA_SERVICE_TIMEOUT", "0", "from 1 to 60");
    setting_fails("AWS_METADATA_SERVICE_TIMEOUT", "61", "from 1 to 60");
    setting_fails("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "x", "from 1 to 10");
    static const struct fake_reply script[] = {{.status = 500},        TOKEN_REPLY,
                                               {.status = 500},        ROLE_REPLY,
                                               {.error = NET_TIMEOUT}, KEYS_REPLY};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, "AWS_METADATA_SERVICE_TIMEOUT", "60");
    fixture_set(f, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2");
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_int_equal(f->net.sent[0].timeout_ms, 60000);
    fixture_free(f);
}

static void may_be_disabled(void **state)
{
    (void)state;
    setting_fails("AWS_EC2_METADATA_DISABLED", "TRUE", "no AWS credentials are configured");
    static const struct fake_reply script[] = {TOKEN_REPLY, ROLE_REPLY, KEYS_REPLY};
    struct fixture *f = fixture_new(script, COUNT(script));
    fixture_set(f, "AWS_EC2_METADATA_DISABLED", "false");
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    fixture_free(f);
}

/* When the service cannot renew, it gives the old credentials: they are used longer. */
static void used_until(int64_t now_us, uint64_t random, int64_t expires_us)
{
    static const struct fake_reply script[] = {TOKEN_REPLY, ROLE_REPLY, KEYS_REPLY};
    struct fixture *f = fixture_new(script, COUNT(script));
    f->random = random;
    fake_clock_advance(&f->clock, now_us - START);
    fixture_open(f);
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_non_null(c);
    assert_int_equal(c->expires_us, expires_us);
    credentials_unref(c);
    fixture_free(f);
}

static void stale_credentials_are_used_longer(void **state)
{
    (void)state;
    const int64_t end = START + 60 * MINUTE;
    used_until(end - 15 * MINUTE - 1, 0, end);
    used_until(end - 15 * MINUTE, 0, end + 2 * MINUTE);
    used_until(end - 1, 0, end - 1 + 17 * MINUTE);
    used_until(end, 0, end + 17 * MINUTE);
    used_until(end + 60 * MINUTE, 8 * (uint64_t)MINUTE, end + 85 * MINUTE);
    used_until(end + 60 * MINUTE, 8 * (uint64_t)MINUTE + 1, end + 77 * MINUTE);
}

/* Not yet expired, they may only be not renewed yet: asked again while they are valid for sure. */
static void stale_credentials_are_asked_for_again(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {
        TOKEN_REPLY,
        ROLE_REPLY,
        KEYS_REPLY,
        TOKEN_REPLY,
        ROLE_REPLY,
        {.status = 200,
         .body = "{\"AccessKeyId\":\"ASIA2\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                 "\"Expiration\":\"2025-11-28T18:16:31Z\"}"}};
    struct fixture *f = fixture_new(script, COUNT(script));
    fake_clock_advance(&f->clock, 50 * MINUTE);
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_int_equal(fake_transport_due_us(&f->net), 5 * MINUTE);
    assert_true(fake_transport_step(&f->net));
    fixture_gives(f, "ASIA2");
    fixture_free(f);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {TOKEN_REPLY, ROLE_REPLY, KEYS_REPLY};
    bool good = false;
    for (long n = 1; !good; n++) {
        assert_true(n < 200);
        struct fixture *f = fixture_new(script, COUNT(script));
        alloc_fail_at(n);
        f->source = credentials_open(&f->config);
        char why[CREDENTIALS_REASON_SIZE] = "";
        struct credentials *c = f->source != NULL ? fixture_get(f, why) : NULL;
        good = alloc_count() < n;
        alloc_fail_at(0);
        assert_true(c != NULL || f->source == NULL || why[0] != '\0');
        assert_true(!good || c != NULL);
        credentials_unref(c);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_token_role_and_keys),
        cmocka_unit_test(falls_back_to_version_1),
        cmocka_unit_test(names_what_fails_later),
        cmocka_unit_test(role_names_are_bounded),
        cmocka_unit_test(tokens_are_bounded),
        cmocka_unit_test(settings_are_followed),
        cmocka_unit_test(may_be_disabled),
        cmocka_unit_test(stale_credentials_are_used_longer),
        cmocka_unit_test(stale_credentials_are_asked_for_again),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
