#include "support/test.h"

#include "base/json.h"

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
    check_bad("[1e400]", "line 1, column 6: number out of range");
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

static long allocations_left;

static void *limited_malloc(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    char reason[JSON_REASON_SIZE];
    json_t *value = NULL;
    json_set_alloc_funcs(limited_malloc, free);
    long n = 0;
    for (; value == NULL && n < 100; n++) {
        allocations_left = n;
        reason[0] = '\0';
        value = json_parse(SPAN("{\"a\": [1, \"two\"]}"), reason);
        assert_true(value != NULL || reason[0] != '\0');
    }
    json_decref(value);
    json_set_alloc_funcs(malloc, free);
    assert_true(n > 3 && n < 100);
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
        cmocka_unit_test(test_says_what_is_wrong_and_where),
        cmocka_unit_test(test_nesting_limit),
        cmocka_unit_test(test_reason_is_printable),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_string_member),
        cmocka_unit_test(test_write_string),
        cmocka_unit_test(test_write_string_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
