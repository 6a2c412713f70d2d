/* What the tokenizer knows about single bytes, and about the blanks and quotes beyond ASCII.
 * Constant data and pure functions; any thread. */
#ifndef SENTIMENT_CHARS_H
#define SENTIMENT_CHARS_H

#include <stddef.h>
#include <stdint.h>

enum chars_flags {
    CHARS_BLANK = 1,
    CHARS_QUOTE = 2,       /* ' and ": a token wherever it stands */
    CHARS_PUNCTUATION = 4, /* split off at both ends of a token; the quotes are not among them */
    CHARS_DOT = 8,         /* split off at the end only */
    CHARS_WIDE = 16,       /* may begin a blank or a quote beyond ASCII: ask chars_wide() */
    CHARS_TERMINATOR = 32, /* ends a sentence */
    CHARS_CLOSING = 64,    /* after a terminator still belongs to its sentence */
    CHARS_PLAIN = 128,     /* a mark that ends no sentence and begins no "(!)" */
    CHARS_IDLE = 256,      /* a plain mark that begins no emoticon */
};

extern const uint16_t chars_flags[256];

static inline unsigned chars_of(char byte)
{
    return chars_flags[(uint8_t)byte];
}

enum chars_wide_kind { CHARS_WIDE_BLANK, CHARS_WIDE_OPENING, CHARS_WIDE_CLOSING };

/* The length in bytes of the blank or quote beyond ASCII at `s` (before `end`), and its kind; 0
 * when there is none. */
size_t chars_wide(const char *s, const char *end, enum chars_wide_kind *kind);

#endif
