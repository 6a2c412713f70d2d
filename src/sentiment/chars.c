#include "chars.h"

#include <stdbool.h>

/* A plain mark, and one that is idle too. */
enum {
    PLAIN = CHARS_PUNCTUATION | CHARS_PLAIN,
    IDLE = PLAIN | CHARS_IDLE,
    QUOTE = CHARS_QUOTE | CHARS_PLAIN | CHARS_IDLE,
};

const uint16_t chars_flags[256] = {
    ['\t'] = CHARS_BLANK,
    ['\n'] = CHARS_BLANK,
    ['\v'] = CHARS_BLANK,
    ['\f'] = CHARS_BLANK,
    ['\r'] = CHARS_BLANK,
    [0x1C] = CHARS_BLANK,
    [0x1D] = CHARS_BLANK,
    [0x1E] = CHARS_BLANK,
    [0x1F] = CHARS_BLANK,
    [' '] = CHARS_BLANK,
    ['\''] = QUOTE,
    ['"'] = QUOTE,
    ['.'] = CHARS_DOT | CHARS_TERMINATOR | CHARS_CLOSING,
    ['!'] = CHARS_PUNCTUATION | CHARS_TERMINATOR | CHARS_CLOSING,
    ['?'] = CHARS_PUNCTUATION | CHARS_TERMINATOR | CHARS_CLOSING,
    [')'] = IDLE | CHARS_CLOSING,
    [','] = IDLE,
    [';'] = PLAIN,
    [':'] = PLAIN,
    ['('] = CHARS_PUNCTUATION,
    ['['] = IDLE,
    [']'] = IDLE,
    ['{'] = IDLE,
    ['}'] = IDLE,
    ['`'] = IDLE,
    ['@'] = IDLE,
    ['#'] = IDLE,
    ['$'] = IDLE,
    ['^'] = IDLE,
    ['&'] = IDLE,
    ['*'] = PLAIN,
    ['+'] = IDLE,
    ['-'] = IDLE,
    ['|'] = IDLE,
    ['='] = PLAIN,
    ['~'] = IDLE,
    ['_'] = IDLE,
    [0xC2] = CHARS_WIDE,
    [0xE1] = CHARS_WIDE,
    [0xE2] = CHARS_WIDE,
    [0xE3] = CHARS_WIDE,
};

static size_t general_punctuation(uint8_t last, enum chars_wide_kind *kind)
{
    if (last <= 0x8A || last == 0xA8 || last == 0xA9 ||
        last == 0xAF) { /* U+2000-200A, 2028, 2029, 202F */
        return 3;
    }
    bool opening = last == 0x98 || last == 0x9C; /* U+2018, 201C */
    bool closing = last == 0x99 || last == 0x9D;
    *kind = closing ? CHARS_WIDE_CLOSING : CHARS_WIDE_OPENING;
    return opening || closing ? 3 : 0;
}

size_t chars_wide(const char *s, const char *end, enum chars_wide_kind *kind)
{
    const uint8_t *b = (const uint8_t *)s;
    *kind = CHARS_WIDE_BLANK;
    if (end - s >= 2 && b[0] == 0xC2) {
        return b[1] == 0x85 || b[1] == 0xA0 ? 2 : 0;
    }
    if (end - s < 3) {
        return 0;
    }
    if (b[0] == 0xE2 && b[1] == 0x80 && b[2] >= 0x80) {
        return general_punctuation(b[2], kind);
    }
    bool blank = (b[0] == 0xE1 && b[1] == 0x9A && b[2] == 0x80) || /* U+1680 */
                 (b[0] == 0xE2 && b[1] == 0x81 && b[2] == 0x9F) || /* U+205F */
                 (b[0] == 0xE3 && b[1] == 0x80 && b[2] == 0x80);   /* U+3000 */
    return blank ? 3 : 0;
}
