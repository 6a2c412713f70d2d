/* The strictness about a request's head that libmicrohttpd 0.9.75 leaves to us: whatever two HTTP
 * parsers could read in two ways is refused, because a proxy in front may read it the other way
 * (request smuggling).
 *
 * Refused: no or several Host fields in HTTP/1.1 or an invalid one; Content-Length together with
 * Transfer-Encoding; Content-Length that is repeated or no plain number; Transfer-Encoding other
 * than a single "chunked" without blanks behind it, or with HTTP/1.0; a method or field name that
 * is no token (RFC 9110 5.6.2); a control character in a value; folded lines; NUL bytes anywhere in
 * the head, also as %00 in the target; a request line with more than single blanks.
 *
 * libmicrohttpd hands out C strings, so a NUL byte would only seem to end a value. But it parses in
 * place and only overwrites separators by NUL: what it hands out must cover the head without a gap.
 * head_check() tells by the addresses. Verified for 0.9.75 by the tests; from 1.0 on the library
 * refuses such heads itself and does not promise this layout, so there only the contents are
 * checked.
 *
 * Pure function of its input. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "base/span.h"

enum { HEAD_FIELDS_MAX = 100 };

struct head_field {
    struct span name;
    struct span value;
};

struct head {
    const char *method;
    struct span target;  /* the request target as it came, before decoding */
    const char *version; /* "HTTP/1.1" */
    struct head_field fields[HEAD_FIELDS_MAX];
    size_t field_count;
    bool too_many; /* there were more fields than fit */
    size_t size;   /* bytes from `method` to the end of the head; 0: do not check the layout */
};

/* NULL when the head is sound, else what is wrong: a static sentence for the client. */
const char *head_check(const struct head *head);

/* The same for the request target as it came. A NUL byte in percent-encoding is refused too:
 * decoded, the path would seem to end there. */
const char *head_check_target(struct span target);

/* The first field called `name` (any case); ptr NULL when there is none. */
struct span head_find(const struct head *head, const char *name);

#endif
