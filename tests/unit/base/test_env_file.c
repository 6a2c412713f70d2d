#include "support/alloc.h"
#include "support/test.h"

#include "base/env_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check_value(struct span text, const char *expected)
{
    char reason[ENV_FILE_REASON_SIZE] = "";
    struct env_file file;
    assert_int_equal(env_file_parse(&file, text, "f", reason), 0);
    const struct env_entry *entry = env_file_find(&file, "A");
    assert_non_null(entry);
    assert_string_equal(entry->value, expected);
    env_file_free(&file);
}

/* What the parser of systemd 252 makes of the same text. */
static void test_values_as_systemd(void **state)
{
    (void)state;
    check_value(SPAN("A=plain"), "plain");
    check_value(SPAN("A ="), "");
    check_value(SPAN(" \tA = spaced out  value   \n"), "spaced out  value");
    check_value(SPAN("A=\"double \\\" \\\\ \\` \\$ x\\y\""), "double \" \\ ` $ x\\y");
    check_value(SPAN("A='single \\n \"x\"'"), "single \\n \"x\"");
    check_value(SPAN("A=\"one\" \"two\""), "onetwo");
    check_value(SPAN("A=\"one\"three \n"), "onethree");
    check_value(SPAN("A=a\"b\"c'd'"), "a\"b\"c'd'");
    check_value(SPAN("A=a\\ \n"), "a ");
    check_value(SPAN("A=cont \\\n   next"), "cont    next");
    check_value(SPAN("A=\\\n   x"), "   x");
    check_value(SPAN("A=\"q \\\nz\""), "q z");
    check_value(SPAN("A='multi\nline'"), "multi\nline");
    check_value(SPAN("A=# no comment"), "# no comment");
    check_value(SPAN("A=x # y"), "x # y");
    check_value(SPAN("A=\\\"q\\\""), "\"q\"");
    check_value(SPAN("A=\"a \" b"), "a b");
    check_value(SPAN("A=back\\\\slash\\n"), "back\\slashn");
    check_value(SPAN("A=\"\" x"), "x");
    check_value(SPAN("A=tail\\"), "tail");
    check_value(SPAN("A=$HOME ${X}"), "$HOME ${X}");
    check_value(SPAN("A=1\nA=2\n"), "2");
    check_value(SPAN("A=one\r\nB=two\r\n"), "one");
    check_value(SPAN("A=one\\\r\ntwo\r\n"), "onetwo");
    check_value(SPAN("A=\xc3\xa4"), "\xc3\xa4");
}

static void test_lines_and_comments(void **state)
{
    (void)state;
    char reason[ENV_FILE_REASON_SIZE];
    struct env_file file;
    assert_int_equal(
        env_file_parse(&file, SPAN("# one\n; two\n\n  # A=9\nA='x\ny'\r\n#end\\\n_b2=3\n#last"),
                       "f", reason),
        0);
    assert_int_equal(file.count, 2);
    assert_int_equal(file.entries[0].line, 5);
    assert_string_equal(file.entries[1].name, "_b2");
    assert_int_equal(file.entries[1].line, 8);
    assert_null(env_file_find(&file, "b2"));
    env_file_free(&file);
    assert_int_equal(env_file_parse(&file, (struct span){NULL, 0}, "f", reason), 0);
    assert_int_equal(file.count, 0);
    assert_null(env_file_find(&file, "A"));
    env_file_free(&file);
    env_file_free(NULL);
}

static void check_bad(struct span text, const char *expected)
{
    char reason[ENV_FILE_REASON_SIZE] = "";
    struct env_file file;
    assert_int_equal(env_file_parse(&file, text, "my.env", reason), -1);
    assert_string_equal(reason, expected);
    assert_int_equal(file.count, 0);
}

static void test_errors_name_file_and_line(void **state)
{
    (void)state;
    const char *name = "my.env, line 2: a name of letters, digits and _ followed by = is expected";
    check_bad(SPAN("\nexport A=1"), name);
    check_bad(SPAN("\n=1"), name);
    check_bad(SPAN("\n1A=1"), name);
    check_bad(SPAN("\nA-B=1"), name);
    check_bad(SPAN("\n\xc3\xa4=1"), name);
    check_bad(SPAN("A=1\nB\nC=2"), "my.env, line 2: there is no = after the name");
    check_bad(SPAN("A=1\nB"), "my.env, line 2: there is no = after the name");
    check_bad(SPAN("A=1\nB=\"x\n\nC=1"),
              "my.env, line 2: the quote that begins here is never closed");
    check_bad(SPAN("A='x"), "my.env, line 1: the quote that begins here is never closed");
    check_bad(SPAN("A=\"x\\\""), "my.env, line 1: the quote that begins here is never closed");
    check_bad(SPAN("A=\"x\\"), "my.env, line 1: the quote that begins here is never closed");
    check_bad(SPAN("\n\nA=\xff"), "my.env, line 3: the value is not valid UTF-8");
    check_bad(SPAN("A=1\n#\0\n"), "my.env, line 2: there is a NUL byte");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    long n = 1;
    for (int result = -1; result != 0; n++) {
        char reason[ENV_FILE_REASON_SIZE] = "";
        struct env_file file;
        alloc_fail_at(n);
        result = env_file_parse(&file, SPAN("A=value\nB=\"quoted\""), "f", reason);
        bool failed_once = alloc_count() >= n;
        alloc_fail_at(0);
        assert_int_equal(result, failed_once ? -1 : 0);
        assert_int_equal(strstr(reason, "out of memory") != NULL, failed_once);
        env_file_free(&file);
    }
    assert_in_range(n, 6, 20);
}

static void check_written(const char *value, const char *expected)
{
    struct buf b = BUF_INIT;
    env_file_write(&b, "A", value);
    assert_string_equal(buf_str(&b), expected);
    check_value(buf_span(&b), value);
    buf_free(&b);
}

static void test_write(void **state)
{
    (void)state;
    check_written("", "A=\n");
    check_written("plain value # $x", "A=plain value # $x\n");
    check_written("it's", "A=it's\n");
    check_written("'quoted'", "A=\"'quoted'\"\n");
    check_written("\"q\"", "A=\"\\\"q\\\"\"\n");
    check_written(" lead", "A=\" lead\"\n");
    check_written("trail\t", "A=\"trail\t\"\n");
    check_written("a\\b$c`d\"", "A=\"a\\\\b\\$c\\`d\\\"\"\n");
    check_written("two\nlines", "A=\"two\nlines\"\n");
    check_written("cr\rcr", "A=\"cr\rcr\"\n");
}

/* A file of `size` bytes that sets A, and its path. */
static void make_file(char path[64], size_t size)
{
    (void)snprintf(path, 64, "/tmp/test_env_file.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_non_null(f);
    (void)fputs("A=1\n#", f);
    for (size_t i = 5; i < size; i++) {
        (void)fputc('x', f);
    }
    assert_int_equal(fclose(f), 0);
}

static void test_read(void **state)
{
    (void)state;
    for (size_t size = ENV_FILE_SIZE_MAX - 1; size <= ENV_FILE_SIZE_MAX + 1; size++) {
        char path[64];
        char reason[ENV_FILE_REASON_SIZE] = "";
        struct env_file file;
        make_file(path, size);
        int result = env_file_read(&file, path, reason);
        (void)unlink(path);
        assert_int_equal(result, size <= ENV_FILE_SIZE_MAX ? 0 : -1);
        assert_int_equal(file.count, size <= ENV_FILE_SIZE_MAX ? 1 : 0);
        assert_int_equal(strstr(reason, "File too large") != NULL, size > ENV_FILE_SIZE_MAX);
        env_file_free(&file);
    }
}

static void test_read_without_memory(void **state)
{
    (void)state;
    char path[64];
    char reason[ENV_FILE_REASON_SIZE];
    struct env_file file;
    make_file(path, 100000);
    alloc_fail_at(0);
    assert_int_equal(env_file_read(&file, path, reason), 0);
    long allocations = alloc_count();
    env_file_free(&file);
    for (long n = 1; n <= allocations; n++) {
        reason[0] = '\0';
        alloc_fail_at(n);
        assert_int_equal(env_file_read(&file, path, reason), -1);
        alloc_fail_at(0);
        assert_null(strstr(reason, "too large"));
        if (strstr(reason, "Cannot allocate memory") == NULL &&
            strstr(reason, "out of memory") == NULL) {
            fail_msg("%ld: %s", n, reason);
        }
    }
    (void)unlink(path);
}

static void test_read_what_is_no_file(void **state)
{
    (void)state;
    char reason[ENV_FILE_REASON_SIZE] = "";
    struct env_file file;
    assert_int_equal(env_file_read(&file, "/nowhere/my.env", reason), -1);
    assert_string_equal(reason, "cannot read /nowhere/my.env: No such file or directory");
    assert_int_equal(env_file_read(&file, "/tmp", reason), -1);
    assert_string_equal(reason, "cannot read /tmp: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_as_systemd),
        cmocka_unit_test(test_lines_and_comments),
        cmocka_unit_test(test_errors_name_file_and_line),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_without_memory),
        cmocka_unit_test(test_read_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
