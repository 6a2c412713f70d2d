/* The lexicon's table, its lookup, and what the tokenizer knows about characters and abbreviations.
 */
#include "support/test.h"

#include "base/utf8.h"
#include "sentiment/abbreviation.h"
#include "sentiment/chars.h"
#include "sentiment/lexicon.h"

static unsigned find(const char *text)
{
    return lexicon_item(text, strlen(text));
}

/* Every slot's entry is found by its own text, and there are as many as there should be. */
static void test_every_entry_is_found(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < LEXICON_SLOTS; i++) {
        unsigned item = lexicon_slots[i];
        if (item == 0) {
            continue;
        }
        char text[LEXICON_TEXT_MAX + 1] = {0};
        memcpy(text, lexicon_entries[item].text, LEXICON_TEXT_MAX);
        assert_int_equal(find(text), item);
        assert_true(lexicon_entries[item].intensity < LEXICON_INTENSITIES);
        assert_true(lexicon_entries[item].polarity >= -1.0 &&
                    lexicon_entries[item].polarity <= 1.0);
        count++;
    }
    assert_int_equal(count, 2840 + 3 + 67);
}

static void test_unknown_by_length(void **state)
{
    (void)state;
    assert_int_equal(find("q"), ITEM_ONE);
    assert_int_equal(find("\xC3\xA9"), ITEM_ONE);
    assert_int_equal(find("\xFF"), ITEM_ONE);
    assert_int_equal(find("qq"), ITEM_PAIR);
    assert_int_equal(find("\xC4\xB0"), ITEM_PAIR);
    assert_int_equal(find("xD"), ITEM_PAIR);
    assert_int_equal(find("qqq"), ITEM_MANY);
    assert_int_equal(find("qqqqqqqqqqqqqqqqqqqqqq"), ITEM_MANY);
    assert_int_equal(find("qqqqqqqqqqqqqqqqqqqqqqq"), ITEM_MANY);
    assert_int_equal(lexicon_item("good\0", 5), ITEM_MANY);
}

static void test_case(void **state)
{
    (void)state;
    unsigned good = find("good");
    assert_true(good > ITEM_MANY);
    assert_int_equal(find("GoOD"), good);
    assert_int_equal(find("\xE2\x84\xAAind"), find("kind"));
    assert_int_equal(find("O_o"), find("o_o"));
    assert_true((lexicon_entries[find("Not")].flags & LEXICON_NEGATION) != 0);
    assert_true((lexicon_entries[find(":-d")].flags & LEXICON_EMOTICON) != 0);
}

/* Steps through the emoticon byte by byte from the root: only the last step completes it. */
static void check_emoticon(const char *text, bool longest_known)
{
    unsigned at = 0;
    for (const char *c = text; *c != '\0'; c++) {
        unsigned next = emoticon_step(at, *c);
        bool last = c[1] == '\0';
        assert_int_equal((next & EMOTICON_ACT) != 0, last && longest_known);
        at = next & (EMOTICON_ACT - 1U);
    }
    assert_int_equal(emoticon_item(at), find(text));
    assert_int_equal(emoticon_depth(at), strlen(text));
}

static void test_automaton(void **state)
{
    (void)state;
    check_emoticon(":-)", true);
    check_emoticon(":'''(", true);
    check_emoticon("\xC2\xB0O\xC2\xB0", true);
    check_emoticon(">.>", true);
    check_emoticon(":c", false);
    check_emoticon(":o", false);
    unsigned undecided = emoticon_step(emoticon_step(0, ':'), 'c');
    assert_true((emoticon_step(undecided, ')') & EMOTICON_ACT) != 0);
    assert_true((emoticon_step(undecided, 'z') & EMOTICON_ACT) != 0);
    assert_int_equal(emoticon_step(0, 'z'), 0);
}

/* What counts as a blank is what Python's str.isspace() says, over all of Unicode. */
static void test_blanks(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char text[4];
        if (c >= 0xD800 && c <= 0xDFFF) {
            continue;
        }
        size_t len = utf8_encode(c, text);
        enum chars_wide_kind kind = CHARS_WIDE_OPENING;
        bool wide = (chars_of(*text) & CHARS_WIDE) != 0 &&
                    chars_wide(text, text + len, &kind) != 0 && kind == CHARS_WIDE_BLANK;
        assert_int_equal(wide || (chars_of(*text) & CHARS_BLANK) != 0, utf8_is_space(c));
    }
}

static void test_wide_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum chars_wide_kind kind;
    } quotes[] = {
        {"\xE2\x80\x98", CHARS_WIDE_OPENING},
        {"\xE2\x80\x99", CHARS_WIDE_CLOSING},
        {"\xE2\x80\x9C", CHARS_WIDE_OPENING},
        {"\xE2\x80\x9D", CHARS_WIDE_CLOSING},
    };
    enum chars_wide_kind kind;
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        assert_int_equal(chars_wide(quotes[i].text, quotes[i].text + 3, &kind), 3);
        assert_int_equal(kind, quotes[i].kind);
        assert_int_equal(chars_wide(quotes[i].text, quotes[i].text + 2, &kind), 0);
    }
    static const char low[] = "\xE2\x80\x9A";
    assert_int_equal(chars_wide(low, low + 3, &kind), 0);
    assert_int_equal(chars_wide("\xC2", low, &kind), 0);
}

static void test_idle_marks(void **state)
{
    (void)state;
    for (int c = 1; c < 128; c++) {
        unsigned flags = chars_of((char)c);
        bool mark = (flags & (CHARS_QUOTE | CHARS_PUNCTUATION)) != 0;
        bool plain = mark && (flags & CHARS_TERMINATOR) == 0 && c != '(';
        bool idle = plain && emoticon_step(0, (char)c) == 0;
        assert_int_equal((flags & CHARS_PLAIN) != 0, plain);
        assert_int_equal((flags & CHARS_IDLE) != 0, idle);
    }
}

static void test_abbreviations(void **state)
{
    (void)state;
    static const char *const yes[] = {"T",   "t",  "U.S", "e.g", "a.b.c", "Mr", "Hmm",
                                      "B|c", "B|", "etc", "Med", "orig",  "vs", "Sth"};
    static const char *const no[] = {"",    "1",  "U.S.",     "ab.c", "mr",  "My",
                                     "Sky", "A.", ".a",       "med",  "Eta", "etcx",
                                     "TV",  "Ma", "\xC3\x89", "w/",   "Mr1"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_true(abbreviation_is(yes[i], strlen(yes[i])));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_false(abbreviation_is(no[i], strlen(no[i])));
    }
    assert_false(abbreviation_is("al\0", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_entry_is_found),
        cmocka_unit_test(test_unknown_by_length),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_automaton),
        cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_wide_quotes),
        cmocka_unit_test(test_idle_marks),
        cmocka_unit_test(test_abbreviations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
