/* Web identity, and the choice of the place where credentials come from. */
#include "credentials_fixture.h"

#define STS(action, id)                                                                            \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n<" action           \
    "Result>\n<AssumedRoleUser><Arn>x</Arn></AssumedRoleUser>\n<Credentials>\n"                    \
    "<AccessKeyId>" id "</AccessKeyId><SecretAccessKey>se+cret</SecretAccessKey>"                  \
    "<SessionToken>tok&#61;en</SessionToken><Expiration>2025-11-28T12:16:31Z</Expiration>\n"       \
    "</Credentials></" action "Result></" action "Response>"
#define WEB(id)                                                                                    \
    {                                                                                              \
        .status = 200, .body = STS("AssumeRoleWithWebIdentity", id)                                \
    }
#define STS_ERROR(code)                                                                            \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code                                         \
    "</Code><Message>because\nof it</Message></Error><RequestId>r</RequestId></ErrorResponse>"

static char *token_path;

static struct fixture *web_fixture(const struct fake_reply *script, size_t count)
{
    struct fixture *f = fixture_new(script, count);
    fixture_set(f, "AWS_WEB_IDENTITY_TOKEN_FILE", token_path);
    fixture_set(f, "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod");
    fixture_set(f, "AWS_ROLE_SESSION_NAME", "session@x");
    fixture_set(f, "AWS_REGION", "eu-west-1");
    return f;
}

static int make_token(void **state)
{
    (void)state;
    token_path = fixture_file("eyJh.first\n");
    return 0;
}

static int drop_token(void **state)
{
    (void)state;
    fixture_unlink(token_path);
    return 0;
}

static void asks_sts_without_signing(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {WEB("ASIA1"), WEB("ASIA2")};
    struct fixture *f = web_fixture(script, COUNT(script));
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), "web identity");
    char why[CREDENTIALS_REASON_SIZE];
    struct credentials *c = fixture_get(f, why);
    assert_non_null(c);
    assert_string_equal(c->access_key_id, "ASIA1");
    assert_string_equal(c->secret_access_key, "se+cret");
    assert_string_equal(c->session_token, "tok=en");
    assert_int_equal(c->expires_us, START + 60 * MINUTE);
    credentials_unref(c);
    const struct fake_sent *sent = &f->net.sent[0];
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url, "https://sts.eu-west-1.amazonaws.com/");
    assert_string_equal(sent->headers,
                        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\n"
                        "Accept: application/xml\n");
    assert_string_equal(sent->body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                                    "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fpod"
                                    "&RoleSessionName=session%40x&WebIdentityToken=eyJh.first");
    fixture_rewrite(token_path, "second");
    fake_clock_advance(&f->clock, 45 * MINUTE);
    fake_transport_run(&f->net);
    fixture_gives(f, "ASIA2");
    assert_non_null(strstr(f->net.sent[1].body, "&WebIdentityToken=second"));
    fixture_free(f);
}

static void finds_its_endpoint(const char *region, const char *name, const char *value,
                               const char *url)
{
    static const struct fake_reply script[] = {WEB("ASIA1")};
    struct fixture *f = web_fixture(script, COUNT(script));
    fixture_set(f, "AWS_REGION", region);
    fixture_set(f, name, value);
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    assert_string_equal(f->net.sent[0].url, url);
    fixture_free(f);
}

static void endpoint_follows_the_settings(void **state)
{
    (void)state;
    finds_its_endpoint("cn-north-1", "X", NULL, "https://sts.cn-north-1.amazonaws.com.cn/");
    finds_its_endpoint(NULL, "AWS_DEFAULT_REGION", "us-west-2",
                       "https://sts.us-west-2.amazonaws.com/");
    finds_its_endpoint(NULL, "X", NULL, "https://sts.us-east-1.amazonaws.com/");
    finds_its_endpoint("eu-west-1", "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:4566/sts",
                       "http://127.0.0.1:4566/sts");
    finds_its_endpoint("eu-west-1", "AWS_ENDPOINT_URL", "http://127.0.0.1:4566",
                       "http://127.0.0.1:4566/");
    static const struct fake_reply script[] = {WEB("ASIA1")};
    struct fixture *f = web_fixture(script, COUNT(script));
    char url[] = "https://sts.example.com";
    f->config.sts_url = url;
    fixture_open(f);
    url[0] = 'x'; /* it was copied */
    fixture_gives(f, "ASIA1");
    assert_string_equal(f->net.sent[0].url, "https://sts.example.com/");
    fixture_free(f);
    f = web_fixture(script, COUNT(script));
    fixture_set(f, "AWS_REGION", "eu west");
    fixture_open(f);
    fixture_fails(f, "eu west");
    fixture_free(f);
}

static void fails(const struct fake_reply *script, size_t count, size_t asked, const char *reason)
{
    struct fixture *f = web_fixture(script, count);
    fixture_open(f);
    fixture_fails(f, reason);
    assert_int_equal(f->net.sent_count, asked);
    fixture_free(f);
}

static void refusals_are_final(void **state)
{
    (void)state;
    static const struct fake_reply denied[] = {{.status = 403, .body = STS_ERROR("AccessDenied")}};
    fails(denied, 1, 1,
          "web identity: assuming arn:aws:iam::123456789012:role/pod: AccessDenied: because of it");
    static const struct fake_reply html[] = {{.status = 404, .body = "<html>"}};
    fails(html, 1, 1, "answered 404");
    static const struct fake_reply empty[] = {{.status = 200}};
    fails(empty, 1, 1, "the answer holds no AccessKeyId");
    static const struct fake_reply other[] = {{.status = 200, .body = STS("AssumeRole", "X")}};
    fails(other, 1, 1, "the answer holds no AccessKeyId");
    static const struct fake_reply cut[] = {
        {.status = 200,
         .body = STS("AssumeRoleWithWebIdentity", "ASIA1"),
         .body_len = sizeof(STS("AssumeRoleWithWebIdentity", "ASIA1")) - 120}};
    fails(cut, 1, 1, "the answer holds no Expiration");
}

static void passing_troubles_are_tried_again(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {
        {.status = 400, .body = STS_ERROR("IDPCommunicationError")}, {.status = 503}, WEB("ASIA1")};
    struct fixture *f = web_fixture(script, COUNT(script));
    fixture_open(f);
    fixture_gives(f, "ASIA1");
    fixture_free(f);
    static const struct fake_reply slow[] = {
        {.status = 400, .body = STS_ERROR("Throttling")}, {.status = 429}, {.error = NET_TIMEOUT}};
    fails(slow, 3, 3, "timeout");
}

/* Faults of the service back off from 50 ms, throttling from 1 s, both with jitter. */
static void pauses_are_those_of_all_calls(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {{.status = 503}, {.status = 503}, {.status = 503}};
    struct fixture *f = web_fixture(script, COUNT(script));
    fixture_open(f);
    fixture_fails(f, "answered 503");
    int64_t pauses[2] = {0};
    size_t count = 0;
    for (size_t i = 0; i < f->net.timer_count && count < 2; i++) {
        if (f->net.timers[i].delay_us != 0) { /* 0: work that was posted */
            pauses[count++] = f->net.timers[i].delay_us;
        }
    }
    assert_int_equal(count, 2);
    assert_in_range(pauses[0], 1, 50000);
    assert_in_range(pauses[1], 1, 100000);
    assert_int_equal(f->net.sent_count, 3);
    fixture_free(f);
}

static void token_file_must_hold_one(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {WEB("ASIA1")};
    struct fixture *f = web_fixture(script, 1);
    fixture_set(f, "AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token");
    fixture_open(f);
    fixture_fails(f, "/nonexistent/token: No such file or directory");
    fixture_free(f);
    fixture_rewrite(token_path, " \n");
    f = web_fixture(script, 1);
    fixture_open(f);
    fixture_fails(f, " is empty");
    fixture_rewrite(token_path, "third");
    fake_clock_advance(&f->clock, SECOND);
    fixture_gives(f, "ASIA1"); /* healed without a restart */
    fixture_free(f);
}

/* --- the choice ----------------------------------------------------------------------------- */

static void chosen(const struct var *vars, size_t count, const char *name)
{
    struct fixture *f = fixture_new(NULL, 0);
    for (size_t i = 0; i < count; i++) {
        fixture_set(f, vars[i].name, vars[i].value);
    }
    fixture_open(f);
    assert_string_equal(credentials_source_name(f->source), name);
    char why[CREDENTIALS_REASON_SIZE];
    credentials_unref(fixture_get(f, why));
    fake_clock_advance(&f->clock, MINUTE);
    credentials_unref(fixture_get(f, why)); /* a failure changes nothing */
    assert_string_equal(credentials_source_name(f->source), name);
    bool asked_the_instance = false;
    for (size_t i = 0; i < f->net.sent_count; i++) {
        asked_the_instance =
            asked_the_instance || strstr(f->net.sent[i].url, "169.254.169.254") != NULL;
    }
    assert_int_equal(asked_the_instance, strcmp(name, "instance metadata") == 0);
    fixture_free(f);
}

static void order_is_that_of_the_c_sdk(void **state)
{
    (void)state;
    /* Each configured, failing place is stayed with; without it comes the next. */
    const struct var vars[] = {
        {"AWS_EC2_METADATA_DISABLED", "false"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "https://agent.example/"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent"},
        {"AWS_PROFILE", "nobody"},
        {"AWS_ACCESS_KEY_ID", "AKIA1"},
    };
    chosen(vars, 5, "environment");
    chosen(vars, 4, "profile");
    chosen(vars, 3, "web identity");
    chosen(vars, 2, "container");
    chosen(vars, 1, "instance metadata");
    const struct var none[] = {{"AWS_EC2_METADATA_DISABLED", "true"}};
    chosen(none, 1, "none");
    const struct var relative[] = {{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"}};
    chosen(relative, 1, "container");
    const struct var secret[] = {{"AWS_SECRET_ACCESS_KEY", "s"}};
    chosen(secret, 1, "environment");
    const struct var role_only[] = {{"AWS_ROLE_ARN", "arn"}};
    chosen(role_only, 1, "instance metadata");
}

static void token_file_needs_a_role(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(NULL, 0);
    fixture_set(f, "AWS_WEB_IDENTITY_TOKEN_FILE", token_path);
    fixture_open(f);
    fixture_fails(f, "AWS_ROLE_ARN is not: set both");
    fixture_free(f);
}

static void survives_lack_of_memory(void **state)
{
    (void)state;
    static const struct fake_reply script[] = {WEB("ASIA1"), WEB("ASIA1"), WEB("ASIA1")};
    fixture_rewrite(token_path, "token");
    bool good = false;
    for (long n = 1; !good; n++) {
        assert_true(n < 200);
        struct fixture *f = web_fixture(script, COUNT(script));
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
        cmocka_unit_test(asks_sts_without_signing),
        cmocka_unit_test(endpoint_follows_the_settings),
        cmocka_unit_test(refusals_are_final),
        cmocka_unit_test(passing_troubles_are_tried_again),
        cmocka_unit_test(pauses_are_those_of_all_calls),
        cmocka_unit_test(token_file_must_hold_one),
        cmocka_unit_test(order_is_that_of_the_c_sdk),
        cmocka_unit_test(token_file_needs_a_role),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, make_token, drop_token);
}
