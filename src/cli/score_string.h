/* JSON strings as they stand in a line, whose grammar has been checked (score_json.h). Pure
 * functions. */
#ifndef CLI_SCORE_STRING_H
#define CLI_SCORE_STRING_H

#include "base/span.h"

/* The inside of a string, without its quotes. */
struct score_string {
    struct span raw;
    bool escaped; /* there is a backslash in it */
};

/* A string literal without escapes. */
#define SCORE_STRING(literal) ((struct score_string){SPAN(literal), false})

/* Writes the text that `raw` stands for as UTF-8; never longer than `raw`. Returns its length. */
size_t score_string_unescape(struct span raw, char *out);

/* Whether both stand for the same text. */
bool score_string_equal(struct score_string a, struct score_string b);

/* The number that the four hexadecimal digits at `p` make, or -1; does not read behind what is no
 * digit. */
int score_string_hex4(const char *p);

static inline bool score_string_is_high(int unit) /* first half of a surrogate pair */
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static inline bool score_string_is_low(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

#endif
