/* UTF-8: validation and what is blank. Pure functions, any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

#include <stdint.h>

/* Decodes one code point at `s` (len >= 1). Returns its length in bytes, or 0 when the bytes there
 * are no valid UTF-8 (overlong forms, surrogates and values over U+10FFFF are invalid). */
size_t utf8_decode(const char *s, size_t len, uint32_t *code_point);

/* Writes `code_point` (valid, no surrogate) as UTF-8; returns 1 to 4. */
size_t utf8_encode(uint32_t code_point, char out[4]);

/* Whether the text is UTF-8 throughout, by the rules of utf8_decode(). "" is; NUL is a character.
 */
bool utf8_valid(struct span text);

/* Whether str.isspace() of Python holds for the code point. */
bool utf8_is_space(uint32_t code_point);

/* True when the text is empty or only blanks. Invalid bytes are not blank. */
bool utf8_is_blank(struct span text);

#endif
