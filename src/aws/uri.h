/* Taking http and https addresses apart, strictly. Pure functions, any thread. */
#ifndef AWS_URI_H
#define AWS_URI_H

#include "base/span.h"

struct uri {
    bool https;
    struct span authority; /* "host:port" as written, brackets included */
    struct span host;      /* without brackets */
    bool bracketed;        /* an IPv6 address */
    int port;              /* 0: none written */
    struct span path;      /* from '/' on, query included; may be empty */
};

/* Splits `text` into spans of it. False unless it is "http://" or "https://" in exactly these
 * letters, a host of letters, digits, '.', '-' and '_' or an IPv6 address in brackets, perhaps a
 * port of 1 to 65535, and then nothing or a path or query of printable ASCII. User names,
 * fragments, blanks and backslashes are refused: parsers disagree about what they mean, and an
 * address check must not be fooled. */
bool uri_split(const char *text, struct uri *out);

/* Whether `text` is a path as above: begins with '/', printable ASCII, no blank, backslash or '#'.
 */
bool uri_path_ok(struct span text);

/* Whether credentials may be fetched from it in clear: a loopback address (127.0.0.0/8, ::1,
 * "localhost") or one of the addresses that container agents have. */
bool uri_is_local(const struct uri *uri);

#endif
