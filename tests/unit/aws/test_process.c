/* Splitting command lines and running programs within bounds. */
#include "aws/process.h"
#include "support/alloc.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void splits(const char *command, const char *want)
{
    char reason[PROCESS_REASON_SIZE] = "";
    char **words = process_split(command, reason);
    assert_non_null(words);
    char text[256] = "";
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, "(%s)", words[i]);
    }
    free(words);
    assert_string_equal(text, want);
}

static void refuses(const char *command, const char *want)
{
    char reason[PROCESS_REASON_SIZE] = "";
    assert_null(process_split(command, reason));
    assert_string_equal(reason, want);
}

static void splits_words_like_a_shell(void **state)
{
    (void)state;
    splits("a", "(a)");
    splits("  a  b\tc\n", "(a)(b)(c)");
    splits("a \"b c\" 'd e'", "(a)(b c)(d e)");
    splits("a\\ b c", "(a b)(c)");
    splits("\"a\\\"b\\\\c\\d\"", "(a\"b\\c\\d)");
    splits("'a\\b'", "(a\\b)");
    splits("a'b'\"c\"d", "(abcd)");
    splits("a '' \"\"", "(a)()()");
    splits("x $HOME ~ `id` $(id) ; | > *", "(x)($HOME)(~)(`id`)($(id))(;)(|)(>)(*)");
    splits("a b c d e f g", "(a)(b)(c)(d)(e)(f)(g)");
    splits("'' '' ''", "()()()");
    splits("a\\", "(a\\)");
    refuses("", "no command");
    refuses("  ", "no command");
    refuses("a 'b", "a quote is not closed");
    refuses("a \"b\\\"", "a quote is not closed");
    alloc_fail_at(1);
    refuses("a", "out of memory");
    alloc_fail_at(0);
}

struct run {
    struct buf out;
    char reason[PROCESS_REASON_SIZE];
    bool good;
};

static struct run run(const char *script, struct process_bounds bounds)
{
    struct run r = {0};
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    int fd = eventfd(0, EFD_CLOEXEC);
    assert_true(fd >= 0);
    bounds.cancel_fd = bounds.cancel_fd > 0 ? bounds.cancel_fd : fd;
    assert_true(buf_reserve(&r.out, bounds.max_output));
    r.good = process_run(argv, &bounds, &r.out, r.reason);
    assert_int_equal(close(fd), 0);
    return r;
}

static void expect(const char *script, struct process_bounds bounds, const char *reason)
{
    struct run r = run(script, bounds);
    assert_int_equal(r.good, *reason == '\0');
    assert_string_equal(r.reason, reason);
    buf_free(&r.out);
}

static const struct process_bounds roomy = {.max_output = 1000, .timeout_ms = 10000};

static void collects_the_output(void **state)
{
    (void)state;
    struct run r = run("printf abc; sleep 0.02; printf def", roomy);
    assert_true(r.good);
    assert_string_equal(buf_str(&r.out), "abcdef");
    buf_free(&r.out);
    r = run("cat; echo complaint >&2", roomy); /* standard input is empty */
    assert_true(r.good);
    assert_int_equal(r.out.len, 0);
    buf_free(&r.out);
}

static void bounds_the_output(void **state)
{
    (void)state;
    expect("head -c 999 /dev/zero", roomy, "");
    expect("head -c 1000 /dev/zero", roomy, "");
    expect("head -c 1001 /dev/zero", roomy, "it wrote too much");
    expect("yes", roomy, "it wrote too much");
    expect("yes >&2 & sleep 0.1; kill $!", roomy, ""); /* standard error is read and dropped */
}

static void says_how_it_ended(void **state)
{
    (void)state;
    expect("exit 0", roomy, "");
    expect("exit 3", roomy, "ended with status 3");
    expect("echo first >&2; echo second >&2; exit 1", roomy, "ended with status 1: first");
    expect("kill -9 $$", roomy, "killed by signal 9");
    struct process_bounds bounds = roomy;
    bounds.cancel_fd = eventfd(0, EFD_CLOEXEC);
    struct buf out = BUF_INIT;
    char reason[PROCESS_REASON_SIZE];
    char *const argv[] = {(char *)"/nonexistent/helper", NULL};
    assert_true(buf_reserve(&out, 1000));
    assert_false(process_run(argv, &bounds, &out, reason));
    assert_string_equal(reason, "/nonexistent/helper: No such file or directory");
    buf_free(&out);
    assert_int_equal(close(bounds.cancel_fd), 0);
}

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ends_in_time(void **state)
{
    (void)state;
    int64_t start = now_ms();
    struct process_bounds brief = {.max_output = 100, .timeout_ms = 100};
    expect("sleep 60", brief, "it did not end in time");
    expect("sleep 60 & sleep 60", brief, "it did not end in time");
    expect("trap '' TERM; while :; do sleep 1; done", brief, "it did not end in time");
    expect("exec >&- 2>&-; sleep 60", brief, "it did not end in time");
    struct process_bounds stopped = roomy;
    stopped.cancel_fd = eventfd(1, EFD_CLOEXEC);
    expect("sleep 60", stopped, "it was stopped");
    assert_int_equal(close(stopped.cancel_fd), 0);
    assert_true(now_ms() - start < 5000);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing is left to reap */
}

/* A helper that leaves a daemon behind which keeps the output open has ended all the same. */
static void does_not_wait_for_descendants(void **state)
{
    (void)state;
    int64_t start = now_ms();
    struct run r = run("printf x; sleep 2 & exit 0", roomy);
    assert_true(r.good);
    assert_string_equal(buf_str(&r.out), "x");
    buf_free(&r.out);
    assert_true(now_ms() - start < 1500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_words_like_a_shell),
        cmocka_unit_test(collects_the_output),
        cmocka_unit_test(bounds_the_output),
        cmocka_unit_test(says_how_it_ended),
        cmocka_unit_test(ends_in_time),
        cmocka_unit_test(does_not_wait_for_descendants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
