#include "cli/score_json.h"

#include "base/json.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Too large for the stack in a test with sanitizers; used again and again, as the command does. */
static struct score_json scratch;

/* Scans a copy that ends, with its padding, where its memory ends, so that a sanitizer sees any
 * byte too far. What follows the line is the worst: text that would go on. */
static char *copy;
static enum score_json_error scan(struct span line)
{
    free(copy);
    copy = malloc(line.len + SCORE_JSON_PAD);
    assert_non_null(copy);
    if (line.len > 0) {
        memcpy(copy, line.ptr, line.len);
    }
    memcpy(copy + line.len, "\nf00d\"}}", SCORE_JSON_PAD);
    return score_json_scan(&scratch, (struct span){copy, line.len});
}

static enum score_json_error scan_str(const char *line)
{
    return scan(span_of(line));
}

static void check_span(struct span s, const char *expected)
{
    assert_non_null(s.ptr);
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.ptr, expected, s.len);
}

static void finds_members(void **state)
{
    (void)state;
    assert_int_equal(scan_str("{\"review\":\"fine\"}"), SCORE_JSON_OK);
    check_span(scratch.review.raw, "fine");
    assert_false(scratch.review.escaped);
    assert_null(scratch.sentiment.ptr);
    assert_null(scratch.polarity_score.ptr);
    assert_int_equal(scratch.members_end, 16);

    assert_int_equal(scan_str(" { \"sentiment\" : [1, {\"review\": 2}] , \"review\":\"\\n\",\r"
                              "\"polarity_score\":-1.5e+3 , \"reviews\":null } \r"),
                     SCORE_JSON_OK);
    check_span(scratch.review.raw, "\\n");
    assert_true(scratch.review.escaped);
    check_span(scratch.sentiment, "[1, {\"review\": 2}]");
    check_span(scratch.polarity_score, "-1.5e+3");

    assert_int_equal(scan_str("{\"\\u0072eview\":\"\",\"polarit\\u0079_score\":{}}"),
                     SCORE_JSON_OK);
    check_span(scratch.review.raw, "");
    check_span(scratch.polarity_score, "{}");
    assert_int_equal(scratch.members_end, 42);
}

static void says_what_is_wrong_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum score_json_error error;
        size_t at;
    } cases[] = {
        {"", SCORE_JSON_ENDS_EARLY, 0},
        {"  ", SCORE_JSON_ENDS_EARLY, 2},
        {"[]", SCORE_JSON_NOT_AN_OBJECT, 0},
        {"x", SCORE_JSON_NOT_AN_OBJECT, 0},
        {"{", SCORE_JSON_ENDS_EARLY, 1},
        {"{}", SCORE_JSON_NO_REVIEW, 2},
        {"{\"x\":{\"review\":\"a\"}}", SCORE_JSON_NO_REVIEW, 20},
        {"{\"x\":{\"review\":\"a\"},\"y\":[\"review\"]}", SCORE_JSON_NO_REVIEW, 35},
        {"{\"review\":1}", SCORE_JSON_REVIEW_NO_STRING, 10},
        {"{\"review\":[\"a\"]}", SCORE_JSON_REVIEW_NO_STRING, 10},
        {"{\"review\":null}", SCORE_JSON_REVIEW_NO_STRING, 10},
        {"{\"review\":\"a\"} x", SCORE_JSON_TRAILING, 15},
        {"{\"review\":\"a\"}}", SCORE_JSON_TRAILING, 14},
        {"{\"review\":\"a\",}", SCORE_JSON_NAME_EXPECTED, 14},
        {"{review:\"a\"}", SCORE_JSON_NAME_EXPECTED, 1},
        {"{\"review\" \"a\"}", SCORE_JSON_COLON_EXPECTED, 10},
        {"{\"review\":\"a\" \"b\":1}", SCORE_JSON_COMMA_EXPECTED, 14},
        {"{\"a\":[1 2]}", SCORE_JSON_COMMA_EXPECTED, 8},
        {"{\"a\":[1}", SCORE_JSON_COMMA_EXPECTED, 7},
        {"{\"a\":[1,]}", SCORE_JSON_VALUE_EXPECTED, 8},
        {"{\"a\":}", SCORE_JSON_VALUE_EXPECTED, 5},
        {"{\"a\":tru}", SCORE_JSON_VALUE_EXPECTED, 5},
        {"{\"a\":-}", SCORE_JSON_VALUE_EXPECTED, 6},
        {"{\"a\":1.}", SCORE_JSON_VALUE_EXPECTED, 7},
        {"{\"a\":1e}", SCORE_JSON_VALUE_EXPECTED, 7},
        {"{\"a\":01}", SCORE_JSON_COMMA_EXPECTED, 6},
        {"{\"a\":+1}", SCORE_JSON_VALUE_EXPECTED, 5},
        {"{\"a\":\"\x01\"}", SCORE_JSON_CONTROL, 6},
        {"{\"a\":\"b", SCORE_JSON_ENDS_EARLY, 7},
        {"{\"a\":\"b\\", SCORE_JSON_ENDS_EARLY, 8},
        {"{\"a\":\"\\x\"}", SCORE_JSON_ESCAPE, 7},
        {"{\"a\":\"\\u00g0\"}", SCORE_JSON_ESCAPE, 6},
        {"{\"a\":\"\\u\"}", SCORE_JSON_ESCAPE, 6},
        {"{\"a\":\"\\u0000\"}", SCORE_JSON_NUL, 6},
        {"{\"a\\u0000\":1}", SCORE_JSON_NUL, 3},
        {"{\"a\":\"\\udc00\"}", SCORE_JSON_SURROGATE, 6},
        {"{\"a\":\"\\ud800\"}", SCORE_JSON_SURROGATE, 6},
        {"{\"a\":\"\\ud800\\ud800\"}", SCORE_JSON_SURROGATE, 6},
        {"{\"a\":\"\\ud800\\n0000\"}", SCORE_JSON_SURROGATE, 6},
        {"{\"a\":\"\xC3\"}", SCORE_JSON_UTF8, 6},
        {"{\"a\":\"\xED\xA0\x80\"}", SCORE_JSON_UTF8, 6},
        {"{\"\xFF\":1}", SCORE_JSON_UTF8, 2},
        {"{\"a\":1,\"a\":2}", SCORE_JSON_DUPLICATE, 7},
        {"{\"a\":1,\"\\u0061\":2}", SCORE_JSON_DUPLICATE, 7},
        {"{\"review\":\"a\",\"review\":\"b\"}", SCORE_JSON_DUPLICATE, 14},
        {"{\"a\":{\"b\":1,\"c\":{\"b\":1},\"b\":2}}", SCORE_JSON_DUPLICATE, 24},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum score_json_error error = scan_str(cases[i].line);
        if (error != cases[i].error || scratch.error_at != cases[i].at) {
            print_message("%s: %s at %zu\n", cases[i].line, score_json_error_text(error),
                          scratch.error_at);
        }
        assert_int_equal(error, cases[i].error);
        assert_int_equal(scratch.error_at, cases[i].at);
    }
    assert_int_equal(scan((struct span){"{\"a\":\"x\0y\"}", 11}), SCORE_JSON_CONTROL);
    assert_int_equal(scan((struct span){"{\"review\":\"x\"}\0", 15}), SCORE_JSON_TRAILING);
}

/* Bytes are looked at eight at a time: none may slip through, wherever it stands. */
static void looks_at_each_byte(void **state)
{
    (void)state;
    for (int c = 0; c <= 0xFF; c++) {
        for (size_t at = 11; at < 31; at++) {
            char line[] = "{\"review\":\"aaaaaaaaaaaaaaaaaaaa\"}";
            bool plain = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
            line[at] = (char)c;
            enum score_json_error error = scan((struct span){line, sizeof line - 1});
            assert_int_equal(error == SCORE_JSON_OK, plain);
            assert_int_equal(error == SCORE_JSON_CONTROL, c < 0x20);
        }
    }
}

static void has_a_text_for_each_error(void **state)
{
    (void)state;
    for (int error = SCORE_JSON_OK; error <= SCORE_JSON_LINE_TOO_LONG; error++) {
        assert_non_null(score_json_error_text((enum score_json_error)error));
        assert_true(strlen(score_json_error_text((enum score_json_error)error)) > 5);
    }
}

static enum score_json_error scan_names(size_t outer, size_t inner)
{
    struct buf line = BUF_INIT;
    buf_add_str(&line, "{\"review\":\"a\"");
    for (size_t i = 1; i < outer; i++) {
        buf_addf(&line, ",\"n%zu\":0", i);
    }
    buf_add_str(&line, ",\"inner\":{");
    for (size_t i = 0; i < inner; i++) {
        buf_addf(&line, "%s\"n%zu\":0", i > 0 ? "," : "", i);
    }
    buf_add_str(&line, "},\"last\":{}}");
    enum score_json_error error = scan(buf_span(&line));
    buf_free(&line);
    return error;
}

static void limits_members(void **state)
{
    (void)state;
    assert_int_equal(scan_names(1000, 22), SCORE_JSON_OK);
    assert_int_equal(scan_names(1000, 23), SCORE_JSON_OK);
    assert_int_equal(scan_names(1000, 24), SCORE_JSON_TOO_MANY);
    assert_int_equal(scan_names(1021, 0), SCORE_JSON_OK);
    assert_int_equal(scan_names(1022, 0), SCORE_JSON_OK);
    assert_int_equal(scan_names(1023, 0), SCORE_JSON_TOO_MANY);
}

/* The limit is the one of json_parse(). */
static void limits_depth(void **state)
{
    (void)state;
    for (size_t depth = SCORE_JSON_DEPTH_MAX - 2; depth <= SCORE_JSON_DEPTH_MAX; depth++) {
        for (int scalar = 0; scalar < 2; scalar++) {
            struct buf line = BUF_INIT;
            buf_add_str(&line, "{\"review\":\"a\",\"d\":");
            for (size_t i = 0; i < depth; i++) {
                buf_add_char(&line, '[');
            }
            buf_add_str(&line, scalar ? "1" : "");
            for (size_t i = 0; i < depth; i++) {
                buf_add_char(&line, ']');
            }
            buf_add_char(&line, '}');
            bool fits = depth + (size_t)scalar < SCORE_JSON_DEPTH_MAX;
            assert_int_equal(scan(buf_span(&line)), fits ? SCORE_JSON_OK : SCORE_JSON_TOO_DEEP);
            char reason[JSON_REASON_SIZE];
            json_t *tree = json_parse(buf_span(&line), reason);
            assert_int_equal(tree != NULL, fits);
            json_decref(tree);
            buf_free(&line);
        }
    }
}

static void unescapes(void **state)
{
    (void)state;
    static const char raw[] =
        "a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\uDE00\xC3\xA9z";
    static const char text[] = "a\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xA9z";
    char out[sizeof raw];
    size_t len = score_string_unescape(span_of(raw), out);
    assert_int_equal(len, sizeof text - 1);
    assert_memory_equal(out, text, len);
    assert_int_equal(score_string_unescape(SPAN(""), out), 0);
}

static uint64_t random_state = UINT64_C(88172645463325252);
static size_t random_below(size_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (size_t)(random_state % n);
}

static const char *const seeds[] = {
    "{\"review\": \"The tool is fantastic.\", \"stars\": 5}",
    "{\"review\":\"\\u00e9\\ud83d\\ude00\\n\\\"\",\"sentiment\":\"x\",\"polarity_score\":null}",
    "{\"user_name\":\"P\xC3\xA9ter\",\"review\":\"\xF0\x9F\x98\x80\",\"a\":{\"b\":[2.5e-3]}}",
    "{\"a\":[],\"b\":{},\"review\":\"\",\"c\":[[true,false],[null]],\"d\":-0.0,\"e\":1E+2}",
    " {\t\"review\" :\r\"x\" , \"r\\u0065view2\" : 12345678901234567890 } ",
    "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}],\"review\":\"deep\"}",
};

/* clang-format off */
static const char *const tokens[] = {
    "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "-", ".", "e", "E", "+", "true", "null", " ",
    "\t", "\r", "\\u", "\\u0000", "\\u0041", "\\ud800", "\\udc00", "\\ud83d\\ude00", "\x01", "\x7F",
    "\x80", "\xC3", "\xC3\xA9", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\"review\"", "\"a\":1,",
    "\"a\":", "\\n", "\\/", "/"};
/* clang-format on */

/* Replaces, drops, doubles or inserts something, once or a few times. */
static size_t mutate(char *line, size_t len, size_t cap)
{
    for (size_t times = 1 + random_below(3); times > 0; times--) {
        const char *token = tokens[random_below(sizeof tokens / sizeof tokens[0])];
        size_t at = random_below(len + 1);
        size_t drop = random_below(3) == 0 ? 0 : random_below(4);
        size_t add = random_below(3) == 0 ? 0 : strlen(token);
        if (drop > len - at) {
            drop = len - at;
        }
        if (len - drop + add > cap) {
            continue;
        }
        memmove(line + at + add, line + at + drop, len - at - drop);
        memcpy(line + at, token, add);
        len += add - drop;
    }
    return len;
}

static void check_accepted(const json_t *tree)
{
    struct span review = json_string_member(tree, "review");
    char text[512];
    struct span raw = scratch.review.raw;
    size_t len = raw.len;
    if (scratch.review.escaped) {
        len = score_string_unescape(raw, text);
    } else {
        memcpy(text, raw.ptr, len);
    }
    assert_int_equal(len, review.len);
    assert_memory_equal(text, review.ptr, len);
    assert_int_equal(scratch.sentiment.ptr != NULL, json_object_get(tree, "sentiment") != NULL);
    assert_int_equal(scratch.polarity_score.ptr != NULL,
                     json_object_get(tree, "polarity_score") != NULL);
}

/* jansson and the scanner must agree on hundreds of thousands of lines that are almost JSON. */
static void agrees_with_jansson(void **state)
{
    (void)state;
    size_t accepted = 0;
    size_t refused = 0;
    for (int i = 0; i < 300000; i++) {
        char line[512];
        const char *seed = seeds[random_below(sizeof seeds / sizeof seeds[0])];
        size_t len = strlen(seed);
        memcpy(line, seed, len);
        len = mutate(line, len, sizeof line);
        struct span text = {line, len};
        enum score_json_error error = scan(text);
        char reason[JSON_REASON_SIZE];
        json_t *tree = json_parse(text, reason);
        bool good = tree != NULL && json_string_member(tree, "review").ptr != NULL;
        if (good != (error == SCORE_JSON_OK)) {
            print_message("%.*s\n", (int)len, line);
            fail_msg("jansson: %s, scanner: %s", tree != NULL ? "fine" : reason,
                     score_json_error_text(error));
        }
        if (good) {
            check_accepted(tree);
        }
        json_decref(tree);
        accepted += good;
        refused += !good;
    }
    assert_true(accepted > 30000);
    assert_true(refused > 30000);
}

static int free_copy(void **state)
{
    (void)state;
    free(copy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_members),      cmocka_unit_test(says_what_is_wrong_and_where),
        cmocka_unit_test(looks_at_each_byte), cmocka_unit_test(has_a_text_for_each_error),
        cmocka_unit_test(limits_members),     cmocka_unit_test(limits_depth),
        cmocka_unit_test(unescapes),          cmocka_unit_test(agrees_with_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, free_copy);
}
