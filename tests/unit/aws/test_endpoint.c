#include "support/test.h"

#include "aws/endpoint.h"

#include <stdio.h>
#include <string.h>

/* An environment of name, value, name, value, …, NULL. */
static const char *from_list(void *context, const char *name)
{
    for (const char *const *pair = context; *pair != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0) {
            return pair[1];
        }
    }
    return NULL;
}

static struct endpoint_settings with_env(const char *const *list)
{
    return (struct endpoint_settings){.env = {from_list, (void *)list}};
}

#define ENV(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct aws_service *service_named(const char *name)
{
    const struct aws_service *all[] = {&aws_service_dynamodb, &aws_service_ses, &aws_service_sts};
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(all[i]->name, name) == 0) {
            return all[i];
        }
    }
    return NULL;
}

static void test_same_hosts_as_botocore(void **state)
{
    (void)state;
    FILE *f = fopen("tests/unit/aws/endpoint_golden.txt", "r");
    char line[256];
    size_t count = 0;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char name[32];
        char region[32];
        char url[160];
        int fips = 0;
        int dual = 0;
        char reason[ENDPOINT_REASON_SIZE];
        struct endpoint e;
        assert_int_equal(sscanf(line, "%31s %31s %d %d %159s", name, region, &fips, &dual, url), 5);
        struct endpoint_settings s =
            with_env(ENV("AWS_REGION", region, "AWS_USE_FIPS_ENDPOINT", fips ? "true" : "false",
                         "AWS_USE_DUALSTACK_ENDPOINT", dual ? "True" : "false"));
        assert_true(endpoint_resolve(&s, service_named(name), &e, reason));
        assert_string_equal(e.url, url);
        assert_string_equal(e.host, url + strlen("https://"));
        assert_string_equal(e.region, region);
        assert_string_equal(e.path, "");
        assert_true(e.tls);
        assert_false(e.custom);
        count++;
    }
    fclose(f);
    assert_int_equal(count, 180);
}

static const char *url_for(struct endpoint_settings s)
{
    static struct endpoint e;
    char reason[ENDPOINT_REASON_SIZE] = "";
    if (!endpoint_resolve(&s, &aws_service_dynamodb, &e, reason)) {
        print_message("%s\n", reason);
        return "";
    }
    return e.url;
}

static void test_order_of_addresses(void **state)
{
    (void)state;
    struct endpoint_settings s =
        with_env(ENV("AWS_REGION", "r", "AWS_ENDPOINT_URL_DYNAMODB", "http://service",
                     "AWS_ENDPOINT_URL", "http://all", "AWS_ENDPOINT_URL_SESV2", "http://other"));
    s.profile_service_url = "http://profile-service";
    s.profile_url = "http://profile";
    s.url = "http://own";
    assert_string_equal(url_for(s), "http://own");
    s.url = "";
    assert_string_equal(url_for(s), "http://service");
    s.env.context = (void *)ENV("AWS_REGION", "r", "AWS_ENDPOINT_URL_DYNAMODB", "",
                                "AWS_ENDPOINT_URL", "http://all");
    assert_string_equal(url_for(s), "http://all");
    s.env.context = (void *)ENV("AWS_REGION", "r");
    assert_string_equal(url_for(s), "http://profile-service");
    s.profile_service_url = NULL;
    assert_string_equal(url_for(s), "http://profile");
    s.profile_url = NULL;
    assert_string_equal(url_for(s), "https://dynamodb.r.amazonaws.com");
}

static void test_configured_addresses_can_be_ignored(void **state)
{
    (void)state;
    struct endpoint_settings s = with_env(ENV("AWS_REGION", "r", "AWS_ENDPOINT_URL_DYNAMODB",
                                              "http://service", "AWS_ENDPOINT_URL", "http://all",
                                              "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE"));
    s.profile_service_url = "http://profile-service";
    s.profile_url = "http://profile";
    assert_string_equal(url_for(s), "https://dynamodb.r.amazonaws.com");
    s.url = "http://own";
    assert_string_equal(url_for(s), "http://own");
}

static void test_order_of_regions(void **state)
{
    (void)state;
    char region[ENDPOINT_REGION_SIZE];
    char reason[ENDPOINT_REASON_SIZE];
    struct endpoint_settings s =
        with_env(ENV("AWS_DEFAULT_REGION", "second", "AWS_REGION", "first"));
    s.region = "own";
    s.profile_region = "profile";
    assert_true(endpoint_region(&s, region, reason));
    assert_string_equal(region, "own");
    s.region = "";
    assert_true(endpoint_region(&s, region, reason));
    assert_string_equal(region, "first");
    s.env.context = (void *)ENV("AWS_DEFAULT_REGION", "second", "AWS_REGION", "");
    assert_true(endpoint_region(&s, region, reason));
    assert_string_equal(region, "second");
    s.env.context = (void *)ENV("X", "");
    assert_true(endpoint_region(&s, region, reason));
    assert_string_equal(region, "profile");
    s.profile_region = NULL;
    assert_false(endpoint_region(&s, region, reason));
    assert_non_null(strstr(reason, "AWS_REGION"));
}

static void test_regions_that_are_none(void **state)
{
    (void)state;
    char region[ENDPOINT_REGION_SIZE];
    char reason[ENDPOINT_REASON_SIZE];
    char name[66];
    memset(name, 'r', sizeof name);
    for (size_t len = 62; len <= 64; len++) { /* 63 is the longest label of a host name */
        name[len] = '\0';
        struct endpoint_settings s = {.env = {from_list, (void *)ENV("X", "")}, .region = name};
        assert_int_equal(endpoint_region(&s, region, reason), len <= 63);
        name[len] = 'r';
    }
    const char *const bad[] = {"evil.example/", "a.b", "-a", "a-", "eu west", "a\n", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct endpoint_settings s = {.env = {from_list, (void *)ENV("X", "")}, .region = bad[i]};
        assert_false(endpoint_region(&s, region, reason));
    }
}

static void test_parts_of_an_address(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *host;
        const char *path;
        const char *whole;
    } cases[] = {
        {"http://localhost:8000", "localhost:8000", "", "http://localhost:8000"},
        {"https://Example.COM:443/", "example.com", "", "https://example.com"},
        {"http://example.com:80", "example.com", "", "http://example.com"},
        {"https://example.com:80//", "example.com:80", "", "https://example.com:80"},
        {"http://127.0.0.1:65535/a/B%20c/", "127.0.0.1:65535", "/a/B%20c",
         "http://127.0.0.1:65535/a/B%20c"},
        {"http://[FD00:ec2::1]:1/p", "[fd00:ec2::1]:1", "/p", "http://[fd00:ec2::1]:1/p"},
        {"http://[::1]", "[::1]", "", "http://[::1]"},
        {"http://my_container/x", "my_container", "/x", "http://my_container/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint e;
        char reason[ENDPOINT_REASON_SIZE];
        struct endpoint_settings s = with_env(ENV("AWS_REGION", "r"));
        s.url = cases[i].url;
        assert_true(endpoint_resolve(&s, &aws_service_dynamodb, &e, reason));
        assert_string_equal(e.host, cases[i].host);
        assert_string_equal(e.path, cases[i].path);
        assert_string_equal(e.url, cases[i].whole);
        assert_int_equal(e.tls, strncmp(cases[i].whole, "https", 5) == 0);
        assert_true(e.custom);
        assert_string_equal(e.region, "r");
    }
}

static void test_addresses_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"localhost:8000",    "ftp://h",
                                      "http:/h",           "http://",
                                      "http:///p",         "http://h:0",
                                      "http://h:65536",    "http://h:",
                                      "http://h:+1",       "http://h:1a",
                                      "http://u:p@h",      "http://u@h",
                                      "http://h?q",        "http://h/p?q",
                                      "http://h/p#f",      "http://h#f",
                                      "http://[::1",       "http://[]",
                                      "http://[g::]",      "http://h\r\nX: y",
                                      "http://h/a b",      "http://h/\r\nX:y",
                                      "http://\xc3\xa9.h", "http://h\\@evil/",
                                      "http://[::1]x",     "httpx://example.com",
                                      "HTTP://h",          "http://h/\"?",
                                      "https:example",     " http://h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct endpoint e;
        char reason[ENDPOINT_REASON_SIZE] = "";
        struct endpoint_settings s =
            with_env(ENV("AWS_REGION", "r", "AWS_ENDPOINT_URL_DYNAMODB", bad[i]));
        assert_false(endpoint_resolve(&s, &aws_service_dynamodb, &e, reason));
        assert_non_null(strstr(reason, "AWS_ENDPOINT_URL_DYNAMODB"));
    }
}

static void test_limits_of_an_address(void **state)
{
    (void)state;
    char url[600];
    for (int past = -1; past <= 1; past++) {
        struct endpoint e;
        char reason[ENDPOINT_REASON_SIZE];
        struct endpoint_settings s = with_env(ENV("AWS_REGION", "r"));
        s.url = url;
        memset(url, 'h', sizeof url);
        memcpy(url, "http://", 7);
        url[7 + ENDPOINT_HOST_SIZE - 1 + past] = '\0';
        assert_int_equal(endpoint_resolve(&s, &aws_service_dynamodb, &e, reason), past <= 0);
        memcpy(url, "http://h/", 9);
        url[7 + ENDPOINT_HOST_SIZE - 1 + past] = 'h';
        url[8 + ENDPOINT_PATH_SIZE - 1 + past] = '\0';
        assert_int_equal(endpoint_resolve(&s, &aws_service_dynamodb, &e, reason), past <= 0);
    }
}

static void test_settings_that_contradict(void **state)
{
    (void)state;
    struct endpoint e;
    char reason[ENDPOINT_REASON_SIZE];
    struct endpoint_settings s = with_env(
        ENV("AWS_REGION", "r", "AWS_ENDPOINT_URL", "http://h", "AWS_USE_FIPS_ENDPOINT", "true"));
    assert_false(endpoint_resolve(&s, &aws_service_ses, &e, reason));
    assert_non_null(
        strstr(reason, "AWS_ENDPOINT_URL cannot be used together with AWS_USE_FIPS_ENDPOINT"));
    s.env.context = (void *)ENV("AWS_REGION", "r", "AWS_ENDPOINT_URL_SESV2", "http://h",
                                "AWS_USE_DUALSTACK_ENDPOINT", "true");
    assert_false(endpoint_resolve(&s, &aws_service_ses, &e, reason));
    assert_non_null(strstr(reason, "AWS_ENDPOINT_URL_SESV2"));
    static const char *const switches[] = {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT",
                                           "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"};
    for (size_t i = 0; i < 3; i++) {
        s.env.context = (void *)ENV("AWS_REGION", "r", switches[i], "yes");
        assert_false(endpoint_resolve(&s, &aws_service_ses, &e, reason));
        assert_non_null(strstr(reason, switches[i]));
        assert_non_null(strstr(reason, "\"yes\""));
        s.env.context = (void *)ENV("AWS_REGION", "r", switches[i], "");
        assert_true(endpoint_resolve(&s, &aws_service_ses, &e, reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_hosts_as_botocore),
        cmocka_unit_test(test_order_of_addresses),
        cmocka_unit_test(test_configured_addresses_can_be_ignored),
        cmocka_unit_test(test_order_of_regions),
        cmocka_unit_test(test_regions_that_are_none),
        cmocka_unit_test(test_parts_of_an_address),
        cmocka_unit_test(test_addresses_that_are_none),
        cmocka_unit_test(test_limits_of_an_address),
        cmocka_unit_test(test_settings_that_contradict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
