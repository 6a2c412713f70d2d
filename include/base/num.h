/* Numbers as text: Python's str(float), and strict parsing. Pure functions, any thread. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/span.h"

#include <stdint.h>

enum { NUM_SHORTEST_SIZE = 32 };

/* Writes `value` as Python's str(float) does: the shortest digits that read back as the same
 * double, ".0" when integral, exponent form ("5e-05", "1e+16") below 1e-4 and from 1e16 on. Returns
 * the length without the NUL. Source: CPython Objects/floatobject.c float_repr, format code 'r'. */
size_t num_shortest(double value, char out[NUM_SHORTEST_SIZE]);

enum { NUM_PARSE_MAX = 127 }; /* bytes of a double's text */

/* Parse the whole of `text`; false (and *out untouched) when it is not a number of that form or out
 * of [min, max]. No blanks, no '+' in front, decimal only: "-12", and for a double also "0.5" and
 * "1e-05" (but not ".5", "5.", "inf", "nan", nor a value beyond the largest double). */
bool num_parse_int(struct span text, int64_t min, int64_t max, int64_t *out);
bool num_parse_double(struct span text, double min, double max, double *out);

#endif
