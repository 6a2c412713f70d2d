#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void every_code_point_goes_both_ways(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF) {
            continue;
        }
        char bytes[4];
        size_t n = utf8_encode(c, bytes);
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4);
        uint32_t back = ~c;
        assert_int_equal(utf8_decode(bytes, n, &back), n);
        assert_int_equal(back, c);
        /* Cut short: invalid, and nothing beyond the end is read (a sanitizer would tell). */
        char *cut = malloc(n);
        assert_non_null(cut);
        memcpy(cut, bytes, n - 1);
        for (size_t len = 1; len < n; len++) {
            assert_int_equal(utf8_decode(cut, len, &back), 0);
        }
        free(cut);
    }
}

/* Of all sequences of up to three bytes, exactly those that encode a code point are accepted;
 * longer ones are tried at the edges. */
static void nothing_else_is_accepted(void **state)
{
    (void)state;
    size_t accepted = 0;
    for (uint32_t i = 0; i < 0x1000000; i++) {
        char bytes[3] = {(char)(i >> 16), (char)(i >> 8), (char)i};
        uint32_t c = 0;
        size_t n = utf8_decode(bytes, 3, &c);
        if (n == 0) {
            continue;
        }
        char again[4];
        assert_int_equal(utf8_encode(c, again), n);
        assert_memory_equal(again, bytes, n);
        assert_false(c >= 0xD800 && c <= 0xDFFF);
        accepted++;
    }
    assert_int_equal(accepted, 128 * 65536 + 1920 * 256 + 61440);
    static const char *const wrong[] = {"\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                        "\xF8\x88\x80\x80", "\xF0\x90\x80\x7F", "\xF0\x90\xC0\x80",
                                        "\xF0\x10\x80\x80", "\xFF\xFF\xFF\xFF", "\xFC\x80\x80\x80",
                                        "\xF1\x80\x80"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint32_t c;
        assert_int_equal(utf8_decode(wrong[i], strlen(wrong[i]), &c), 0);
        assert_false(utf8_valid(span_of(wrong[i])));
    }
}

/* A fault must be seen wherever it stands relative to the words that are skipped eight bytes at a
 * time. */
static void validates_at_every_offset(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 40; len++) {
        char *text = malloc(len + 1);
        assert_non_null(text);
        memset(text, 'a', len);
        assert_true(utf8_valid((struct span){text, len}));
        for (size_t at = 0; at < len; at++) {
            text[at] = '\x80';
            assert_false(utf8_valid((struct span){text, len}));
            text[at] = '\xC3';
            assert_false(utf8_valid((struct span){text, len}));
            text[at] = 'a';
        }
        for (size_t at = 0; at + 2 <= len; at++) {
            text[at] = '\xC3';
            text[at + 1] = '\xA9';
            assert_true(utf8_valid((struct span){text, len}));
            text[at] = text[at + 1] = 'a';
        }
        free(text);
    }
    assert_true(utf8_valid((struct span){NULL, 0}));
    assert_true(utf8_valid((struct span){"a\0b", 3}));
}

/* All that Python 3.13's str.isspace() accepts: [c for c in range(0x110000) if chr(c).isspace()].
 */
static void blanks_are_pythons(void **state)
{
    (void)state;
    static const uint32_t blanks[] = {
        0x9,    0xA,    0xB,    0xC,    0xD,    0x1C,   0x1D,   0x1E,   0x1F,   0x20,
        0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006,
        0x2007, 0x2008, 0x2009, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000};
    size_t next = 0;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        bool expected = next < sizeof blanks / sizeof blanks[0] && blanks[next] == c;
        next += expected;
        assert_int_equal(utf8_is_space(c), expected);
    }
}

static void blank_texts(void **state)
{
    (void)state;
    assert_true(utf8_is_blank((struct span){NULL, 0}));
    assert_true(utf8_is_blank(SPAN(" \t\r\n\xC2\xA0\xE3\x80\x80")));
    assert_false(
        utf8_is_blank(SPAN(" \xE2\x80\x8B"))); /* zero width space: no blank in Python either */
    assert_false(utf8_is_blank(SPAN(" \xE3\x80")));
    assert_false(utf8_is_blank(SPAN("   .")));
    assert_false(utf8_is_blank((struct span){"\0", 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_goes_both_ways),
        cmocka_unit_test(nothing_else_is_accepted),
        cmocka_unit_test(validates_at_every_offset),
        cmocka_unit_test(blanks_are_pythons),
        cmocka_unit_test(blank_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
