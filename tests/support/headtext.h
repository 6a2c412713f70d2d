/* Raw request heads as libmicrohttpd hands them out: for the tests and the fuzzer of
 * src/http/head.c. */
#ifndef SUPPORT_HEADTEXT_H
#define SUPPORT_HEADTEXT_H

#include "http/head.h"

/* Parses `raw` (a NUL-terminated buffer of `len` bytes, changed in place) as libmicrohttpd 0.9.75
 * does: separators are overwritten by NUL, strings end at the first NUL. False when there is no
 * whole head in it, or the library itself would refuse it. */
bool headtext_parse(char *raw, size_t len, struct head *out);

#endif
