#include "support/test.h"

#include "aws/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[] = "/tmp/reviewd-config-XXXXXX";

static void write_config(const char *text)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static const char *from_list(void *context, const char *name)
{
    if (strcmp(name, "AWS_CONFIG_FILE") == 0) {
        return file;
    }
    for (const char *const *pair = context; *pair != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0) {
            return pair[1];
        }
    }
    return NULL;
}

#define ENV(...) ((struct aws_env){from_list, (void *)(const char *const[]){__VA_ARGS__, NULL}})

static void expect(struct aws_env env, const struct aws_service *service, const char *url,
                   const char *region)
{
    struct endpoint e;
    char reason[ENDPOINT_REASON_SIZE] = "";
    assert_true(endpoint_find(env, service, &e, reason));
    assert_string_equal(e.url, url);
    assert_string_equal(e.region, region);
}

static void test_profile_and_its_services(void **state)
{
    (void)state;
    write_config("[default]\nregion = eu-west-1\n"
                 "[profile p]\nregion = eu-west-2\nendpoint_url = http://p\nservices = s\n"
                 "[services s]\ndynamodb =\n  endpoint_url = http://dynamodb-of-s\nsesv2 =\n  "
                 "endpoint_url = http://mail-of-s\n");
    expect(ENV("X", ""), &aws_service_dynamodb, "https://dynamodb.eu-west-1.amazonaws.com",
           "eu-west-1");
    expect(ENV("AWS_PROFILE", "p"), &aws_service_dynamodb, "http://dynamodb-of-s", "eu-west-2");
    expect(ENV("AWS_PROFILE", "p"), &aws_service_ses, "http://mail-of-s", "eu-west-2");
    expect(ENV("AWS_PROFILE", "p"), &aws_service_sts, "http://p", "eu-west-2");
    expect(ENV("AWS_PROFILE", "p", "AWS_ENDPOINT_URL", "http://env", "AWS_REGION", "r"),
           &aws_service_ses, "http://env", "r");
    expect(ENV("AWS_PROFILE", "p", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), &aws_service_ses,
           "https://email.eu-west-2.amazonaws.com", "eu-west-2");
    expect(ENV("AWS_PROFILE", "other", "AWS_REGION", "r"), &aws_service_ses,
           "https://email.r.amazonaws.com", "r");
}

static void test_faults(void **state)
{
    (void)state;
    struct endpoint e;
    char reason[ENDPOINT_REASON_SIZE] = "";
    write_config("[default\n");
    assert_false(endpoint_find(ENV("AWS_REGION", "r"), &aws_service_ses, &e, reason));
    assert_non_null(strstr(reason, file));
    write_config("[default]\nregion = a b\n");
    assert_false(endpoint_find(ENV("X", ""), &aws_service_ses, &e, reason));
    assert_non_null(strstr(reason, "\"a b\""));
    write_config("");
    assert_false(endpoint_find(ENV("X", ""), &aws_service_ses, &e, reason));
    assert_non_null(strstr(reason, "AWS_REGION"));
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file);
    return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_profile_and_its_services),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
