#include "support/test.h"

#include "generator/options.h"
#include "support/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 16 };

static char env_path[] = "/tmp/reviewd-options-XXXXXX";

static void write_env(const char *text)
{
    FILE *file = fopen(env_path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Reads the words of `line` as a command line. */
static int read_line(struct options *o, const char *line, char reason[OPTIONS_REASON_SIZE])
{
    static char words[256];
    static char name[] = "request_generator";
    char *argv[ARGUMENTS_MAX + 1] = {name};
    int argc = 1;
    char *rest = NULL;
    snprintf(words, sizeof words, "%s", line);
    for (char *w = strtok_r(words, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < ARGUMENTS_MAX);
        argv[argc++] = w;
    }
    return options_read(o, argc, argv, env_path, reason);
}

static void check_bad(const char *line, const char *expected)
{
    struct options o;
    char reason[OPTIONS_REASON_SIZE] = "";
    assert_int_equal(read_line(&o, line, reason), -1);
    assert_string_equal(reason, expected);
    options_free(&o);
}

static struct options good(const char *line)
{
    struct options o;
    char reason[OPTIONS_REASON_SIZE] = "";
    if (read_line(&o, line, reason) != 0) {
        print_error("%s\n", reason);
        fail();
    }
    return o;
}

static void test_defaults(void **state)
{
    (void)state;
    write_env("API_URL=http://example.com/reviews\n");
    struct options o = good("");
    assert_string_equal(o.url, "http://example.com/reviews");
    assert_int_equal(o.count, 30);
    assert_int_equal(o.concurrency, 4);
    assert_int_equal(o.timeout_ms, 30000);
    assert_true(o.rate == 0);
    assert_false(o.print);
    assert_int_equal(o.action, OPTIONS_RUN);
    options_free(&o);
}

static void test_all_options(void **state)
{
    (void)state;
    struct options o = good("-u https://example.com/a -n 5 -s7 -c2 -r 1.5 -t 9 -p");
    assert_string_equal(o.url, "https://example.com/a");
    assert_int_equal(o.count, 5);
    assert_int_equal(o.seed, 7);
    assert_int_equal(o.concurrency, 2);
    assert_true(o.rate == 1.5);
    assert_int_equal(o.timeout_ms, 9000);
    assert_true(o.print);
    options_free(&o);
    assert_int_equal(good("--help").action, OPTIONS_HELP);
    assert_int_equal(good("-V").action, OPTIONS_VERSION);
    assert_non_null(strstr(options_help(), "API_URL"));
}

static void test_seeds_differ_from_run_to_run(void **state)
{
    (void)state;
    struct options a = good("--print");
    struct options b = good("--print");
    struct options c = good("--print");
    assert_false(a.seed == b.seed && b.seed == c.seed);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(good("-p --count 1").count, 1);
    assert_int_equal(good("-p --count 1000000000").count, 1000000000);
    check_bad("--count 0", "--count 0: give a whole number from 1 to 1000000000");
    check_bad("--count 1000000001", "--count 1000000001: give a whole number from 1 to 1000000000");
    assert_int_equal(good("-p --concurrency 4096").concurrency, 4096);
    check_bad("-c 4097", "--concurrency 4097: give a whole number from 1 to 4096");
    assert_int_equal(good("-p --timeout 3600").timeout_ms, 3600000);
    check_bad("-t 3601", "--timeout 3601: give a whole number from 1 to 3600");
    check_bad("--rate -1", "--rate -1: give a number from 0 to 1000000");
    check_bad("--rate nan", "--rate nan: give a number from 0 to 1000000");
    check_bad("--seed 1x", "--seed 1x: give a whole number from 0 to 9223372036854775807");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    check_bad("--nothing", "unknown option --nothing; see --help");
    check_bad("-pxy", "unknown option -x; see --help");
    check_bad("--print=1", "--print takes no value; see --help");
    check_bad("-p --url", "a value is missing for --url; see --help");
    check_bad("-n", "a value is missing for -n; see --help");
    check_bad("-pn", "a value is missing for -n; see --help");
    check_bad("-p word", "word: no argument is expected; see --help");
    static const char *const no_urls[] = {"example.com/reviews", "ftp://a",    "http://",
                                          "http://[::1",         "http://a:b", "http://u:p@a/"};
    for (size_t i = 0; i < sizeof no_urls / sizeof no_urls[0]; i++) {
        char line[64];
        char expected[128];
        (void)snprintf(line, sizeof line, "-u %s", no_urls[i]);
        (void)snprintf(expected, sizeof expected,
                       "%s: no URL of a web server, as http://127.0.0.1:8080/reviews", no_urls[i]);
        check_bad(line, expected);
    }
}

static void check_no_url(void)
{
    char expected[OPTIONS_REASON_SIZE];
    snprintf(expected, sizeof expected,
             "no URL: write API_URL=http://127.0.0.1:8080/reviews into %s, or give --url",
             env_path);
    check_bad("", expected);
}

static void test_env_file_without_url(void **state)
{
    (void)state;
    write_env("OTHER=1\n");
    check_no_url();
    write_env("API_URL=\n");
    check_no_url();
    unlink(env_path);
    check_no_url();
}

static void test_env_file_that_cannot_be_read(void **state)
{
    (void)state;
    struct options o;
    char reason[OPTIONS_REASON_SIZE] = "";
    write_env("API_URL='http://example.com\n");
    assert_int_equal(read_line(&o, "", reason), -1);
    assert_memory_equal(reason, env_path, strlen(env_path));
    /* Not needed, not read. */
    assert_string_equal(good("-u http://example.com/").url, "http://example.com/");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    write_env("API_URL=http://example.com/reviews\n");
    alloc_fail_at(0);
    struct options o = good("");
    long allocations = alloc_count();
    options_free(&o);
    for (long n = 1; n <= allocations; n++) {
        char reason[OPTIONS_REASON_SIZE] = "";
        alloc_fail_at(n);
        assert_int_equal(read_line(&o, "", reason), -1);
        alloc_fail_at(0);
        assert_true(reason[0] != '\0');
        options_free(&o);
    }
}

static int make_env(void **state)
{
    (void)state;
    int fd = mkstemp(env_path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_env(void **state)
{
    (void)state;
    unlink(env_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_seeds_differ_from_run_to_run),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_env_file_without_url),
        cmocka_unit_test(test_env_file_that_cannot_be_read),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, make_env, remove_env);
}
