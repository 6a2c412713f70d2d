/* JSON through jansson, with the strictness and the error texts of this service in one place. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

#include <jansson.h>

enum { JSON_REASON_SIZE = 192 };

/* Parses exactly one JSON text: no trailing garbage, no duplicate keys, no NUL in strings, valid
 * UTF-8, no more than 2,048 levels. Returns a new reference, or NULL with one line in `reason` that
 * says what is wrong and where ("line 1, column 12: …"), made of printable ASCII that quotes
 * nothing of the text, and errno EINVAL, or ENOMEM when it is memory that is missing. When an
 * integer is beyond 64 bits, all integers of the text become reals; a number beyond a double
 * becomes 1e308 with its sign. What is freed of it is wiped. Any thread. */
json_t *json_parse(struct span text, char reason[JSON_REASON_SIZE]);

/* The string member `key` of an object as a span into it: valid while the object lives. The empty
 * span with ptr NULL when the member is missing or not a string. */
struct span json_string_member(const json_t *object, const char *key);

/* Appends `text` as a JSON string with its quotes. What is not valid UTF-8 becomes U+FFFD, so the
 * output is always valid. Non-ASCII is written as it is. */
void json_write_string(struct buf *out, struct span text);

#endif
