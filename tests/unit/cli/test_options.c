#include "support/test.h"

#include "cli/cli.h"
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPTION_COUNT = OPTIONS_OWN };

static const struct option known[] = {{"env-file", required_argument, NULL, OPTIONS_ENV_FILE},
                                      {"count", no_argument, NULL, OPTION_COUNT},
                                      OPTIONS_COMMON};

/* What a command line came to. */
struct outcome {
    int code;
    int counts;
    char env_file[64];
    char out[512];
    char err[512];
};

static FILE *redirect(int fd, int *saved)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    *saved = dup(fd);
    assert_int_equal(dup2(fileno(file), fd), fd);
    return file;
}

static void restore(int fd, int saved, FILE *file, char text[512])
{
    (void)fflush(stdout);
    assert_int_equal(dup2(saved, fd), fd);
    (void)close(saved);
    rewind(file);
    text[fread(text, 1, 511, file)] = '\0';
    (void)fclose(file);
}

/* A command line of copies, as main() has it. */
static int copy_words(char *argv[8], const char *const *words)
{
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        argv[argc] = strdup(words[argc]);
        assert_non_null(argv[argc]);
    }
    return argc;
}

static void free_words(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        free(argv[i]);
    }
}

static struct outcome read_all(const char *const *words)
{
    struct options o = {.command = "thing", .help = "all of the help\n", .known = known};
    struct outcome outcome = {.code = -1};
    char *argv[8] = {NULL};
    int argc = copy_words(argv, words);
    int saved_out;
    int saved_err;
    (void)fflush(stdout);
    FILE *out = redirect(STDOUT_FILENO, &saved_out);
    FILE *err = redirect(STDERR_FILENO, &saved_err);
    int option;
    while ((option = options_next(&o, argc, argv)) != -1) {
        outcome.counts += option == OPTION_COUNT;
        if (option == OPTIONS_ENV_FILE) {
            (void)snprintf(outcome.env_file, sizeof(outcome.env_file), "%s", optarg);
        }
    }
    outcome.code = options_end(&o, argc, argv);
    restore(STDOUT_FILENO, saved_out, out, outcome.out);
    restore(STDERR_FILENO, saved_err, err, outcome.err);
    free_words(argc, argv);
    return outcome;
}

#define READ(...) read_all((const char *const[]){"thing", __VA_ARGS__, NULL})

static void test_options_are_read(void **state)
{
    (void)state;
    struct outcome o = READ("--count", "--env-file", "a b", "--count");
    assert_int_equal(o.code, -1);
    assert_int_equal(o.counts, 2);
    assert_string_equal(o.env_file, "a b");
    o = READ("--env-file=x=y", "--env-file", "-h"); /* the last one; a value may look like one */
    assert_int_equal(o.code, -1);
    assert_string_equal(o.env_file, "-h");
    o = read_all((const char *const[]){"thing", NULL});
    assert_int_equal(o.code, -1);
    assert_int_equal(o.counts, 0);
    assert_string_equal(o.out, "");
    assert_string_equal(o.err, "");
}

static void test_help_and_version_end_it(void **state)
{
    (void)state;
    static const char *const help[] = {"-h", "--help", "--hel"};
    for (size_t i = 0; i < 3; i++) {
        struct outcome o = READ("--count", help[i], "--wrong", "more");
        assert_int_equal(o.code, CLI_OK);
        assert_int_equal(o.counts, 1);
        assert_string_equal(o.out, "all of the help\n");
        assert_string_equal(o.err, "");
    }
    static const char *const version[] = {"-V", "--version"};
    for (size_t i = 0; i < 2; i++) {
        struct outcome o = READ(version[i], "--wrong");
        assert_int_equal(o.code, CLI_OK);
        assert_non_null(strstr(o.out, "reviewd " REVIEWD_VERSION "\n"));
        assert_string_equal(o.err, "");
    }
}

static void test_what_is_wrong_is_said_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *argument;
        const char *says;
    } cases[] = {
        {"--wrong", "unknown option --wrong"},
        {"-x", "unknown option -x"},
        {"--count=1", "--count takes no value"},
        {"--help=1", "--help takes no value"},
        {"--env-file", "a value is missing for --env-file"},
        {"--\n", "unknown option --?"},
        {"more", "thing takes no argument more"},
        {"mo\nre", "thing takes no argument mo?re"},
        {"-", "thing takes no argument -"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        struct outcome o = READ("--count", cases[i].argument);
        (void)snprintf(expected, sizeof(expected), "reviewd: %s; try reviewd thing --help\n",
                       cases[i].says);
        assert_int_equal(o.code, CLI_USAGE);
        assert_string_equal(o.err, expected);
        assert_string_equal(o.out, "");
    }
}

static int load(const char *path, struct settings **settings, char said[512])
{
    char *argv[8] = {NULL};
    int argc = copy_words(argv, (const char *const[]){"thing", "--env-file", path, NULL});
    int saved;
    FILE *err = redirect(STDERR_FILENO, &saved);
    int code = options_settings(argc, argv, "thing", "", settings);
    restore(STDERR_FILENO, saved, err, said);
    free_words(argc, argv);
    return code;
}

/* The settings of a file; those that are wrong are refused with one line. */
static void test_settings(void **state)
{
    (void)state;
    char path[] = "/tmp/test_options.XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "REVIEWD_STAGE=from-file\nREVIEWD_STAGES=x\n";
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    struct settings *settings = NULL;
    char said[512];
    assert_int_equal(load(path, &settings, said), -1);
    assert_string_equal(settings->stage, "from-file");
    assert_non_null(strstr(said, "line 2: REVIEWD_STAGES is no setting"));
    settings_free(settings);
    (void)unlink(path);
    assert_int_equal(load(path, &settings, said), CLI_USAGE);
    assert_null(settings);
    assert_non_null(strstr(said, "No such file"));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static int setup(void **state)
{
    (void)state;
    return clearenv();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_are_read),
        cmocka_unit_test(test_help_and_version_end_it),
        cmocka_unit_test(test_what_is_wrong_is_said_in_one_line),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
