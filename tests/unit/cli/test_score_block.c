#include "cli/score_block.h"

#include "fake_scorer.h"
#include "support/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct score_json json;
static struct score_block block;
static const struct score_options ndjson = {true, {0.1, -0.1}};
static const struct score_options plain = {false, {0.1, -0.1}};

static int make_block(void **state)
{
    (void)state;
    return score_block_init(&block);
}

static int free_block(void **state)
{
    (void)state;
    score_block_free(&block);
    return 0;
}

static void process(const char *lines, const struct score_options *options)
{
    score_block_clear(&block);
    block.in_len = strlen(lines);
    assert_true(block.in_len <= block.in_cap);
    memcpy(block.in, lines, block.in_len);
    score_block_process(&block, options, &json);
}

static void check(const char *lines, const struct score_options *options, const char *expected)
{
    process(lines, options);
    assert_false(buf_failed(&block.out));
    struct span out = buf_span(&block.out);
    if (!span_equal(out, span_of(expected))) {
        print_message("got: %.*s", (int)out.len, out.ptr);
    }
    assert_true(span_equal(out, span_of(expected)));
    assert_int_equal(block.fault_count, 0);
}

static void writes_text(void **state)
{
    (void)state;
    check("p=0.25 good\np=-0.33653846153846145\n\nmild\np=0.1\np=-0.1\n", &plain,
          "0.25\tPositive\n-0.33653846153846145\tNegative\n0.0\tNeutral\n0.0\tNeutral\n"
          "0.1\tNeutral\n-0.1\tNeutral\n");
    assert_int_equal(block.lines, 6);
    const struct score_options strict = {false, {0.5, -0.5}};
    check("p=0.5\np=0.51\np=-0.5\np=-0.51\n", &strict,
          "0.5\tNeutral\n0.51\tPositive\n-0.5\tNeutral\n-0.51\tNegative\n");
}

static void adds_members(void **state)
{
    (void)state;
    check("{\"review\": \"p=0.8\"}\n", &ndjson,
          "{\"review\": \"p=0.8\", \"sentiment\": \"Positive\", \"polarity_score\": \"0.8\"}\n");
    check(
        " {\"n\":1e2,\"review\":\"p=-0.33653846153846145\"\t, \"x\":[ ] } \r\n{\"review\":\"\"}\n",
        &ndjson,
        " {\"n\":1e2,\"review\":\"p=-0.33653846153846145\"\t, \"x\":[ ], \"sentiment\": "
        "\"Negative\", "
        "\"polarity_score\": \"-0.33653846153846145\" } \r\n"
        "{\"review\":\"\", \"sentiment\": \"Neutral\", \"polarity_score\": \"0.0\"}\n");
}

static void replaces_members(void **state)
{
    (void)state;
    check("{\"sentiment\":{\"a\":[1]},\"review\":\"p=1\",\"polarity_score\":7}\n", &ndjson,
          "{\"sentiment\":\"Positive\",\"review\":\"p=1\",\"polarity_score\":\"1.0\"}\n");
    check("{\"polarity_score\" : null , \"sentiment\" : \"\" ,\"review\":\"p=1\"}\n", &ndjson,
          "{\"polarity_score\" : \"1.0\" , \"sentiment\" : \"Positive\" ,\"review\":\"p=1\"}\n");
    check("{\"review\":\"p=1\",\"polarity_score\":0 }\n", &ndjson,
          "{\"review\":\"p=1\",\"polarity_score\":\"1.0\", \"sentiment\": \"Positive\" }\n");
    check("{\"sentiment\":0,\"review\":\"p=1\"}\n", &ndjson,
          "{\"sentiment\":\"Positive\",\"review\":\"p=1\", \"polarity_score\": \"1.0\"}\n");
}

static void scores_the_unescaped_text(void **state)
{
    (void)state;
    check("{\"review\":\"\\u0070=0\\u002e5\"}\n", &ndjson,
          "{\"review\":\"\\u0070=0\\u002e5\", \"sentiment\": \"Positive\", \"polarity_score\": "
          "\"0.5\"}\n");
}

static void notes_faults(void **state)
{
    (void)state;
    process("{\"review\":\"p=1\"}\n{\"review\":1}\n\n \t\r\nx\n{\"review\":\"\"}\n", &ndjson);
    assert_string_equal(
        buf_str(&block.out),
        "{\"review\":\"p=1\", \"sentiment\": \"Positive\", \"polarity_score\": \"1.0\"}\n"
        "\n\n\n\n"
        "{\"review\":\"\", \"sentiment\": \"Neutral\", \"polarity_score\": \"0.0\"}\n");
    assert_int_equal(block.lines, 6);
    assert_int_equal(block.fault_count, 2);
    assert_int_equal(block.faults[0].line, 1);
    assert_int_equal(block.faults[0].at, 10);
    assert_int_equal(block.faults[0].error, SCORE_JSON_REVIEW_NO_STRING);
    assert_int_equal(block.faults[1].line, 4);
    assert_int_equal(block.faults[1].error, SCORE_JSON_NOT_AN_OBJECT);

    score_block_clear(&block);
    block.too_long = true;
    score_block_process(&block, &ndjson, &json);
    assert_string_equal(buf_str(&block.out), "\n");
    assert_int_equal(block.lines, 1);
    assert_int_equal(block.fault_count, 1);
    assert_int_equal(block.faults[0].error, SCORE_JSON_LINE_TOO_LONG);
}

static void gives_memory_back(void **state)
{
    (void)state;
    assert_int_equal(score_block_grow(&block, SCORE_BLOCK_LARGE), 0);
    score_block_clear(&block);
    assert_int_equal(block.in_cap, SCORE_BLOCK_LARGE);
    assert_int_equal(score_block_grow(&block, SCORE_BLOCK_LARGE + 1), 0);
    assert_true(buf_reserve(&block.out, 4 * (size_t)SCORE_BLOCK_LARGE));
    score_block_clear(&block);
    assert_int_equal(block.in_cap, SCORE_BLOCK_SIZE);
    assert_int_equal(block.out.cap, 0);
}

/* Each allocation fails once: the block says so, or the output is complete. */
static void survives_lack_of_memory(void **state)
{
    (void)state;
    static const char lines[] =
        "{\"review\":\"\\u0070=1\",\"sentiment\":0}\nx\n{\"review\":\"p=1\"}\n";
    for (long n = 1;; n++) {
        score_block_free(&block);
        assert_int_equal(score_block_init(&block), 0);
        memcpy(block.in, lines, sizeof lines - 1);
        block.in_len = sizeof lines - 1;
        alloc_fail_at(n);
        score_block_process(&block, &ndjson, &json);
        bool happened = alloc_count() >= n;
        alloc_fail_at(0);
        assert_int_equal(buf_failed(&block.out), happened);
        if (!happened) {
            break;
        }
        assert_true(n < 100);
    }
    assert_int_equal(block.fault_count, 1);
    alloc_fail_at(1);
    assert_int_equal(score_block_grow(&block, SCORE_BLOCK_LARGE), -1);
    alloc_fail_at(0);
    assert_int_equal(block.in_cap, SCORE_BLOCK_SIZE);
}

static void knows_blanks(void **state)
{
    (void)state;
    assert_true(score_is_blank(SPAN("")));
    assert_true(score_is_blank(SPAN(" \t\r")));
    assert_false(score_is_blank(SPAN(" \v")));
    assert_false(score_is_blank((struct span){"\0", 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_text),
        cmocka_unit_test(adds_members),
        cmocka_unit_test(replaces_members),
        cmocka_unit_test(scores_the_unescaped_text),
        cmocka_unit_test(notes_faults),
        cmocka_unit_test(gives_memory_back),
        cmocka_unit_test(survives_lack_of_memory),
        cmocka_unit_test(knows_blanks),
    };
    return cmocka_run_group_tests(tests, make_block, free_block);
}
