/* The scorer rule by rule, bytes that are no text, long inputs, and the labels. What is expected
 * was asked of the reference. */
#include "support/test.h"

#include "base/num.h"
#include "sentiment/sentiment.h"
#include "support/alloc.h"

#include <stdio.h>
#include <stdlib.h>

struct example {
    const char *text, *polarity;
};

/* Scores a copy that ends where its memory ends, so that a sanitizer sees a read past the end. */
static double polarity_of(const char *bytes, size_t len)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    double result = sentiment_polarity((struct span){copy, len});
    free(copy);
    return result;
}

static void check(const struct example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char printed[NUM_SHORTEST_SIZE];
        num_shortest(polarity_of(examples[i].text, strlen(examples[i].text)), printed);
        if (strcmp(printed, examples[i].polarity) != 0) {
            fail_msg("'%s': %s, not %s", examples[i].text, printed, examples[i].polarity);
        }
    }
}
#define CHECK(examples) check(examples, sizeof(examples) / sizeof *(examples))

static void test_words(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"", "0.0"},
        {" ", "0.0"},
        {"good", "0.7"},
        {"GOOD, bad", "5.551115123125783e-17"},
        {"\xE2\x84\xAAind", "0.6"}, /* KELVIN SIGN becomes k */
        {"K\xC4\xB0nd", "0.0"},
        {"f*cking", "-0.6"},
        {"ok", "0.5"},
        {"thought-provokingly", "0.4"},
        {"thought-provokinglyy", "0.0"},
        {"good,bad", "0.0"},
        {"goodgoodgoodgoodgoodgoodgood", "0.0"},
        {"done with", "0.0"},
        {"good\xE3\x80\x80"
         "bad",
         "5.551115123125783e-17"},
        {"good\xE2\x80\x8B"
         "bad",
         "0.0"},
        {"good\xE2\x80\x99"
         "bad",
         "5.551115123125783e-17"},
    };
    CHECK(examples);
}

static void test_negations_and_modifiers(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"this isn't good", "0.7"},
        /* the n of n't is split off, at any length of the word */
        {"goodn't", "0.7"},
        {"n't good", "0.7"},
        {"awesomen't", "1.0"},
        {"horriblen't", "-1.0"},
        {"wonderfuln't", "1.0"},
        {"disappointedn't", "-0.75"},
        {"thought-provokinglyn't", "0.4"},
        {"not", "0.0"},
        {"not good", "-0.35"},
        {"not not good", "-0.35"},
        {"really good", "0.7"},
        {"really not good", "-0.35"},
        {"not really good", "-0.35"},
        {"not very good", "-0.26923076923076916"},
        {"extremely bad", "-0.6999999999999998"},
        {"very very very good", "0.9099999999999999"},
        /* a negation is kept over one code point, a modifier over two */
        {"no a good", "-0.35"},
        {"no an good", "0.7"},
        {"not \xC3\xA9 good", "-0.35"},
        {"not \xC4\xB0 good", "0.7"},
        {"very is good", "0.9099999999999999"},
        {"very was good", "0.44999999999999996"},
        {"very \xC4\xB0 good", "0.9099999999999999"},
        {"very i\xC4\xB0 good", "0.44999999999999996"},
        {"very \xC3\xA9\xC3\xA9 good", "0.9099999999999999"},
        {"very \xC3\xA9\xC3\xA9\xC3\xA9 good", "0.44999999999999996"},
        {"very .. good", "0.9099999999999999"},
        {"very ... good", "0.44999999999999996"},
        {"not ... good", "0.7"},
        {"very :) good", "0.44999999999999996"},
        {"never\xC2\x85"
         "bad",
         "0.3499999999999999"},
    };
    CHECK(examples);
}

static void test_marks(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {"! good", "0.7"},
        {"good !", "0.875"},
        {"good!", "0.875"},
        {"good!!", "1.0"},
        {"good!!!", "1.0"},
        {"bad (!)", "-0.3499999999999999"},
        {"( ! )", "0.0"},
        {"good : ( ! )", "0.35"},
        {": (!)", "0.0"},
        {":( !", "-0.9375"},
        {":((!)", "-0.375"},
        {"good ( \n\n ! )", "0.35"},
        {"good (! bad", "0.08750000000000008"},
        {"good ( END-OF-SENTENCE ! )", "0.35"},
    };
    CHECK(examples);
}

static void test_emoticons(void **state)
{
    (void)state;
    static const struct example examples[] = {
        {":-)", "0.5"},         {": - )", "0.5"},          {":-)x", "0.5"},
        {":c", "-0.75"},        {":c )", "0.75"},          {": c )", "0.75"},
        {":c\n\n)", "0.75"},    {":c. )", "0.0"},          {":\n\n)", "0.5"},
        {"<3", "1.0"},          {"\xE2\x99\xA5", "1.0"},   {"\xC2\xB0 O \xC2\xB0", "0.05"},
        {": ' ' ' (", "-1.0"},  {">:p", "0.75"},           {"> : )", "0.5"},
        {"abc> : )", "0.0"},    {"a8 )", "0.0"},           {"8 )", "0.5"},
        {"xD", "0.0"},                                     /* only letters */
        {"X - D", "1.0"},       {"complex D good", "0.7"}, /* the word is swallowed */
        {"video _ O", "0.0"},   {"o _ O", "0.05"},         {"o END-OF-SENTENCE _ O", "0.0"},
        {"good Mr. :)", "0.6"}, {"o. O", "0.05"},          {"oo. O", "0.0"},
    };
    CHECK(examples);
}

/* Each invalid byte counts as one U+FFFD, wherever the sequence breaks off. */
static void test_invalid_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t code_points;
    } broken[] = {
        {"\xFF", 1},         {"\x80", 1},
        {"\xC3", 1},         {"\xE2\x80", 2},
        {"\xE2\x99", 2},     {"\xC0\x80", 2},
        {"\xED\xA0\x80", 3}, {"\xF0\x9F\x98", 3},
        {"\xE2\x80\x41", 3}, {"\xF4\x90\x80\x80", 4},
    };
    static const char *const by_length[] = {NULL, "0.9099999999999999", "0.9099999999999999",
                                            "0.44999999999999996", "0.44999999999999996"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[32] = "very ";
        size_t len = strlen(broken[i].bytes);
        memcpy(text + 5, broken[i].bytes, len);
        memcpy(text + 5 + len, " good", sizeof " good");
        struct example example = {text, by_length[broken[i].code_points]};
        check(&example, 1);
    }
    assert_true(polarity_of("\xC2\xB0O\xC2 \xB0", 6) == 0.0); /* a cut character is not glued */
}

static void test_nul(void **state)
{
    (void)state;
    assert_true(polarity_of("good\0", 5) == 0.0); /* another word */
    assert_true(polarity_of("a\0b good", 8) == 0.7);
    assert_true(polarity_of("not \0 good", 10) == -0.35);
    assert_true(polarity_of("not \0\0 good", 11) == 0.7);
    assert_true(polarity_of("Mr\0. :(", 7) == -0.75);
    assert_true(sentiment_polarity((struct span){NULL, 0}) == 0.0);
}

/* Every beginning and every end of a text full of rules: no byte outside is read. */
static void test_any_cut(void **state)
{
    (void)state;
    static const char text[] =
        "\xE2\x80\x9C"
        "Don't! The U.S. 'very' good\xE2\x80\x9D... (!) :-) \xC2\xA0 o_O \xE3\x80\x80"
        "Mr. \xF0\x9F\x98\x80 8-D :c\r\n\r\n) extraordinarily isn't; n't";
    for (size_t from = 0; from < sizeof text - 1; from++) {
        for (size_t to = from; to < sizeof text; to++) {
            double polarity = polarity_of(text + from, to - from);
            assert_true(polarity >= -1.0 && polarity <= 1.0);
        }
    }
}

static double repeated(const char *pattern, size_t len)
{
    size_t n = strlen(pattern);
    char *text = malloc(len);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++) {
        text[i] = pattern[i % n];
    }
    alloc_fail_at(0);
    double polarity = sentiment_polarity((struct span){text, len});
    assert_int_equal(alloc_count(), 0);
    free(text);
    return polarity;
}

static void test_long_inputs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        double polarity;
    } examples[] = {
        {"\"", 0.0},
        {"'", 0.0},
        {"(", 0.0},
        {":-", 0.0},
        {"a", 0.0},
        {".", 0.0},
        {"!", 0.0},
        {"\xFF", 0.0},
        {"n't", 0.0},
        {"\n", 0.0},
        {":) ", 0.5},
        {"<3 ", 1.0},
        {"(!) ", 0.0},
        {"not ", 0.0},
        {"bad.\n", -0.6999999999999998},
        {"B|", 0.0},
        {"a.", 0.0},
        {"x D ", 0.0},
        {"\xE2\x80\x98", 0.0},
        {":c ", -0.75},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        size_t whole = 1000000 / strlen(examples[i].pattern) * strlen(examples[i].pattern);
        double polarity = repeated(examples[i].pattern, whole);
        if (polarity - examples[i].polarity > 1e-9 || examples[i].polarity - polarity > 1e-9) {
            fail_msg("'%s' again and again: %.17g", examples[i].pattern, polarity);
        }
    }
}

static void test_labels(void **state)
{
    (void)state;
    struct sentiment_thresholds t = SENTIMENT_THRESHOLDS_DEFAULT;
    assert_int_equal(sentiment_label(0.1, t), SENTIMENT_NEUTRAL);
    assert_int_equal(sentiment_label(0.10000000000000002, t), SENTIMENT_POSITIVE);
    assert_int_equal(sentiment_label(-0.1, t), SENTIMENT_NEUTRAL);
    assert_int_equal(sentiment_label(-0.10000000000000002, t), SENTIMENT_NEGATIVE);
    assert_int_equal(sentiment_label(0.0, t), SENTIMENT_NEUTRAL);
    t = (struct sentiment_thresholds){0.5, 0.25};
    assert_int_equal(sentiment_label(0.5, t), SENTIMENT_NEUTRAL);
    assert_int_equal(sentiment_label(0.24, t), SENTIMENT_NEGATIVE);
    assert_string_equal(sentiment_name(SENTIMENT_POSITIVE), "Positive");
    assert_string_equal(sentiment_name(SENTIMENT_NEUTRAL), "Neutral");
    assert_string_equal(sentiment_name(SENTIMENT_NEGATIVE), "Negative");
}

/* The polarity of `count` times the pattern and what comes behind them. */
static double run_of(const char *pattern, size_t count, const char *tail)
{
    char text[512] = "";
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", pattern);
    }
    (void)snprintf(text + len, sizeof text - len, "%s", tail);
    return sentiment_polarity(span_of(text));
}

/* Runs of marks are passed over in stretches. How often a pattern without an emoticon comes makes
 * no difference to what its last marks become with what follows. */
static void test_runs_of_marks(void **state)
{
    (void)state;
    static const char marks[] = ":;-('=<>*^";
    static const char *const tails[] = {") good", ":) bad", "( nice", "-( fine", "D !", "3 bad"};
    unsigned seed = 1;
    int compared = 0;
    for (int round = 0; round < 20000; round++) {
        char pattern[11] = "";
        for (int i = 0; i <= round % 10; i++) {
            seed = seed * 1103515245 + 12345;
            pattern[i] = marks[seed / 65536 % (sizeof marks - 1)];
        }
        const char *tail = tails[round % 6];
        size_t count = 5 + (size_t)round % 40;
        if (run_of(pattern, 6, "") != 0) {
            continue;
        }
        compared++;
        if (run_of(pattern, count, tail) != run_of(pattern, 4, tail)) {
            fail_msg("%zu times %s and %s", count, pattern, tail);
        }
    }
    assert_true(compared > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_of_marks),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_negations_and_modifiers),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_emoticons),
        cmocka_unit_test(test_invalid_utf8),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_long_inputs),
        cmocka_unit_test(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
