#include "support/test.h"

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/standard.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a run of the subcommand left behind. */
struct run {
    int code;
    struct buf out;
    struct buf err;
};

static FILE *redirect(int fd, int *saved)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    *saved = dup(fd);
    assert_int_equal(dup2(fileno(file), fd), fd);
    return file;
}

static struct buf restore(int fd, int saved, FILE *file)
{
    (void)fflush(stdout);
    assert_int_equal(dup2(saved, fd), fd);
    (void)close(saved);
    rewind(file);
    struct buf text = BUF_INIT;
    int c;
    while ((c = fgetc(file)) != EOF) {
        buf_add_char(&text, (char)c);
    }
    (void)fclose(file);
    return text;
}

static struct run run_config(const char *const *arguments)
{
    char *argv[8] = {(char[]){"config"}};
    int argc = 1;
    for (; arguments[argc - 1] != NULL; argc++) {
        argv[argc] = strdup(arguments[argc - 1]);
    }
    struct run run = {0};
    int saved_out;
    int saved_err;
    (void)fflush(stdout);
    FILE *out = redirect(STDOUT_FILENO, &saved_out);
    FILE *err = redirect(STDERR_FILENO, &saved_err);
    run.code = cli_config(argc, argv);
    run.out = restore(STDOUT_FILENO, saved_out, out);
    run.err = restore(STDERR_FILENO, saved_err, err);
    for (int i = 1; i < argc; i++) {
        free(argv[i]);
    }
    return run;
}

/* The exit code, and a text that must be in standard output and one in standard error; "" wants
 * nothing. */
static void check(const char *const *arguments, int code, const char *out, const char *err)
{
    struct run run = run_config(arguments);
    assert_int_equal(run.code, code);
    assert_non_null(strstr(buf_str(&run.out), out));
    assert_non_null(strstr(buf_str(&run.err), err));
    assert_int_equal(run.out.len == 0, out[0] == '\0');
    assert_int_equal(run.err.len == 0, err[0] == '\0');
    buf_free(&run.out);
    buf_free(&run.err);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_prints_settings(void **state)
{
    (void)state;
    check((const char *const[]){NULL}, CLI_OK, "# default\nREVIEWD_KEEPALIVE=75s\n", "");
    check(ARGUMENTS("--env-file", "config/reviewd.env"), CLI_OK, "# default\nREVIEWD_STAGE=prod\n",
          "");
    check(ARGUMENTS("--template"), CLI_OK, "\n#REVIEWD_STAGE=prod\n", "");
    check(ARGUMENTS("--help"), CLI_OK, "usage: reviewd config", "");
}

static void test_usage_errors(void **state)
{
    (void)state;
    check(ARGUMENTS("--unknown"), CLI_USAGE, "",
          "reviewd: unknown option --unknown; try reviewd config --help");
    check(ARGUMENTS("--env-file"), CLI_USAGE, "", "reviewd: a value is missing for --env-file;");
    check(ARGUMENTS("--template", "-xy"), CLI_USAGE, "", "reviewd: unknown option -x; try");
    check(ARGUMENTS("--template=1"), CLI_USAGE, "", "reviewd: --template takes no value; try");
    check(ARGUMENTS("--template", "extra"), CLI_USAGE, "", "config takes no argument extra;");
    check(ARGUMENTS("extra"), CLI_USAGE, "", "reviewd: config takes no argument extra;");
    check(ARGUMENTS("--env-file", "/nowhere/x"), CLI_USAGE, "",
          "reviewd: cannot read /nowhere/x: No such");
}

static void test_wrong_and_unknown_variables(void **state)
{
    (void)state;
    assert_int_equal(setenv("REVIEWD_THREADS", "many", 1), 0);
    check((const char *const[]){NULL}, CLI_USAGE, "",
          "reviewd: REVIEWD_THREADS=many is not allowed");
    assert_int_equal(unsetenv("REVIEWD_THREADS"), 0);
    assert_int_equal(setenv("REVIEWD_THREAD", "4", 1), 0);
    check((const char *const[]){NULL}, CLI_OK, "REVIEWD_THREADS=0\n",
          "reviewd: warning: REVIEWD_THREAD is no setting; did you mean REVIEWD_THREADS?\n");
    assert_int_equal(unsetenv("REVIEWD_THREAD"), 0);
}

static void test_output_that_cannot_be_written(void **state)
{
    (void)state;
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    FILE *full = freopen("/dev/full", "w", stdout);
    assert_non_null(full);
    char *argv[] = {(char[]){"config"}, NULL};
    int code = standard_end(cli_config(1, argv));
    clearerr(stdout);
    assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
    (void)close(saved);
    assert_int_equal(code, CLI_FAILED);
}

static int forget_environment(void **state)
{
    (void)state;
    return clearenv();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prints_settings),
        cmocka_unit_test(test_usage_errors),
        cmocka_unit_test(test_wrong_and_unknown_variables),
        cmocka_unit_test(test_output_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, forget_environment, NULL);
}
