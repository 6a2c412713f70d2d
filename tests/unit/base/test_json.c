#include "support/alloc.h"
#include "support/test.h"

#include "base/json.h"

#include <errno.h>
#include <float.h>
#include <stdio.h>
#include <stdlib.h>

static void check_bad_span(struct span text, const char *expected)
{
    char reason[JSON_REASON_SIZE] = "";
    assert_null(json_parse(text, reason));
    assert_string_equal(reason, expected);
}

static void check_bad(const char *text, const char *expected)
{
    check_bad_span(span_of(text), expected);
}

static json_t *parse_good(struct span text)
{
    char reason[JSON_REASON_SIZE] = "";
    json_t *value = json_parse(text, reason);
    if (value == NULL) {
        print_error("%s\n", reason);
    }
    assert_non_null(value);
    return value;
}

static void test_accepts_any_value(void **state)
{
    (void)state;
    const char *texts[] = {"{}",       "[]", " {\"a\": [1, 2.5, null, true]} \r\n\t",
                           "\"text\"", "17", "null"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        json_decref(parse_good(span_of(texts[i])));
    }
}

static void test_numbers_of_any_size(void **state)
{
    (void)state;
    json_t *value = parse_good(SPAN("[9223372036854775807, -9223372036854775808]"));
    assert_true(json_is_integer(json_array_get(value, 0)));
    assert_int_equal(json_integer_value(json_array_get(value, 1)), INT64_MIN);
    json_decref(value);
    value = parse_good(SPAN("{\"id\": 9223372036854775808, \"review\": \"x\"}"));
    assert_true(json_real_value(json_object_get(value, "id")) == 9223372036854775808.0);
    json_decref(value);
    value = parse_good(SPAN("123456789012345678901234567890"));
    assert_true(json_is_real(value));
    json_decref(value);
}

static void check_number(const char *text, double expected)
{
    json_t *value = parse_good(span_of(text));
    assert_true(json_number_value(json_array_get(value, 0)) == expected);
    json_decref(value);
}

static void test_numbers_beyond_a_double(void **state)
{
    (void)state;
    check_number("[1e308]", 1e308);
    check_number("[1.7976931348623157e308]", DBL_MAX);
    check_number("[1.7976931348623159e308]", 1e308);
    check_number("[9e308]", 1e308);
    check_number("[-9e308, 1]", -1e308);
    check_number("[1.25E+00400]", 1e308);
    check_number("[1e-400]", 0);
    check_number("[17, 1e999, {\"a\": [-1e999, 1e999]}, \"1e999\"]", 17);
    json_t *value =
        parse_good(SPAN("{\"review\":\"\\\"1e999 \\\\\",\"x\":1e999,\"1e999\":\"1e999\"}"));
    assert_string_equal(json_string_member(value, "review").ptr, "\"1e999 \\");
    assert_string_equal(json_string_member(value, "1e999").ptr, "1e999");
    json_decref(value);
    char digits[403] = "[";
    memset(digits + 1, '9', 400);
    digits[401] = ']';
    check_number(digits, 1e308);
}

/* A number beyond a double is no excuse for what is wrong after it, nor does it move it. */
static void test_numbers_beyond_a_double_hide_nothing(void **state)
{
    (void)state;
    static const char *const tails[] = {"] x",     "01e999]",   "-01e999]", "1.e999]", "+1e999]",
                                        ".5e999]", "0x1p9999]", "1e999e9]", "1e999",   "\"\\",
                                        "\"\\\"]", "tru",       "'1e999']", "1-1]"};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        char text[32];
        char expected[JSON_REASON_SIZE] = "";
        (void)snprintf(text, sizeof(text), "[1e308,%s", tails[i]);
        assert_null(json_parse(span_of(text), expected));
        (void)snprintf(text, sizeof(text), "[1e999,%s", tails[i]);
        check_bad(text, expected);
    }
    check_bad_span(SPAN("[1e999\0,1]"), "line 1, column 7: NUL character");
}

/* As many as fit into a request: one pass, whatever is in it. */
static void test_many_numbers_beyond_a_double(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100000; i++) {
        buf_addf(&b, "%s1e999", i == 0 ? "[" : ",");
    }
    buf_add_char(&b, ']');
    json_t *value = parse_good(buf_span(&b));
    assert_int_equal(json_array_size(value), 100000);
    json_decref(value);
    buf_free(&b);
}

static void test_no_memory_for_numbers_beyond_a_double(void **state)
{
    (void)state;
    json_t *value = NULL;
    for (long n = 1; value == NULL; n++) {
        char reason[JSON_REASON_SIZE] = "";
        alloc_fail_at(n);
        value = json_parse(SPAN("[1e999]"), reason);
        alloc_fail_at(0);
        assert_true(value != NULL || strcmp(reason, "out of memory") == 0);
        assert_in_range(n, 1, 100);
    }
    json_decref(value);
}

static void test_says_what_is_wrong_and_where(void **state)
{
    (void)state;
    check_bad("", "line 1, column 0: the text ends too early");
    check_bad_span((struct span){NULL, 0}, "line 1, column 0: the text ends too early");
    check_bad("{\"a\":\n 1", "line 2, column 2: the text ends too early");
    check_bad("{} x", "line 1, column 4: more text after the end of the JSON value");
    check_bad("{}{}", "line 1, column 3: more text after the end of the JSON value");
    check_bad("{\"a\":1,\"a\":2}", "line 1, column 10: the same member name twice in one object");
    check_bad("{\"a\":{\"b\":1,\"b\":2}}",
              "line 1, column 15: the same member name twice in one object");
    check_bad("{'a':1}", "line 1, column 2: a member name or } is expected");
    check_bad("{\"a\":1,}", "line 1, column 8: a member name or } is expected");
    check_bad("{\"a\" 1}", "line 1, column 6: a colon is expected");
    check_bad("{\"a\":1 2}", "line 1, column 8: a comma or } is expected");
    check_bad("[1 2]", "line 1, column 4: a comma or ] is expected");
    check_bad("[nul]", "line 1, column 4: a JSON value is expected");
    check_bad("[\"a\tb\"]", "line 1, column 3: control character in a string");
    check_bad("[\"a\nb\"]", "line 1, column 3: newline in a string");
    check_bad("[\"\\q\"]", "line 1, column 4: invalid escape in a string");
    check_bad("[\"\\u12x4\"]", "line 1, column 7: invalid escape in a string");
    check_bad("[\"\\ud800\"]", "line 1, column 9: invalid \\u escape in a string");
    check_bad("[\"\\u0000\"]", "line 1, column 9: NUL character in a string");
    check_bad("{\"\\u0000\":1}", "line 1, column 9: NUL character in a member name");
    check_bad_span(SPAN("[\"a\0b\"]"), "line 1, column 3: control character in a string");
    check_bad_span(SPAN("{}\0"), "line 1, column 3: more text after the end of the JSON value");
    check_bad_span(SPAN("{\"\xc3\xa4\":\n[1\0,2]}"), "line 2, column 3: NUL character");
    check_bad_span(SPAN("[\"\xc3\xa4\",1\0]"), "line 1, column 7: NUL character");
    check_bad("[\"a\xff\"]", "line 1, column 3: invalid UTF-8");
    check_bad("[\"\xed\xa0\x80\"]", "line 1, column 2: invalid UTF-8");
    check_bad("[\"\xc3", "line 1, column 2: invalid UTF-8");
}

static struct span nested(struct buf *b, int levels)
{
    buf_clear(b);
    for (int i = 0; i < levels; i++) {
        buf_add_char(b, '[');
    }
    for (int i = 0; i < levels; i++) {
        buf_add_char(b, ']');
    }
    return buf_span(b);
}

static void test_nesting_limit(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    json_decref(parse_good(nested(&b, 2047)));
    json_decref(parse_good(nested(&b, 2048)));
    check_bad_span(nested(&b, 2049), "line 1, column 2049: nested too deep, at most 2048 levels");
    buf_free(&b);
}

/* Whatever the bytes: an answer, and a reason of one printable ASCII line. */
static void test_reason_is_printable(void **state)
{
    (void)state;
    uint64_t seed = 42;
    static const char alphabet[] = "{}[]\":,\\u0d81e-.\n \xc3\xa4\xff\x01tf";
    for (int round = 0; round < 50000; round++) {
        char text[24];
        size_t len = 0;
        for (; len < sizeof(text); len++) {
            seed = seed * 6364136223846793005U + 1442695040888963407U;
            size_t pick = (size_t)(seed >> 33) % (sizeof(alphabet));
            text[len] = alphabet[pick];
        }
        char reason[JSON_REASON_SIZE] = "?";
        json_t *value = json_parse((struct span){text, (size_t)round % sizeof(text)}, reason);
        json_decref(value);
        for (size_t i = 0; reason[i] != '\0'; i++) {
            assert_in_range((unsigned char)reason[i], 0x20, 0x7e);
        }
    }
}

/* Also where jansson itself would call it a syntax error. */
static void test_out_of_memory(void **state)
{
    (void)state;
    char reason[JSON_REASON_SIZE];
    json_t *value = NULL;
    long n = 0;
    while (value == NULL) {
        alloc_fail_at(++n);
        value = json_parse(SPAN("{\"a\": [1, \"two\"]}"), reason);
        assert_true(value != NULL || errno == ENOMEM);
        assert_true(value != NULL || strcmp(reason, "out of memory") == 0);
    }
    alloc_fail_at(0);
    json_decref(value);
    assert_true(n > 3);
    assert_null(json_parse(SPAN("[1,"), reason));
    assert_int_equal(errno, EINVAL);
}

static void test_what_is_freed_is_wiped(void **state)
{
    (void)state;
    char reason[JSON_REASON_SIZE];
    alloc_watch("wJalrXUtnFEMI");
    json_decref(json_parse(SPAN("{\"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG\"}"), reason));
    assert_null(json_parse(SPAN("{\"SecretAccessKey\": \"wJalrXUtnFEMI/K7MDENG\""), reason));
    json_decref(json_parse(SPAN("{\"SecretAccessKey\": \"wJalrXUtnFEMI\", \"n\": 1e999}"), reason));
    assert_int_equal(alloc_leaks(), 0);
    alloc_watch(NULL);
}

static void test_string_member(void **state)
{
    (void)state;
    json_t *object = parse_good(SPAN("{\"a\":\"x\xc3\xa4\",\"n\":1,\"e\":\"\"}"));
    assert_true(span_equal(json_string_member(object, "a"), SPAN("x\xc3\xa4")));
    assert_null(json_string_member(object, "n").ptr);
    assert_int_equal(json_string_member(object, "n").len, 0);
    assert_null(json_string_member(object, "missing").ptr);
    assert_non_null(json_string_member(object, "e").ptr);
    assert_int_equal(json_string_member(object, "e").len, 0);
    json_decref(object);
    json_t *array = parse_good(SPAN("[]"));
    assert_null(json_string_member(array, "a").ptr);
    assert_null(json_string_member(NULL, "a").ptr);
    json_decref(array);
}

static void check_written(struct span text, const char *expected)
{
    struct buf b = BUF_INIT;
    json_write_string(&b, text);
    assert_false(buf_failed(&b));
    assert_string_equal(buf_str(&b), expected);
    buf_free(&b);
}

static void test_write_string(void **state)
{
    (void)state;
    check_written(SPAN(""), "\"\"");
    check_written((struct span){NULL, 0}, "\"\"");
    check_written(SPAN("plain text"), "\"plain text\"");
    check_written(SPAN("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    check_written(SPAN("\b\t\n\v\f\r\0\x1f\x7f"),
                  "\"\\b\\t\\n\\u000b\\f\\r\\u0000\\u001f\\u007f\"");
    check_written(SPAN("\xc3\xa4 \xf0\x9f\x98\x80"), "\"\xc3\xa4 \xf0\x9f\x98\x80\"");
    check_written(SPAN("\xff"
                       "a\xc3"),
                  "\"\xef\xbf\xbd"
                  "a\xef\xbf\xbd\"");
    check_written(SPAN("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

/* What is written is read back by jansson: the same text. */
static void test_write_string_round_trip(void **state)
{
    (void)state;
    char ascii[127];
    for (int i = 0; i < 127; i++) {
        ascii[i] = (char)(i + 1);
    }
    struct buf b = BUF_INIT;
    json_write_string(&b, (struct span){ascii, sizeof(ascii)});
    json_t *value = parse_good(buf_span(&b));
    assert_int_equal(json_string_length(value), sizeof(ascii));
    assert_memory_equal(json_string_value(value), ascii, sizeof(ascii));
    json_decref(value);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_any_value),
        cmocka_unit_test(test_numbers_of_any_size),
        cmocka_unit_test(test_numbers_beyond_a_double),
        cmocka_unit_test(test_numbers_beyond_a_double_hide_nothing),
        cmocka_unit_test(test_many_numbers_beyond_a_double),
        cmocka_unit_test(test_no_memory_for_numbers_beyond_a_double),
        cmocka_unit_test(test_says_what_is_wrong_and_where),
        cmocka_unit_test(test_nesting_limit),
        cmocka_unit_test(test_reason_is_printable),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_what_is_freed_is_wiped),
        cmocka_unit_test(test_string_member),
        cmocka_unit_test(test_write_string),
        cmocka_unit_test(test_write_string_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
