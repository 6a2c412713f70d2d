#include "support/test.h"

#include "base/json.h"
#include "base/utf8.h"
#include "generator/dice.h"
#include "generator/maker.h"
#include "generator/phrases.h"
#include "sentiment/sentiment.h"
#include "support/alloc.h"

#include <stdlib.h>

static void test_dice_repeat(void **state)
{
    (void)state;
    struct dice a = dice_of(7, 3);
    struct dice b = dice_of(7, 3);
    struct dice other_stream = dice_of(7, 4);
    struct dice other_seed = dice_of(8, 3);
    uint64_t first = dice_next(&a);
    assert_int_equal(first, dice_next(&b));
    assert_int_not_equal(first, dice_next(&other_stream));
    assert_int_not_equal(first, dice_next(&other_seed));
    assert_int_not_equal(first, dice_next(&a));
}

/* The first two numbers of splitmix64 from state 0, as its authors' code gives them. */
static void test_dice_are_splitmix64(void **state)
{
    (void)state;
    struct dice d = {0};
    assert_true(dice_next(&d) == 0xE220A8397B1DCDAFU);
    assert_true(dice_next(&d) == 0x6E789E6AA1B965F4U);
}

static void test_dice_below_is_even(void **state)
{
    (void)state;
    unsigned seen[7] = {0};
    struct dice d = dice_of(1, 1);
    for (int i = 0; i < 70000; i++) {
        uint32_t n = dice_below(&d, 7);
        assert_in_range(n, 0, 6);
        seen[n]++;
    }
    for (int i = 0; i < 7; i++) {
        assert_in_range(seen[i], 9600, 10400);
    }
    assert_int_equal(dice_below(&d, 1), 0);
}

static void test_every_place_of_every_sentence_is_known(void **state)
{
    (void)state;
    const struct phrases *lists[] = {&phrases_positive, &phrases_neutral, &phrases_negative};
    for (size_t l = 0; l < 3; l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            const char *at = lists[l]->entries[i];
            while ((at = strchr(at, '{')) != NULL) {
                size_t length = strcspn(++at, "}");
                assert_int_equal(at[length], '}');
                assert_non_null(phrases_find(at, length));
            }
        }
    }
    assert_null(phrases_find("thin", 4));
    assert_null(phrases_find("things", 6));
}

static void assert_body(uint64_t seed, uint64_t index, const char *expected)
{
    struct buf out = BUF_INIT;
    struct buf scratch = BUF_INIT;
    maker_body(&out, &scratch, seed, index);
    assert_string_equal(buf_str(&out), expected);
    buf_free(&out);
    buf_free(&scratch);
}

/* A seed that somebody noted down means the same reviews in every version. */
static void test_same_seed_same_reviews(void **state)
{
    (void)state;
    assert_body(1, 3,
                "{\"user_name\":\"Selma Eriksen\",\"review\":\"The knob alone is pleasant.\"}");
    assert_body(1, 4,
                "{\"user_name\":\"Aisha Sørensen\",\"review\":\"I bought it for my flatmate.\"}");
    assert_body(1, 10,
                "{\"user_name\":\"Mei Egede\",\"review\":\"My son says the router is pathetic. The "
                "router arrived in March.\"}");
}

static void test_a_becomes_an(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (uint64_t i = 0; i < 3000; i++) {
        buf_add_char(&text, ' ');
        maker_text(&text, 1, i);
    }
    assert_non_null(strstr(buf_str(&text), " A useless "));
    assert_non_null(strstr(buf_str(&text), " an ugly "));
    assert_non_null(strstr(buf_str(&text), " An ugly "));
    for (const char *at = buf_str(&text); (at = strpbrk(at, "aA")) != NULL; at++) {
        bool alone = at[-1] == ' ' && at[1] == ' ';
        assert_true(!alone || strchr("aeio", at[2]) == NULL);
        assert_true(at[-1] != ' ' || strncmp(at + 1, "n ", 2) != 0 || strchr("aeiou", at[3]));
    }
    buf_free(&text);
}

static void test_body_is_what_the_service_takes(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct buf scratch = BUF_INIT;
    for (uint64_t i = 0; i < 2000; i++) {
        char reason[JSON_REASON_SIZE];
        buf_clear(&out);
        maker_body(&out, &scratch, UINT64_MAX, UINT64_MAX / 3 + i);
        json_t *body = json_parse(buf_span(&out), reason);
        assert_non_null(body);
        assert_int_equal(json_object_size(body), 2);
        struct span name = json_string_member(body, "user_name");
        assert_in_range(name.len, 5, 60);
        assert_true(utf8_valid(name));
        assert_false(utf8_is_blank(json_string_member(body, "review")));
        json_decref(body);
    }
    buf_free(&out);
    buf_free(&scratch);
}

static void test_each_three_hold_one_of_each_sentiment(void **state)
{
    (void)state;
    const uint64_t seeds[] = {0, 1, 2, 42, UINT64_MAX};
    struct buf text = BUF_INIT;
    for (size_t s = 0; s < 5; s++) {
        for (uint64_t index = 0; index < 3000; index += 3) {
            int seen[3] = {0};
            for (uint64_t i = index; i < index + 3; i++) {
                buf_clear(&text);
                maker_text(&text, seeds[s], i);
                double polarity = sentiment_polarity(buf_span(&text));
                seen[sentiment_label(polarity, SENTIMENT_THRESHOLDS_DEFAULT)]++;
            }
            assert_true(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
        }
    }
    buf_free(&text);
}

static void test_out_of_memory_is_seen_in_the_body(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct buf scratch = BUF_INIT;
    alloc_fail_at(0);
    maker_body(&out, &scratch, 1, 1);
    long allocations = alloc_count();
    assert_false(buf_failed(&out));
    buf_free(&out);
    buf_free(&scratch);
    for (long n = 1; n <= allocations; n++) {
        alloc_fail_at(n);
        maker_body(&out, &scratch, 1, 1);
        assert_true(buf_failed(&out));
        alloc_fail_at(0);
        buf_free(&out);
        buf_free(&scratch);
    }
    assert_true(allocations >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dice_repeat),
        cmocka_unit_test(test_dice_are_splitmix64),
        cmocka_unit_test(test_dice_below_is_even),
        cmocka_unit_test(test_every_place_of_every_sentence_is_known),
        cmocka_unit_test(test_same_seed_same_reviews),
        cmocka_unit_test(test_a_becomes_an),
        cmocka_unit_test(test_body_is_what_the_service_takes),
        cmocka_unit_test(test_each_three_hold_one_of_each_sentiment),
        cmocka_unit_test(test_out_of_memory_is_seen_in_the_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
