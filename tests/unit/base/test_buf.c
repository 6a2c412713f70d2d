#include "support/alloc.h"
#include "support/test.h"

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>

static void test_appends_everything(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_string_equal(buf_str(&b), "");
    buf_add_str(&b, "one");
    buf_add_char(&b, ' ');
    buf_add_span(&b, SPAN("two\0three"));
    buf_addf(&b, " %d %s", 4, "five");
    buf_add(&b, NULL, 0);
    assert_false(buf_failed(&b));
    assert_true(span_equal(buf_span(&b), SPAN("one two\0three 4 five")));
    assert_int_equal(b.data[b.len], '\0');
    buf_free(&b);
    assert_null(b.data);
}

static void test_grows_over_many_sizes(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 10000; i++) {
        buf_add_char(&b, (char)('a' + i % 26));
        assert_int_equal(b.data[b.len], '\0');
    }
    assert_int_equal(b.len, 10000);
    assert_true(b.cap < 20001);
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(b.data[i], 'a' + i % 26);
    }
    buf_free(&b);
}

/* Nothing of a secret is left in memory that was given back, nor behind the end of a cleared one.
 */
static void test_secrets_are_wiped(void **state)
{
    (void)state;
    for (int secret = 0; secret <= 1; secret++) {
        struct buf b = {.secret = secret != 0};
        alloc_watch("hunter2");
        buf_add_str(&b, "hunter2");
        for (int i = 0; i < 1000; i++) {
            buf_add_char(&b, 'x'); /* moves it a few times */
        }
        assert_memory_equal(buf_str(&b), "hunter2xxx", 10);
        buf_clear(&b);
        assert_int_equal(memmem(b.data, b.cap, "xxx", 3) == NULL, secret);
        buf_add_str(&b, "hunter2");
        buf_free(&b);
        assert_int_equal(alloc_leaks() == 0, secret);
        assert_int_equal(b.secret, secret);
        alloc_watch(NULL);
    }
}

static void test_limit(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 200; limit++) {
        struct buf b = {.limit = limit};
        for (size_t i = 0; i < limit; i++) {
            buf_add_char(&b, 'x');
            assert_false(buf_failed(&b));
        }
        assert_true(b.cap <= limit + 1);
        buf_add_char(&b, 'y');
        assert_true(buf_failed(&b));
        assert_int_equal(b.len, limit);
        buf_free(&b);
        assert_int_equal(b.limit, limit);
    }
}

static void test_failure_is_sticky_until_cleared(void **state)
{
    (void)state;
    struct buf b = {.limit = 4};
    buf_add_str(&b, "abc");
    buf_addf(&b, "%s", "de");
    assert_true(buf_failed(&b));
    buf_add_char(&b, 'd');
    buf_addf(&b, "d");
    assert_string_equal(buf_str(&b), "abc");
    buf_clear(&b);
    assert_false(buf_failed(&b));
    assert_string_equal(buf_str(&b), "");
    buf_add_str(&b, "four");
    assert_false(buf_failed(&b));
    assert_string_equal(buf_str(&b), "four");
    buf_free(&b);
}

static void test_sizes_that_overflow(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_add_str(&b, "x");
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(buf_failed(&b));
    buf_clear(&b);
    buf_add_str(&b, "x");
    assert_false(buf_reserve(&b, PTRDIFF_MAX - 1));
    buf_free(&b);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    alloc_fail_at(1);
    buf_add_str(&b, "x");
    assert_true(buf_failed(&b));
    assert_string_equal(buf_str(&b), "");
    buf_clear(&b);
    buf_add_str(&b, "kept");
    size_t cap = b.cap;
    alloc_fail_at(1);
    assert_false(buf_reserve(&b, cap));
    alloc_fail_at(0);
    buf_add_str(&b, "ignored");
    assert_string_equal(buf_str(&b), "kept");
    buf_free(&b);
}

static void test_detach(void **state)
{
    (void)state;
    struct buf b = {.limit = 9};
    char *text = buf_detach(&b);
    assert_string_equal(text, "");
    free(text);
    buf_add_str(&b, "mine");
    text = buf_detach(&b);
    assert_string_equal(text, "mine");
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.limit, 9);
    free(text);
    buf_add_str(&b, "more than 9");
    assert_null(buf_detach(&b));
    assert_false(buf_failed(&b));
    alloc_fail_at(1);
    assert_null(buf_detach(&b));
    alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends_everything),
        cmocka_unit_test(test_grows_over_many_sizes),
        cmocka_unit_test(test_secrets_are_wiped),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_failure_is_sticky_until_cleared),
        cmocka_unit_test(test_sizes_that_overflow),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_detach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
