#include "support/test.h"

#include "base/option.h"

#include <stdio.h>

enum { ENV_FILE = 256 };

static const struct option known[] = {{"env-file", required_argument, NULL, ENV_FILE},
                                      {"count", required_argument, NULL, 'n'},
                                      {"help", no_argument, NULL, 'h'},
                                      {NULL, 0, NULL, 0}};

/* Reads two arguments, of which one is wrong, and expects these words about it. */
static void check(const char *first, const char *second, const char *expected)
{
    char words[3][128] = {"program"};
    char *argv[] = {words[0], words[1], words[2], NULL};
    char wrong[OPTION_WRONG_SIZE] = "";
    int argc = second != NULL ? 3 : 2;
    int option;
    argv[argc] = NULL;
    (void)snprintf(words[1], sizeof(words[1]), "%s", first);
    (void)snprintf(words[2], sizeof(words[2]), "%s", second != NULL ? second : "");
    opterr = 0;
    optind = 0;
    do {
        option = getopt_long(argc, argv, ":hn:", known, NULL);
    } while (option != '?' && option != ':' && option != -1);
    assert_int_not_equal(option, -1);
    option_wrong(option, argv, known, wrong);
    assert_string_equal(wrong, expected);
}

static void test_unknown(void **state)
{
    (void)state;
    check("-x", NULL, "unknown option -x");
    check("-xy", NULL, "unknown option -x");
    check("-hxy", NULL, "unknown option -x");
    check("--help", "-xy", "unknown option -x");
    check("--wrong", NULL, "unknown option --wrong");
    check("--wrong=secret", "more", "unknown option --wrong");
    check("-h", "--wrong", "unknown option --wrong");
}

static void test_values(void **state)
{
    (void)state;
    check("--env-file", NULL, "a value is missing for --env-file");
    check("-h", "--count", "a value is missing for --count");
    check("-n", NULL, "a value is missing for -n");
    check("--help", "-hn", "a value is missing for -n");
    check("--help=1", NULL, "--help takes no value");
}

static void test_one_short_line(void **state)
{
    (void)state;
    check("--a\nb\x7f\x1b", NULL, "unknown option --a?b??");
    check("-\n", NULL, "unknown option -?");
    check("--abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv", NULL,
          "unknown option --abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_one_short_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
